// Records one trace with the extension "blocks-1": put by iterator, storage levels and the paths of the block manager. Each row
// shows, beside the pools, what the store, the disk and the locks hold.
package org.apache.spark.memory;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import org.apache.spark.SparkException;
import org.apache.spark.TaskContext;
import org.apache.spark.executor.TaskMetrics;
import org.apache.spark.storage.BlockData;
import org.apache.spark.storage.BlockId;
import org.apache.spark.storage.BlockInfoManager;
import org.apache.spark.storage.BlockResult;
import org.apache.spark.storage.BlockStatus;
import org.apache.spark.storage.StorageLevel;
import org.apache.spark.storage.StorageLevel$;
import org.apache.spark.storage.memory.PartiallySerializedBlock;
import org.apache.spark.storage.memory.PartiallyUnrolledIterator;
import org.apache.spark.util.io.ChunkedByteBuffer;
import scala.Function0;
import scala.Option;
import scala.collection.Iterator;
import scala.util.Either;

final class BlockRecording implements Main.Respondent {
  private Pools pools;
  private Blocks blocks;
  private final Map<Long, TaskContext> tasks = new HashMap<>();
  private final Map<String, Object> handles = new HashMap<>();
  private final Map<String, Long> owners = new HashMap<>();

  @Override
  public void header(ObjectNode header) throws Throwable {
    pools = new Pools(header);
    blocks = new Blocks(pools);
    pools.describe(header);
    Blocks.vectorBytes(header.putArray("vectorBytes"));
  }

  @Override
  public void row(ObjectNode row) throws Throwable {
    ObjectNode result = Main.JSON.createObjectNode();
    String op = row.get("op").asText();
    long task = op.equals("handle") ? owners.get(row.get("block").asText()) : row.path("task").asLong(-1);
    if (!op.startsWith("exec")) enter(task);
    try {
      answer(op, row, result);
    } finally {
      Local.leave();
    }
    row.set("result", result);
    row.set("state", pools.state());
    row.set("store", blocks.shown());
  }

  private void answer(String op, ObjectNode row, ObjectNode result) throws Throwable {
    long bytes = row.path("bytes").longValue();
    long task = row.path("task").asLong(-1);
    switch (op) {
      case "execAcquire":
        result.put("granted", pools.manager.acquireExecutionMemory(bytes, task, Pools.mode(row)));
        break;
      case "execRelease":
        pools.manager.releaseExecutionMemory(bytes, task, Pools.mode(row));
        break;
      case "execReleaseAll":
        result.put("released", pools.manager.releaseAllExecutionMemoryForTask(task));
        break;
      case "storageAcquire":
        result.put("granted", pools.manager.acquireStorageMemory(Store.id(row), bytes, Pools.mode(row)));
        break;
      case "storageRelease":
        pools.manager.releaseStorageMemory(bytes, Pools.mode(row));
        break;
      case "unrollPut":
        unrollPut(row, result);
        break;
      case "handle":
        use(row, result);
        break;
      case "putBlock":
        putBlock(row, result);
        break;
      case "getOrPut":
        getOrPut(row, result);
        break;
      case "readBlock":
        read(row, result);
        break;
      case "unlock":
        Members.call(blocks.manager, "releaseLock", Store.id(row), Option.empty());
        break;
      case "removeBlock":
        blocks.manager.removeBlock(Store.id(row), false);
        break;
      case "blockStatus": {
        Option<BlockStatus> status = blocks.manager.getStatus(Store.id(row));
        if (status.isEmpty()) result.put("missing", true);
        else result.put("memory", status.get().memSize()).put("disk", status.get().diskSize());
        break;
      }
      case "endBlocks":
        end(task, result);
        break;
      default:
        throw new IllegalStateException("no operation " + op);
    }
  }

  private void unrollPut(ObjectNode row, ObjectNode result) throws Throwable {
    BlockId block = Store.id(row);
    MemoryMode mode = Pools.mode(row);
    boolean values = row.get("form").asText().equals("values");
    StorageLevel level = level(4 + (mode == MemoryMode.OFF_HEAP ? 2 : 0) + (values ? 1 : 0));
    BlockInfoManager locks = blocks.manager.blockInfoManager();
    if (!Store.lockNew(locks, block, Store.newInfo(level, SaidRecord.TAG))) throw new IllegalStateException(block + " is known");
    Iterator<SaidRecord> records = SaidRecord.of(row.get("records"));
    Either<?, ?> put = null;
    try {
      put = values ? putValues(block, records, mode) : blocks.store.putIteratorAsBytes(block, records, SaidRecord.TAG, mode);
    } finally {
      if (put != null && put.isRight()) locks.unlock(block, Option.empty());
      else locks.removeBlock(block);
    }
    if (put.isRight()) result.put("stored", (Long) put.right().get());
    else keep(row, put.left().get(), result);
  }

  /** Before 3.2 values were always on-heap. */
  private Either<?, ?> putValues(BlockId block, Iterator<SaidRecord> records, MemoryMode mode) throws Throwable {
    return Members.find(blocks.store.getClass(), "putIteratorAsValues", 4) != null
        ? (Either<?, ?>) Members.call(blocks.store, "putIteratorAsValues", block, records, mode, SaidRecord.TAG)
        : (Either<?, ?>) Members.call(blocks.store, "putIteratorAsValues", block, records, SaidRecord.TAG);
  }

  private void keep(ObjectNode row, Object handle, ObjectNode result) {
    String block = row.get("block").asText();
    handles.put(block, handle);
    owners.put(block, row.path("task").asLong(-1));
    result.put("kept", true);
  }

  private void use(ObjectNode row, ObjectNode result) throws Throwable {
    String block = row.get("block").asText();
    Object handle = handles.get(block);
    try {
      switch (row.get("use").asText()) {
        case "close":
          if (handle instanceof PartiallySerializedBlock) ((PartiallySerializedBlock<?>) handle).discard();
          else ((PartiallyUnrolledIterator<?>) handle).close();
          break;
        case "finish": {
          Counter counter = new Counter();
          ((PartiallySerializedBlock<?>) handle).finishWritingToStream(counter);
          result.put("bytes", counter.bytes);
          break;
        }
        default: {
          if (handle instanceof PartiallySerializedBlock) handle = ((PartiallySerializedBlock<?>) handle).valuesIterator();
          handles.put(block, handle);
          boolean all = row.get("use").asText().equals("exhaust");
          result.put("records", count((Iterator<?>) handle, all ? Integer.MAX_VALUE : row.get("count").intValue()));
        }
      }
    } catch (Exception refused) {
      if (!(refused instanceof SparkException || refused instanceof IllegalStateException)) throw refused;
      result.removeAll();
      result.put("error", "handleUsed");
    }
  }

  private void putBlock(ObjectNode row, ObjectNode result) {
    try {
      StorageLevel level = level(row.get("level").intValue());
      boolean stored = row.get("from").asText().equals("iterator")
          ? blocks.manager.putIterator(Store.id(row), SaidRecord.of(row.get("records")), level, false, SaidRecord.TAG)
          : blocks.manager.putBytes(Store.id(row), serialized(row), level, false, SaidRecord.TAG);
      result.put("stored", stored);
    } catch (IllegalArgumentException refused) {
      result.put("error", "invalidLevel");
    }
  }

  private static ChunkedByteBuffer serialized(ObjectNode row) {
    return new ChunkedByteBuffer(new ByteBuffer[] {ByteBuffer.wrap(SaidRecord.allSerialized(row.get("records")))});
  }

  /** From 3.5 on the method is private and asks whether a cached block may be seen. */
  private void getOrPut(ObjectNode row, ObjectNode result) throws Throwable {
    Function0<Iterator<SaidRecord>> make = () -> SaidRecord.of(row.get("records"));
    try {
      StorageLevel level = level(row.get("level").intValue());
      Either<?, ?> either = Members.find(blocks.manager.getClass(), "getOrElseUpdate", 5) != null
          ? (Either<?, ?>) Members.call(blocks.manager, "getOrElseUpdate", Store.id(row), level, SaidRecord.TAG, make, true)
          : (Either<?, ?>) Members.call(blocks.manager, "getOrElseUpdate", Store.id(row), level, SaidRecord.TAG, make);
      if (either.isRight()) keep(row, either.right().get(), result);
      else result.put("read", count(((BlockResult) either.left().get()).data(), Integer.MAX_VALUE));
    } catch (IllegalArgumentException refused) {
      result.put("error", "invalidLevel");
    }
  }

  private void read(ObjectNode row, ObjectNode result) throws Throwable {
    BlockId block = Store.id(row);
    boolean hold = row.get("hold").booleanValue();
    if (row.get("as").asText().equals("bytes")) {
      Option<BlockData> found = blocks.manager.getLocalBytes(block);
      if (found.isEmpty()) {
        result.put("missing", true);
        return;
      }
      result.put("bytes", found.get().size());
      if (!hold) Members.call(blocks.manager, "releaseLock", block, Option.empty());
      return;
    }
    Option<BlockResult> found = blocks.manager.getLocalValues(block);
    if (found.isEmpty()) {
      result.put("missing", true);
      return;
    }
    result.put("from", found.get().readMethod().toString().toLowerCase(java.util.Locale.ROOT));
    result.put("records", hold ? 0 : count(found.get().data(), Integer.MAX_VALUE));
  }

  private void end(long task, ObjectNode result) throws Throwable {
    for (MemoryMode mode : MemoryMode.values()) blocks.store.releaseUnrollMemoryForThisTask(mode, Long.MAX_VALUE);
    Object released = Members.call(blocks.manager, "releaseAllLocksForTask", task);
    result.put("locks", (Integer) Members.invoke(released, "size"));
    tasks.remove(task);
    owners.values().removeIf(owner -> owner == task);
  }

  private void enter(long task) throws ReflectiveOperationException {
    if (task < 0) return;
    TaskContext known = tasks.get(task);
    if (known != null) {
      org.apache.spark.TaskContext$.MODULE$.setTaskContext(known);
      return;
    }
    tasks.put(task, Local.enter(new TaskMemoryManager(pools.manager, task), task, new TaskMetrics()));
    blocks.manager.registerTask(task);
  }

  private static StorageLevel level(int flags) {
    return StorageLevel$.MODULE$.apply((flags & 8) != 0, (flags & 4) != 0, (flags & 2) != 0, (flags & 1) != 0, 1);
  }

  private static int count(Iterator<?> records, int most) {
    int taken = 0;
    while (taken < most && records.hasNext()) {
      records.next();
      taken++;
    }
    return taken;
  }

  @Override
  public void close() {
    Local.leave();
    if (blocks != null) blocks.close();
  }

  private static final class Counter extends OutputStream {
    private long bytes = 0;

    @Override
    public void write(int one) {
      bytes++;
    }

    @Override
    public void write(byte[] some, int from, int count) {
      bytes += count;
    }
  }
}
