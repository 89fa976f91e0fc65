// External sorters of one task: at which records they spill, what that frees, what is refused (kind "sorter").
package org.apache.spark.memory;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.function.Supplier;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContextImpl;
import org.apache.spark.executor.TaskMetrics;
import org.apache.spark.unsafe.Platform;
import org.apache.spark.util.collection.unsafe.sort.PrefixComparators;
import org.apache.spark.util.collection.unsafe.sort.RecordComparator;
import org.apache.spark.util.collection.unsafe.sort.UnsafeExternalSorter;

final class SorterVector {
  private final ObjectNode vector;
  private final ObjectNode result;
  private final ArrayNode events;
  private final TaskMemoryManager memory;
  private final TaskMetrics metrics = new TaskMetrics();
  private final TaskContextImpl context;
  private final List<UnsafeExternalSorter> sorters = new ArrayList<>();
  private final int[] spills;
  private final long[] inserted;

  static void answer(ObjectNode vector, ObjectNode result, long task) throws Throwable {
    Local.env();
    SorterVector run = new SorterVector(vector, result, task);
    try {
      if (run.create()) run.insert();
      run.summarize();
    } finally {
      run.close();
    }
  }

  private SorterVector(ObjectNode vector, ObjectNode result, long task) throws Throwable {
    this.vector = vector;
    this.result = result;
    events = Main.JSON.createArrayNode();
    memory = new TaskMemoryManager(new Pools(vector).manager, task);
    context = Local.enter(memory, task, metrics);
    spills = new int[vector.get("sorters").intValue()];
    inserted = new long[spills.length];
  }

  private boolean create() throws Throwable {
    for (int i = 0; i < spills.length; i++) {
      try {
        sorters.add(newSorter());
      } catch (SparkOutOfMemoryError refused) {
        result.put("error", "create").put("by", refused.getClass().getSimpleName());
        return false;
      }
    }
    return true;
  }

  private void insert() throws Throwable {
    byte[] record = new byte[1 << 17];
    for (int segment = 0; segment < vector.get("segments").size(); segment++) {
      JsonNode asked = vector.get("segments").get(segment);
      int which = asked.get(0).intValue();
      for (int i = 0; i < asked.get(1).intValue(); i++) {
        long before = metrics.memoryBytesSpilled();
        boolean refused = false;
        try {
          sorters.get(which).insertRecord(record, Platform.BYTE_ARRAY_OFFSET, asked.get(2).intValue(), i * 0x9e3779b97f4a7c15L, false);
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

  /** Who spilled during an insert; what it freed stands in the last event of the insert. */
  private void tell(int segment, int record, long freed) throws ReflectiveOperationException {
    ObjectNode last = null;
    for (int i = 0; i < spills.length; i++) {
      int now = ((Collection<?>) Members.field(sorters.get(i), "spillWriters")).size();
      if (now == spills[i]) continue;
      last = events.addObject().put("segment", segment).put("record", record).put("sorter", i).put("spills", now - spills[i]);
      spills[i] = now;
    }
    if (freed != 0) last.put("memoryBytesSpilled", freed);
  }

  private void summarize() {
    result.set("events", events);
    ArrayNode all = result.putArray("sorters");
    for (int i = 0; i < sorters.size(); i++) {
      UnsafeExternalSorter sorter = sorters.get(i);
      all.addObject()
          .put("inserted", inserted[i])
          .put("used", sorter.getUsed())
          .put("peak", sorter.getPeakMemoryUsedBytes())
          .put("spills", spills[i]);
    }
    result.put("memoryBytesSpilled", metrics.memoryBytesSpilled()).put("diskBytesSpilled", metrics.diskBytesSpilled());
  }

  private void close() {
    for (UnsafeExternalSorter sorter : sorters) sorter.cleanupResources();
    Local.leave();
    memory.cleanUpAllAllocatedMemory();
  }

  /** From 4.1 on the sorter also takes a threshold of bytes. */
  private UnsafeExternalSorter newSorter() throws Throwable {
    SparkEnv env = SparkEnv.get();
    Supplier<RecordComparator> inOrder = Ties::new;
    List<Object> arguments = new ArrayList<>(Arrays.asList(memory, env.blockManager(), env.serializerManager(), context, inOrder,
        PrefixComparators.LONG, vector.get("initialSize").intValue(), memory.pageSizeBytes(), vector.get("maxRecords").intValue()));
    Method recent = Members.find(UnsafeExternalSorter.class, "create", 11);
    if (recent != null) arguments.add(Long.MAX_VALUE);
    arguments.add(vector.get("radix").booleanValue());
    Method create = recent != null ? recent : Members.find(UnsafeExternalSorter.class, "create", 10);
    try {
      return (UnsafeExternalSorter) create.invoke(null, arguments.toArray());
    } catch (InvocationTargetException cause) {
      throw cause.getCause();
    }
  }

  private static final class Ties extends RecordComparator {
    @Override
    public int compare(Object left, long leftAt, int leftBytes, Object right, long rightAt, int rightBytes) {
      return 0;
    }
  }
}
