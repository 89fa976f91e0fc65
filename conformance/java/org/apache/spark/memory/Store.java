// Spark's memory store with blocks that say how large they are and hold next to nothing, so that an executor of any size can be
// recorded. An evicted block goes where its row said.
package org.apache.spark.memory;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import org.apache.spark.storage.BlockId;
import org.apache.spark.storage.BlockId$;
import org.apache.spark.storage.BlockInfo;
import org.apache.spark.storage.BlockInfoManager;
import org.apache.spark.storage.StorageLevel;
import org.apache.spark.storage.memory.BlockEvictionHandler;
import org.apache.spark.storage.memory.MemoryStore;
import org.apache.spark.util.io.ChunkedByteBuffer;
import scala.Function0;
import scala.Option;
import scala.reflect.ClassTag;

final class Store {
  static final ClassTag<Object> ANY = scala.reflect.ClassTag$.MODULE$.apply(Object.class);

  final MemoryStore store;
  private final BlockInfoManager locks;
  private final Map<String, String> onEvict = new HashMap<>();

  Store(Pools pools) throws ReflectiveOperationException {
    locks = newLocks();
    store = new MemoryStore(pools.conf, locks, null, pools.manager, new Handler());
    pools.manager.setMemoryStore(store);
  }

  static BlockId id(ObjectNode row) {
    return BlockId$.MODULE$.apply(row.get("block").asText());
  }

  /** A name that is in memory already is refused as Spark refuses it: the store, not the lock manager, is asked. */
  String put(BlockId block, long bytes, MemoryMode mode, String to) throws Throwable {
    if (store.contains(block)) return "blockExists";
    onEvict.put(block.name(), to);
    BlockInfo info = newInfo(StorageLevel.MEMORY_AND_DISK_SER(), ANY);
    if (!lockNew(locks, block, info)) throw new IllegalStateException(block + " is known and not in memory");
    boolean stored = store.putBytes(block, bytes, mode, () -> new SaidBytes(bytes), ANY);
    if (stored) locks.unlock(block, Option.empty());
    else locks.removeBlock(block);
    return Boolean.toString(stored);
  }

  Long get(BlockId block) {
    Option<ChunkedByteBuffer> bytes = store.getBytes(block);
    return bytes.isDefined() ? (Long) bytes.get().size() : null;
  }

  void pin(BlockId block) {
    if (locks.lockForReading(block, false).isEmpty()) throw new IllegalStateException(block + " cannot be pinned");
  }

  void unpin(BlockId block) {
    locks.unlock(block, Option.empty());
  }

  boolean remove(BlockId block) {
    if (locks.lockForWriting(block, false).isEmpty()) return false;
    boolean removed = store.remove(block);
    locks.removeBlock(block);
    return removed;
  }

  /** From 4.0 on a lock manager can track who sees a block; here nobody has to. */
  private static BlockInfoManager newLocks() throws ReflectiveOperationException {
    return Members.constructor(BlockInfoManager.class, 0) != null
        ? (BlockInfoManager) Members.constructor(BlockInfoManager.class, 0).newInstance()
        : (BlockInfoManager) Members.constructor(BlockInfoManager.class, 1).newInstance(false);
  }

  static BlockInfo newInfo(StorageLevel level, ClassTag<?> tag) throws ReflectiveOperationException {
    return (BlockInfo) Members.constructor(BlockInfo.class, 3).newInstance(level, tag, false);
  }

  static boolean lockNew(BlockInfoManager locks, BlockId block, BlockInfo info) throws Throwable {
    return Members.find(BlockInfoManager.class, "lockNewBlockForWriting", 2) != null
        ? (Boolean) Members.call(locks, "lockNewBlockForWriting", block, info)
        : (Boolean) Members.call(locks, "lockNewBlockForWriting", block, info, true);
  }

  /** What a block manager would do with an evicted block. */
  private final class Handler implements BlockEvictionHandler {
    @Override
    public <T> StorageLevel dropFromMemory(
        BlockId block, Function0<scala.util.Either<Object, ChunkedByteBuffer>> data, ClassTag<T> tag) {
      String to = onEvict.getOrDefault(block.name(), "gone");
      Effects.current().evicted().put("block", block.name()).put("to", to);
      store.remove(block);
      if (!to.equals("disk")) return StorageLevel.NONE();
      return StorageLevel.DISK_ONLY();
    }
  }

  private static final class SaidBytes extends ChunkedByteBuffer {
    private final long bytes;

    SaidBytes(long bytes) {
      super(new ByteBuffer[] {ByteBuffer.allocate(1)});
      this.bytes = bytes;
    }

    @Override
    public long size() {
      return bytes;
    }

    @Override
    public void dispose() {}
  }
}
