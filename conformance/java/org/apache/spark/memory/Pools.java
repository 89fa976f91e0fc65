// A memory manager made from the keys of a header, and its four pools as traces write them.
package org.apache.spark.memory;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.lang.management.ManagementFactory;
import java.lang.reflect.InvocationTargetException;
import org.apache.spark.SparkConf;

public final class Pools {
  final SparkConf conf = new SparkConf(false);
  final MemoryManager manager;
  private final MemoryPool[] pools = new MemoryPool[4];

  Pools(ObjectNode header) throws Throwable {
    header.get("conf").fields().forEachRemaining(key -> conf.set(key.getKey(), key.getValue().textValue()));
    manager = newManager(header.path("manager").asText("unified"), header.get("cores").intValue());
    String[] names = {"onHeapExecution", "onHeapStorage", "offHeapExecution", "offHeapStorage"};
    for (int i = 0; i < 4; i++) pools[i] = (MemoryPool) Members.field(manager, names[i] + "MemoryPool");
  }

  /** The static manager is in Spark 2.4 alone. */
  private MemoryManager newManager(String name, int cores) throws Throwable {
    if (!name.equals("static")) return UnifiedMemoryManager.apply(conf, cores);
    Class<?> type = Class.forName("org.apache.spark.memory.StaticMemoryManager");
    try {
      return (MemoryManager) type.getConstructor(SparkConf.class, int.class).newInstance(conf, cores);
    } catch (InvocationTargetException cause) {
      throw cause.getCause();
    }
  }

  /** What a header says of a manager that has just been made. */
  void describe(ObjectNode header) {
    header.put("collector", collector());
    header.put("pageSize", manager.pageSizeBytes());
    header.put("tungstenMode", manager.tungstenMemoryMode() == MemoryMode.ON_HEAP ? "onHeap" : "offHeap");
    header.set("state", state());
  }

  ObjectNode state() {
    ObjectNode state = Main.JSON.createObjectNode();
    synchronized (manager) {
      cells(state.putArray("onHeap"), pools[0], pools[1]);
      cells(state.putArray("offHeap"), pools[2], pools[3]);
    }
    return state;
  }

  private static void cells(ArrayNode of, MemoryPool execution, MemoryPool storage) {
    of.add(execution.poolSize()).add(execution.memoryUsed()).add(storage.poolSize()).add(storage.memoryUsed());
  }

  static MemoryMode mode(ObjectNode row) {
    return row.get("mode").asText().equals("onHeap") ? MemoryMode.ON_HEAP : MemoryMode.OFF_HEAP;
  }

  static String collector() {
    return ManagementFactory.getGarbageCollectorMXBeans().stream().anyMatch(bean -> bean.getName().startsWith("G1"))
        ? "G1"
        : "other";
  }
}
