// Records one trace of version 1: carries each row out in real Spark and writes its answer, its effects, who was resumed
// and the state into it.
package org.apache.spark.memory;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.spark.unsafe.memory.MemoryBlock;

final class Recording implements Main.Respondent {
  private static final Pattern SHORTAGE = Pattern.compile("Unable to acquire (\\d+) bytes of memory, got (\\d+)");

  private Pools pools;
  private MemoryManager manager;
  private Store store;
  private Unmanaged unmanaged;
  private final Map<Long, TaskThread> threads = new HashMap<>();
  private final Map<Long, TaskMemoryManager> tasks = new HashMap<>();
  private final Map<Long, List<String>> owned = new HashMap<>();
  private final Map<String, DeclaredConsumer> consumers = new HashMap<>();
  private final List<Waiter> waiters = new ArrayList<>();

  private interface Operation {
    void run(ObjectNode result) throws Throwable;
  }

  /** A request that has not been answered yet. */
  private static final class Waiter {
    final long row;
    final TaskThread thread;
    final Effects effects;
    final ObjectNode result;

    Waiter(long row, TaskThread thread, Effects effects, ObjectNode result) {
      this.row = row;
      this.thread = thread;
      this.effects = effects;
      this.result = result;
    }
  }

  @Override
  public void header(ObjectNode header) throws Throwable {
    unmanaged = Unmanaged.ofThisSpark();
    pools = new Pools(header);
    if (unmanaged != null) unmanaged.awaitFirstPoll(pools.conf);
    manager = pools.manager;
    store = new Store(pools);
    pools.describe(header);
  }

  @Override
  public void row(ObjectNode row) throws Throwable {
    List<Waiter> before = new ArrayList<>(waiters);
    Effects effects = new Effects();
    ObjectNode result = Main.JSON.createObjectNode();
    Operation operation = operation(row);
    TaskThread thread = mayWait(row) ? threads.computeIfAbsent(task(row), id -> new TaskThread(manager)) : null;
    boolean done = true;
    if (thread == null) run(operation, effects, result);
    else done = thread.run(() -> run(operation, effects, result));
    if (done) row.set("result", result);
    else row.putObject("result").put("waits", true);
    effects.moveTo(row);
    if (!done) waiters.add(new Waiter(row.get("i").longValue(), thread, effects, result));
    resume(before, row);
    if (row.get("op").asText().matches("endTask|execReleaseAll")) forget(task(row));
    row.set("state", pools.state());
  }

  /** Lets who waits come to rest, and writes what became of it. */
  private void resume(List<Waiter> before, ObjectNode row) {
    ArrayNode resumed = Main.JSON.createArrayNode();
    for (Waiter waiter : before) waiter.thread.settle();
    for (Waiter waiter : before) {
      boolean back = waiter.thread.settle();
      if (!back && !waiter.effects.any()) continue;
      ObjectNode entry = resumed.addObject().put("i", waiter.row);
      if (back) entry.set("result", waiter.result);
      else entry.putObject("result").put("waits", true);
      waiter.effects.moveTo(entry);
      if (back) waiters.remove(waiter);
    }
    if (resumed.size() > 0) row.set("resumed", resumed);
  }

  private static boolean mayWait(ObjectNode row) {
    return row.get("op").asText().matches("execAcquire|acquire|allocatePage");
  }

  private static void run(Operation operation, Effects effects, ObjectNode result) {
    effects.collectHere();
    try {
      operation.run(result);
    } catch (SparkOutOfMemoryError cause) {
      Matcher shortage = SHORTAGE.matcher(String.valueOf(cause.getMessage()).replace("`", ""));
      if (!shortage.find()) result.put("error", "spillFailed");
      else
        result
            .put("error", "unableToAcquire")
            .put("requested", Long.parseLong(shortage.group(1)))
            .put("received", Long.parseLong(shortage.group(2)));
    } catch (Throwable cause) {
      result.put("error", cause.getClass().getSimpleName());
    }
  }

  private Operation operation(ObjectNode row) throws Throwable {
    long bytes = row.path("bytes").longValue();
    switch (row.get("op").asText()) {
      case "execAcquire":
        return result -> result.put("granted", manager.acquireExecutionMemory(bytes, task(row), Pools.mode(row)));
      case "execRelease":
        return result -> manager.releaseExecutionMemory(bytes, task(row), Pools.mode(row));
      case "execReleaseAll":
        return result -> result.put("released", manager.releaseAllExecutionMemoryForTask(task(row)));
      case "storageAcquire":
        return result -> result.put("granted", manager.acquireStorageMemory(Store.id(row), bytes, Pools.mode(row)));
      case "storageRelease":
        return result -> manager.releaseStorageMemory(bytes, Pools.mode(row));
      case "unrollReserve":
        return result -> result.put("granted", store.store.reserveUnrollMemoryForThisTask(Store.id(row), bytes, Pools.mode(row)));
      case "unrollRelease":
        return result -> {
          store.store.releaseUnrollMemoryForThisTask(Pools.mode(row), bytes);
          result.put("unroll", store.store.currentUnrollMemory());
        };
      case "put":
        return result -> {
          String stored = store.put(Store.id(row), bytes, Pools.mode(row), row.get("onEvict").asText());
          if (stored.equals("blockExists")) result.put("error", stored);
          else result.put("stored", stored.equals("true"));
        };
      case "get":
        return result -> result.put("bytes", store.get(Store.id(row)));
      case "has":
        return result -> result.put("has", store.store.contains(Store.id(row)));
      case "pin":
        return now(() -> store.pin(Store.id(row)));
      case "unpin":
        return now(() -> store.unpin(Store.id(row)));
      case "remove":
        return result -> result.put("removed", store.remove(Store.id(row)));
      case "consumer":
        return now(() -> declare(row));
      case "acquire": {
        DeclaredConsumer consumer = consumer(row);
        return result -> result.put("granted", consumer.acquireMemory(bytes));
      }
      case "free": {
        DeclaredConsumer consumer = consumer(row);
        if (bytes > consumer.getUsed()) throw new IllegalStateException(consumer.name + " does not hold so much");
        return result -> {
          consumer.freeMemory(bytes);
          result.put("used", consumer.getUsed());
        };
      }
      case "allocatePage": {
        DeclaredConsumer consumer = consumer(row);
        return result -> {
          MemoryBlock page = consumer.takePage(bytes);
          result.put("page", page.pageNumber).put("bytes", page.size());
        };
      }
      case "freePage": {
        assertAnswered(task(row));
        DeclaredConsumer consumer = consumer(row);
        consumer.assertHolds(row.get("page").intValue());
        return result -> {
          consumer.givePage(row.get("page").intValue());
          result.put("used", consumer.getUsed());
        };
      }
      case "endTask":
        assertAnswered(task(row));
        return end(known(tasks.get(task(row)), "task " + task(row)));
      case "interrupt":
        return now(() -> interrupt(task(row)));
      default:
        if (unmanaged != null && unmanaged.knows(row)) return result -> unmanaged.answer(row, result);
        throw new IllegalStateException("no operation " + row.get("op"));
    }
  }

  /** What is not Spark's to answer: where it fails, the request was none. */
  private static Operation now(Runnable action) {
    action.run();
    return result -> {};
  }

  private void declare(ObjectNode row) {
    long id = task(row);
    TaskMemoryManager task = tasks.computeIfAbsent(id, key -> new TaskMemoryManager(manager, key));
    String name = row.get("consumer").asText();
    if (consumers.containsKey(name)) throw new IllegalStateException(name + " has been declared");
    consumers.put(name, new DeclaredConsumer(name, task, Pools.mode(row), row.get("onSpill").asText()));
    owned.computeIfAbsent(id, key -> new ArrayList<>()).add(name);
  }

  /** Spark gives back in two steps, between which a waiter may look or not; holding the monitor makes them one. */
  private Operation end(TaskMemoryManager task) {
    return result -> {
      synchronized (manager) {
        result.put("leaked", task.cleanUpAllAllocatedMemory());
      }
      if (Members.find(TaskMemoryManager.class, "getPeakOnHeapExecutionMemory", 0) == null) return;
      result
          .putObject("peak")
          .put("onHeap", (Long) Members.call(task, "getPeakOnHeapExecutionMemory"))
          .put("offHeap", (Long) Members.call(task, "getPeakOffHeapExecutionMemory"));
    };
  }

  /** A task that waits holds its lock: who needs that would wait for ever. */
  private void assertAnswered(long task) {
    TaskThread thread = threads.get(task);
    if (thread != null && thread.waits()) throw new IllegalStateException("task " + task + " waits and is asked more");
  }

  private void interrupt(long task) {
    TaskThread thread = known(threads.get(task), "task " + task);
    if (!thread.waits()) throw new IllegalStateException("task " + task + " does not wait");
    thread.interrupt();
  }

  private void forget(long task) {
    tasks.remove(task);
    List<String> names = owned.remove(task);
    if (names != null) names.forEach(consumers::remove);
    for (Waiter waiter : waiters) if (waiter.thread == threads.get(task)) return;
    TaskThread thread = threads.remove(task);
    if (thread != null) thread.interrupt();
  }

  private DeclaredConsumer consumer(ObjectNode row) {
    DeclaredConsumer consumer = known(consumers.get(row.get("consumer").asText()), "consumer " + row.get("consumer"));
    if (!owned.get(task(row)).contains(consumer.name)) throw new IllegalStateException("of another task");
    return consumer;
  }

  private static <T> T known(T what, String name) {
    if (what == null) throw new IllegalStateException(name + " is not known");
    return what;
  }

  private static long task(ObjectNode row) {
    return row.get("task").longValue();
  }

  @Override
  public void close() {
    threads.values().forEach(TaskThread::interrupt);
    if (unmanaged != null) unmanaged.clear();
  }
}
