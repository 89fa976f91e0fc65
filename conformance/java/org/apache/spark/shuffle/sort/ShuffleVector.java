// Shuffle sorters of one task, closed at the end (kind "shuffle"). In Spark's own package, since the sorter is private to it.
package org.apache.spark.shuffle.sort;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.util.Collection;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkEnv;
import org.apache.spark.executor.ShuffleWriteMetrics;
import org.apache.spark.memory.Reach;
import org.apache.spark.memory.Sorters;
import org.apache.spark.unsafe.Platform;

public final class ShuffleVector extends Sorters<ShuffleExternalSorter> {
  /** Partitions whose bytes are told. */
  private static final int TOLD = 16;

  private final ShuffleWriteMetrics written = new ShuffleWriteMetrics();
  private final int partitions;

  public ShuffleVector(ObjectNode vector, ObjectNode result, long task) throws Throwable {
    super(vector, result, task);
    partitions = vector.get("partitions").intValue();
  }

  @Override
  protected ShuffleExternalSorter create() throws Throwable {
    SparkConf conf = Reach.conf(pools).clone();
    conf.set("spark.shuffle.sort.useRadixSort", vector.get("radix").asText());
    conf.set("spark.shuffle.spill.numElementsForceSpillThreshold", vector.get("maxRecords").asText());
    if (vector.has("maxBytes")) conf.set("spark.shuffle.spill.maxSizeInBytesForSpillThreshold", vector.get("maxBytes").asText());
    Constructor<?> constructor = ShuffleExternalSorter.class.getDeclaredConstructors()[0];
    constructor.setAccessible(true);
    int initialSize = vector.get("initialSize").intValue();
    try {
      return (ShuffleExternalSorter)
          constructor.newInstance(memory, SparkEnv.get().blockManager(), context, initialSize, partitions, conf, written);
    } catch (InvocationTargetException cause) {
      throw cause.getCause();
    }
  }

  @Override
  protected void insert(ShuffleExternalSorter sorter, int segment, int at, int length) throws Throwable {
    int partition = (int) ((at * 7919L + segment * 31L) % partitions);
    sorter.insertRecord(record, Platform.BYTE_ARRAY_OFFSET, length, partition);
  }

  @Override
  protected int files(ShuffleExternalSorter sorter) throws ReflectiveOperationException {
    return ((Collection<?>) Reach.field(sorter, "spills")).size();
  }

  /** A sorter that could not get its array back after a spill has none to measure. */
  @Override
  protected long peak(ShuffleExternalSorter sorter) throws ReflectiveOperationException {
    Object index = Reach.field(sorter, "inMemSorter");
    return index != null && Reach.field(index, "array") == null ? -1 : sorter.getPeakMemoryUsedBytes();
  }

  @Override
  protected void finish() throws Throwable {
    if (!result.has("error")) {
      ArrayNode closed = result.putArray("closed");
      for (ShuffleExternalSorter sorter : sorters) close(sorter, closed.addObject());
    }
    result.put("memoryBytesSpilled", metrics.memoryBytesSpilled()).put("diskBytesSpilled", metrics.diskBytesSpilled());
    result.put("recordsWritten", written.recordsWritten()).put("bytesWritten", written.bytesWritten());
  }

  private void close(ShuffleExternalSorter sorter, ObjectNode told) throws Throwable {
    SpillInfo[] files = sorter.closeAndGetSpills();
    told.put("files", files.length).put("used", Reach.used(sorter)).put("peak", (Long) Reach.field(sorter, "peakMemoryUsedBytes"));
    ArrayNode bytes = told.putArray("partitionBytes");
    for (int partition = 0; partition < Math.min(TOLD, partitions); partition++) {
      long sum = 0;
      for (SpillInfo file : files) sum += file.partitionLengths[partition];
      bytes.add(sum);
    }
  }

  @Override
  protected void dispose(ShuffleExternalSorter sorter) {
    try {
      sorter.cleanupResources();
    } catch (RuntimeException alreadyBroken) {
      // The task's clean-up takes what it leaves.
    }
  }
}
