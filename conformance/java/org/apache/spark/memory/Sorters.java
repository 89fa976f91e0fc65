// What all sorters have in common: rows go in segment by segment, and each insert tells who spilled and what that freed.
package org.apache.spark.memory;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.TaskContextImpl;
import org.apache.spark.executor.TaskMetrics;

/** Sorters of one task under one vector. */
public abstract class Sorters<S extends MemoryConsumer> {
  protected final ObjectNode vector;
  protected final ObjectNode result;
  protected final Pools pools;
  protected final TaskMemoryManager memory;
  protected final TaskMetrics metrics = new TaskMetrics();
  protected final TaskContextImpl context;
  protected final List<S> sorters = new ArrayList<>();
  protected final byte[] record = new byte[1 << 17];
  private final ArrayNode events = Main.JSON.createArrayNode();
  private final int[] spills;
  private final long[] inserted;

  protected Sorters(ObjectNode vector, ObjectNode result, long task) throws Throwable {
    Local.env();
    this.vector = vector;
    this.result = result;
    pools = new Pools(vector);
    memory = new TaskMemoryManager(pools.manager, task);
    context = Local.enter(memory, task, metrics);
    spills = new int[vector.get("sorters").intValue()];
    inserted = new long[spills.length];
  }

  protected abstract S create() throws Throwable;

  /** Inserts row `at` of a segment, `length` bytes of `record`. */
  protected abstract void insert(S sorter, int segment, int at, int length) throws Throwable;

  protected abstract int files(S sorter) throws ReflectiveOperationException;

  protected abstract long peak(S sorter) throws ReflectiveOperationException;

  /** What else is to be told after the last insert. */
  protected abstract void finish() throws Throwable;

  protected abstract void dispose(S sorter);

  public final void answer() throws Throwable {
    try {
      if (createAll()) insertAll();
      summarize();
      finish();
    } finally {
      for (S sorter : sorters) dispose(sorter);
      Local.leave();
      memory.cleanUpAllAllocatedMemory();
    }
  }

  private boolean createAll() throws Throwable {
    for (int i = 0; i < spills.length; i++) {
      try {
        sorters.add(create());
      } catch (SparkOutOfMemoryError refused) {
        result.put("error", "create").put("by", refused.getClass().getSimpleName());
        return false;
      }
    }
    return true;
  }

  private void insertAll() throws Throwable {
    for (int segment = 0; segment < vector.get("segments").size(); segment++) {
      JsonNode asked = vector.get("segments").get(segment);
      int which = asked.get(0).intValue();
      for (int i = 0; i < asked.get(1).intValue(); i++) {
        long before = metrics.memoryBytesSpilled();
        boolean refused = false;
        try {
          insert(sorters.get(which), segment, i, asked.get(2).intValue());
          inserted[which]++;
        } catch (SparkOutOfMemoryError shortage) {
          refused = true;
        }
        tell(segment, i, metrics.memoryBytesSpilled() - before);
        if (!refused) continue;
        result.put("error", "unableToAcquire").put("errorSegment", segment).put("errorRecord", i);
        return;
      }
    }
  }

  /** What an insert has freed stands in its last event. */
  private void tell(int segment, int record, long freed) throws ReflectiveOperationException {
    ObjectNode last = null;
    for (int i = 0; i < spills.length; i++) {
      int now = files(sorters.get(i));
      if (now == spills[i]) continue;
      last = events.addObject().put("segment", segment).put("record", record).put("sorter", i).put("spills", now - spills[i]);
      spills[i] = now;
    }
    if (freed != 0) last.put("memoryBytesSpilled", freed);
  }

  private void summarize() throws ReflectiveOperationException {
    result.set("events", events);
    ArrayNode all = result.putArray("sorters");
    for (int i = 0; i < sorters.size(); i++) {
      S sorter = sorters.get(i);
      long peak = peak(sorter);
      all.addObject().put("inserted", inserted[i]).put("used", sorter.getUsed()).put("peak", peak).put("spills", spills[i]);
    }
    result.put("memoryBytesSpilled", metrics.memoryBytesSpilled()).put("diskBytesSpilled", metrics.diskBytesSpilled());
  }
}
