// The process-wide registry of unmanaged memory consumers, which Spark has from 4.1 on: everything is reached by name, so that
// this compiles against older Sparks.
package org.apache.spark.memory;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.lang.reflect.Proxy;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.spark.SparkConf;

final class Unmanaged {
  private final Object registry;
  private final Class<?> consumerType = Class.forName("org.apache.spark.memory.UnmanagedMemoryConsumer");
  private final Class<?> idType = Class.forName("org.apache.spark.memory.UnmanagedMemoryConsumerId");
  private final Map<Object, Registered> registered = new HashMap<>();
  private final AtomicLong[] cached;

  /** What was registered last under a key, and what it answers. */
  private static final class Registered {
    Object consumer;
    JsonNode answer;
  }

  /** Null where Spark has no such registry. */
  static Unmanaged ofThisSpark() throws ReflectiveOperationException {
    Object module = Members.module("org.apache.spark.memory.UnifiedMemoryManager");
    return Members.find(module.getClass(), "clearUnmanagedMemoryUsers", 0) == null ? null : new Unmanaged(module);
  }

  private Unmanaged(Object registry) throws ReflectiveOperationException {
    this.registry = registry;
    cached = new AtomicLong[] {
      (AtomicLong) Members.field(registry, "unmanagedOnHeapUsed"),
      (AtomicLong) Members.field(registry, "unmanagedOffHeapUsed")
    };
    clear();
  }

  /** A first manager that polls starts the process's poller, which polls once at once: over an empty registry, if it is awaited. */
  void awaitFirstPoll(SparkConf conf) throws InterruptedException {
    if (conf.contains("spark.memory.unmanagedMemoryPollingInterval")) Thread.sleep(30);
  }

  boolean knows(ObjectNode row) {
    return row.get("op").asText().startsWith("unmanaged");
  }

  void answer(ObjectNode row, ObjectNode result) throws Throwable {
    switch (row.get("op").asText()) {
      case "unmanagedRegister":
        register(row);
        break;
      case "unmanagedAnswer":
        registered.get(id(row)).answer = row.get("answer");
        break;
      case "unmanagedUnregister":
        Members.call(registry, "unregisterUnmanagedMemoryConsumer", consumer(id(row), row, new Registered()));
        break;
      case "unmanagedPoll":
        Members.call(registry, "pollUnmanagedMemoryUsers");
        break;
      case "unmanagedUsed":
        result.put("bytes", (Long) Members.call(registry, "getMemoryByComponentType", row.get("component").asText()));
        return;
      case "unmanagedClear":
        clear();
        break;
      default:
        throw new IllegalStateException("no operation " + row.get("op"));
    }
    result.putArray("cached").add(cached[0].get()).add(cached[1].get());
  }

  void clear() {
    try {
      Members.call(registry, "clearUnmanagedMemoryUsers");
    } catch (Throwable cause) {
      throw new IllegalStateException(cause);
    }
  }

  private void register(ObjectNode row) throws Throwable {
    Object id = id(row);
    Registered entry = new Registered();
    entry.answer = row.get("answer");
    entry.consumer = consumer(id, row, entry);
    registered.put(id, entry);
    Members.call(registry, "registerUnmanagedMemoryConsumer", entry.consumer);
  }

  private Object id(ObjectNode row) throws ReflectiveOperationException {
    return idType
        .getConstructor(String.class, String.class)
        .newInstance(row.get("component").asText(), row.get("instance").asText());
  }

  private Object consumer(Object id, ObjectNode row, Registered entry) {
    return Proxy.newProxyInstance(
        consumerType.getClassLoader(),
        new Class<?>[] {consumerType},
        (proxy, method, arguments) -> {
          switch (method.getName()) {
            case "unmanagedMemoryConsumerId":
              return id;
            case "memoryMode":
              return Pools.mode(row);
            case "getMemBytesUsed":
              if (entry.answer.isTextual()) throw new IllegalStateException("declared to fail");
              return entry.answer.longValue();
            case "hashCode":
              return System.identityHashCode(proxy);
            case "equals":
              return proxy == arguments[0];
            default:
              return "unmanaged " + id;
          }
        });
  }
}
