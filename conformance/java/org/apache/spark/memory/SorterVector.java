// External sorters of one task: at which records they spill, what that frees, what is refused (kind "sorter").
package org.apache.spark.memory;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.function.Supplier;
import org.apache.spark.SparkEnv;
import org.apache.spark.unsafe.Platform;
import org.apache.spark.util.collection.unsafe.sort.PrefixComparators;
import org.apache.spark.util.collection.unsafe.sort.RecordComparator;
import org.apache.spark.util.collection.unsafe.sort.UnsafeExternalSorter;

final class SorterVector extends Sorters<UnsafeExternalSorter> {
  SorterVector(ObjectNode vector, ObjectNode result, long task) throws Throwable {
    super(vector, result, task);
  }

  /** From 4.1 on the sorter also takes a threshold of bytes. */
  @Override
  protected UnsafeExternalSorter create() throws Throwable {
    SparkEnv env = SparkEnv.get();
    Supplier<RecordComparator> inOrder = Ties::new;
    List<Object> arguments = new ArrayList<>(Arrays.asList(memory, env.blockManager(), env.serializerManager(), context, inOrder));
    arguments.add(PrefixComparators.LONG);
    arguments.add(vector.get("initialSize").intValue());
    arguments.add(memory.pageSizeBytes());
    arguments.add(vector.get("maxRecords").intValue());
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

  @Override
  protected void insert(UnsafeExternalSorter sorter, int segment, int at, int length) throws Throwable {
    sorter.insertRecord(record, Platform.BYTE_ARRAY_OFFSET, length, at * 0x9e3779b97f4a7c15L, false);
  }

  @Override
  protected int files(UnsafeExternalSorter sorter) throws ReflectiveOperationException {
    return ((Collection<?>) Members.field(sorter, "spillWriters")).size();
  }

  @Override
  protected long peak(UnsafeExternalSorter sorter) {
    return sorter.getPeakMemoryUsedBytes();
  }

  @Override
  protected void finish() {}

  @Override
  protected void dispose(UnsafeExternalSorter sorter) {
    sorter.cleanupResources();
  }

  private static final class Ties extends RecordComparator {
    @Override
    public int compare(Object left, long leftAt, int leftBytes, Object right, long rightAt, int rightBytes) {
      return 0;
    }
  }
}
