package org.apache.spark.memory;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContext$;
import org.apache.spark.TaskContextImpl;
import org.apache.spark.executor.TaskMetrics;
import org.apache.spark.serializer.JavaSerializer;
import org.apache.spark.serializer.SerializerManager;
import org.apache.spark.storage.BlockId;
import org.apache.spark.storage.BlockInfo;
import org.apache.spark.storage.BlockInfoManager;
import org.apache.spark.storage.RDDBlockId;
import org.apache.spark.storage.StorageLevel;
import org.apache.spark.storage.memory.BlockEvictionHandler;
import org.apache.spark.storage.memory.MemoryStore;
import org.apache.spark.unsafe.Platform;
import org.apache.spark.unsafe.array.LongArray;
import org.apache.spark.unsafe.map.BytesToBytesMap;
import org.apache.spark.unsafe.memory.MemoryAllocator;
import org.apache.spark.unsafe.memory.MemoryBlock;
import org.apache.spark.util.collection.unsafe.sort.PrefixComparators;
import org.apache.spark.util.collection.unsafe.sort.RadixSort;
import org.apache.spark.util.collection.unsafe.sort.RecordComparator;
import org.apache.spark.util.collection.unsafe.sort.UnsafeExternalSorter;
import org.apache.spark.util.collection.unsafe.sort.UnsafeSorterIterator;
import org.apache.spark.util.io.ChunkedByteBuffer;

/**
 * The memory management of the real engine, timed on request. One process runs one item, so that no item spoils another's
 * compiled code; rounds are asked for one by one, so that they can alternate with somebody else's.
 *
 * <pre>
 *   arguments   ITEM key=value ...
 *   stdin       warm SECONDS | round SECONDS | end of input
 *   stdout      {"ready":...}, then one object a line: {"ops":N,"seconds":S,"hash":"0123abcd", ...}
 * </pre>
 *
 * To add an item: write a method that returns an {@link Item} and name it in {@link #open}.
 */
public final class SparkPeer {
  static final long MIB = 1L << 20, GIB = 1L << 30;

  // ---------------------------------------------------------------- items and readings

  /** What one round did: operations in the timed part, its seconds, a hash of every answer, and what else is worth telling. */
  record Reading(long ops, double seconds, int hash, Map<String, Number> more) {}

  interface Item {
    void warm(double seconds) throws Exception;

    Reading round(double seconds) throws Exception;
  }

  /** Runs a fixed number of operations from a state that it restores, and returns the hash of their answers. */
  interface Block {
    int run() throws Exception;
  }

  /** One whole run, the untimed parts included. */
  interface Shot {
    Reading run() throws Exception;
  }

  /** Short operations: blocks back to back until the round's time is over. Every block must give the same hash. */
  static Item loop(long opsPerBlock, Block block) {
    return new Item() {
      int hash;
      boolean known;

      public void warm(double seconds) throws Exception {
        round(seconds);
      }

      public Reading round(double seconds) throws Exception {
        long ops = 0, start = System.nanoTime(), now;
        do {
          int h = block.run();
          if (!known) {
            hash = h;
            known = true;
          }
          check(h == hash, "every block gives the same answers");
          ops += opsPerBlock;
          now = System.nanoTime();
        } while (now - start < seconds * 1e9);
        return new Reading(ops, (now - start) / 1e9, hash, Map.of());
      }
    };
  }

  /** Long operations: a round is one run; garbage of the one before is collected first, untimed. */
  static Item shots(Shot shot) {
    return new Item() {
      public void warm(double seconds) throws Exception {
        long start = System.nanoTime();
        do shot.run(); while (System.nanoTime() - start < seconds * 1e9);
      }

      public Reading round(double seconds) throws Exception {
        System.gc();
        return shot.run();
      }
    };
  }

  // The same in bench/hash.ts and bench/rows.ts: both sides answer for the same input with the same hash.

  static int fold(int hash, int word) {
    return Integer.rotateLeft(hash ^ word, 15) * 0x9e3779b1;
  }

  static int keyHigh(int row, int seed) {
    int h = row * 0x9e3779b1 + seed;
    h = (h ^ (h >>> 16)) * 0x85ebca6b;
    h = (h ^ (h >>> 13)) * 0xc2b2ae35;
    return h ^ (h >>> 16);
  }

  static long key(int row, int seed) {
    int high = keyHigh(row, seed);
    return ((long) high << 32) | ((high * 0x2c1b3c6d + row) & 0xffffffffL);
  }

  static int foldRow(int hash, long key, int value) {
    return fold(hash, ((int) (key >>> 32) * 0x27d4eb2f) ^ (int) key ^ Integer.rotateLeft(value, 16));
  }

  static void check(boolean ok, String what) {
    if (!ok) throw new IllegalStateException("does not hold: " + what);
  }

  // ---------------------------------------------------------------- parameters

  static final Map<String, String> GIVEN = new HashMap<>();

  static long number(String name) {
    return Long.parseLong(text(name));
  }

  static String text(String name) {
    String value = GIVEN.get(name);
    if (value == null) throw new IllegalArgumentException("parameter " + name + " is missing");
    return value;
  }

  static MemoryMode mode() {
    return switch (text("mode")) {
      case "on" -> MemoryMode.ON_HEAP;
      case "off" -> MemoryMode.OFF_HEAP;
      default -> throw new IllegalArgumentException("mode is on or off");
    };
  }

  static Item open(String item) throws Exception {
    return switch (item) {
      case "acquire" -> acquire((int) number("managers"), (int) number("tasks"), number("held") == 1, number("ops"));
      case "contend" -> contend((int) number("threads"), text("mix").equals("true"), number("bytes"), number("ops"));
      case "tmm" -> taskMemory((int) number("consumers"), number("ops"));
      case "page" -> page(mode(), number("bytes"), text("touch").equals("true"), number("ops"));
      case "radix" -> radix(mode(), (int) number("rows"), (int) number("seed"));
      case "sort" -> sort(mode(), (int) number("rows"), (int) number("seed"), number("budget"), number("page"), text("compress").equals("true"));
      case "count" -> count(mode(), (int) number("rows"), (int) number("distinct"), (int) number("seed"), number("budget"), number("page"));
      case "store" -> store((int) number("blocks"), (int) number("bytes"), number("ops"));
      default -> throw new IllegalArgumentException("no item named " + item);
    };
  }

  // ---------------------------------------------------------------- managers

  static SparkConf conf(MemoryMode mode, long bytes) {
    SparkConf c = new SparkConf(false);
    if (mode == MemoryMode.OFF_HEAP) {
      c.set("spark.memory.offHeap.enabled", "true");
      c.set("spark.memory.offHeap.size", Long.toString(bytes));
    }
    return c;
  }

  static UnifiedMemoryManager manager(SparkConf c, MemoryMode mode, long bytes, int cores) {
    long heap = mode == MemoryMode.ON_HEAP ? bytes : GIB;
    return new UnifiedMemoryManager(c, heap, heap / 2, cores);
  }

  static UnifiedMemoryManager manager(MemoryMode mode, long bytes, int cores) {
    return manager(conf(mode, bytes), mode, bytes, cores);
  }

  static final class Consumer extends MemoryConsumer {
    Consumer(TaskMemoryManager tasks, MemoryMode mode) {
      super(tasks, 4 * MIB, mode);
    }

    @Override
    public long spill(long size, MemoryConsumer trigger) {
      return 0;
    }
  }

  // ---------------------------------------------------------------- acquire

  /**
   * Tasks 0 to tasks-1 hold 1 byte each, task 0 only when `held`; task 0 acquires and releases 1 MiB. With two managers the
   * pairs go to them in turn.
   */
  static Item acquire(int managers, int tasks, boolean held, long ops) {
    UnifiedMemoryManager[] all = new UnifiedMemoryManager[managers];
    for (int m = 0; m < managers; m++) {
      all[m] = manager(MemoryMode.ON_HEAP, 2 * GIB, 2);
      for (int i = held ? 0 : 1; i < tasks; i++) all[m].acquireExecutionMemory(1, i, MemoryMode.ON_HEAP);
    }
    UnifiedMemoryManager first = all[0];
    long before = first.executionMemoryUsed();
    return loop(ops, managers == 1 ? () -> {
      int hash = 0;
      for (long i = 0; i < ops; i++) {
        hash = fold(hash, (int) first.acquireExecutionMemory(MIB, 0, MemoryMode.ON_HEAP));
        first.releaseExecutionMemory(MIB, 0, MemoryMode.ON_HEAP);
      }
      check(first.executionMemoryUsed() == before, "all is released");
      return hash;
    } : () -> {
      int hash = 0;
      for (long i = 0; i < ops; i++) {
        UnifiedMemoryManager mm = all[(int) (i % managers)];
        hash = fold(hash, (int) mm.acquireExecutionMemory(MIB, 0, MemoryMode.ON_HEAP));
        mm.releaseExecutionMemory(MIB, 0, MemoryMode.ON_HEAP);
      }
      check(first.executionMemoryUsed() == before, "all is released");
      return hash;
    });
  }

  // ---------------------------------------------------------------- several threads

  /** What one of several threads does in a round; the hash does not depend on who came first. */
  interface Hand {
    int run(long ops) throws Exception;
  }

  /**
   * `threads` threads on one manager, a task each; those of pairs hold 1 byte, those of the mix share a store whose blocks
   * execution may evict, all of them. Seconds are from the first start to the last end.
   */
  static Item contend(int threads, boolean mix, long bytes, long ops) {
    Store store = mix ? new Store(bytes, 0, threads, 1024) : null;
    UnifiedMemoryManager mm = mix ? store.manager : manager(MemoryMode.ON_HEAP, bytes, threads);
    if (!mix) for (int t = 0; t < threads; t++) mm.acquireExecutionMemory(1, t, MemoryMode.ON_HEAP);
    long before = mm.executionMemoryUsed();
    Hand[] hands = new Hand[threads];
    for (int t = 0; t < threads; t++) {
      long task = t;
      hands[t] = mix ? new Mixed(mm, store, t, threads, bytes) : (count) -> pairs(mm, task, count);
    }
    ExecutorService pool = Executors.newFixedThreadPool(threads, (work) -> {
      Thread thread = new Thread(work);
      thread.setDaemon(true);
      return thread;
    });
    return shots(() -> {
      int stored = mix ? store.stored.get() : 0, evicted = mix ? store.evicted.get() : 0;
      CyclicBarrier start = new CyclicBarrier(threads);
      List<Future<long[]>> runs = new ArrayList<>();
      for (Hand hand : hands) {
        runs.add(pool.submit(() -> {
          start.await();
          long from = System.nanoTime();
          int hash = hand.run(64);
          for (long done = 64; done < ops; done += 64) check(hand.run(64) == hash, "equal blocks give equal answers");
          return new long[] { from, System.nanoTime(), hash };
        }));
      }
      long from = Long.MAX_VALUE, to = Long.MIN_VALUE;
      int hash = 0;
      for (Future<long[]> run : runs) {
        long[] r = run.get();
        from = Math.min(from, r[0]);
        to = Math.max(to, r[1]);
        hash = fold(hash, (int) r[2]);
      }
      check(mm.executionMemoryUsed() == before, "all is released");
      Map<String, Number> more = new LinkedHashMap<>();
      if (mix) {
        more.put("blocks", store.stored.get() - stored);
        more.put("evicted", store.evicted.get() - evicted);
      }
      return new Reading(threads * ops, (to - from) / 1e9, hash, more);
    });
  }

  static int pairs(UnifiedMemoryManager mm, long task, long ops) {
    int hash = 0;
    for (long i = 0; i < ops; i++) {
      hash = fold(hash, (int) mm.acquireExecutionMemory(MIB, task, MemoryMode.ON_HEAP));
      mm.releaseExecutionMemory(MIB, task, MemoryMode.ON_HEAP);
    }
    return hash;
  }

  /**
   * Eight acquires in turn: one of more than twice the task's share; three small ones on top of what that was cut to; and,
   * when it is given back, four that come and go. A block is put now and then. bench/contention-worker.ts does the same.
   */
  record Mixed(UnifiedMemoryManager mm, Store store, int task, int threads, long bytes) implements Hand {
    @Override
    public int run(long ops) {
      long large = 2 * (bytes / threads) + 1;
      int sound = 0;
      for (long i = 0; i < ops; i += 8) {
        if (i % 64 == 0) store.tryPut(task);
        long most = mm.acquireExecutionMemory(large, task, MemoryMode.ON_HEAP);
        if (most > 0 && most <= large) sound++;
        sound += littleOnes(3);
        mm.releaseExecutionMemory(most, task, MemoryMode.ON_HEAP);
        sound += littleOnes(4);
      }
      return fold(0, sound);
    }

    int littleOnes(int count) {
      int sound = 0;
      for (int i = 0; i < count; i++) {
        long got = mm.acquireExecutionMemory(64, task, MemoryMode.ON_HEAP);
        mm.releaseExecutionMemory(got, task, MemoryMode.ON_HEAP);
        if (got <= 64) sound++;
      }
      return sound;
    }
  }

  // ---------------------------------------------------------------- task memory manager

  /** One task of `consumers` consumers that hold 1 byte each; the middle one acquires and releases 1 MiB. */
  static Item taskMemory(int consumers, long ops) {
    UnifiedMemoryManager mm = manager(MemoryMode.ON_HEAP, 2 * GIB, 2);
    TaskMemoryManager tasks = new TaskMemoryManager(mm, 0);
    Consumer[] all = new Consumer[consumers];
    for (int i = 0; i < consumers; i++) {
      all[i] = new Consumer(tasks, MemoryMode.ON_HEAP);
      all[i].acquireMemory(1);
    }
    Consumer c = all[consumers / 2];
    return loop(ops, () -> {
      int hash = 0;
      for (long i = 0; i < ops; i++) {
        hash = fold(hash, (int) c.acquireMemory(MIB));
        c.freeMemory(MIB);
      }
      check(mm.executionMemoryUsed() == consumers, "all is released");
      return hash;
    });
  }

  // ---------------------------------------------------------------- pages

  /** A page allocated and freed; touched: one byte written in every 4 KiB, the last one read back. */
  static Item page(MemoryMode mode, long bytes, boolean touch, long ops) {
    UnifiedMemoryManager mm = manager(mode, GIB, 2);
    TaskMemoryManager tasks = new TaskMemoryManager(mm, 0);
    Consumer c = new Consumer(tasks, mode);
    return loop(ops, touch ? () -> {
      int hash = 0;
      for (long i = 0; i < ops; i++) {
        MemoryBlock p = tasks.allocatePage(bytes, c);
        Object base = p.getBaseObject();
        long from = p.getBaseOffset(), to = from + p.size();
        for (long a = from; a < to; a += 4096) Platform.putByte(base, a, (byte) i);
        hash = fold(hash, (int) p.size() + Platform.getByte(base, to - 4096));
        tasks.freePage(p, c);
      }
      return hash;
    } : () -> {
      int hash = 0;
      for (long i = 0; i < ops; i++) {
        MemoryBlock p = tasks.allocatePage(bytes, c);
        hash = fold(hash, (int) p.size() + p.pageNumber);
        tasks.freePage(p, c);
      }
      return hash;
    });
  }

  // ---------------------------------------------------------------- radix sort

  /** (pointer, prefix) pairs with scratch space as large, ascending, signed, all 8 bytes. Filling and checking are untimed. */
  static Item radix(MemoryMode mode, int rows, int seed) {
    long words = 4L * rows;
    MemoryBlock block = mode == MemoryMode.ON_HEAP
        ? MemoryBlock.fromLongArray(new long[Math.toIntExact(words)])
        : MemoryAllocator.UNSAFE.allocate(words * 8);
    LongArray array = new LongArray(block);
    return shots(() -> {
      for (int i = 0; i < rows; i++) {
        array.set(2 * i, i);
        array.set(2 * i + 1, key(i, seed));
      }
      long t0 = System.nanoTime();
      int start = RadixSort.sortKeyPrefixArray(array, 0, rows, 0, 7, false, true);
      long t1 = System.nanoTime();
      long previous = Long.MIN_VALUE;
      int hash = 0;
      for (int i = 0; i < rows; i++) {
        long key = array.get(start + 2 * i + 1);
        check(key >= previous, "ascending");
        previous = key;
        hash = foldRow(hash, key, (int) array.get(start + 2 * i));
      }
      return new Reading(rows, (t1 - t0) / 1e9, hash, Map.of());
    });
  }

  // ---------------------------------------------------------------- external sorter

  static UnsafeExternalSorter newSorter(TaskMemoryManager tasks, TaskContextImpl context, Supplier<RecordComparator> comparator,
      long pageBytes) throws Exception {
    SparkEnv env = SparkEnv.get();
    for (Method m : UnsafeExternalSorter.class.getMethods()) {
      if (!m.getName().equals("create")) continue;
      Object[] head = {tasks, env.blockManager(), env.serializerManager(), context, comparator,
          PrefixComparators.LONG, 4096, pageBytes, Integer.MAX_VALUE};
      List<Object> args = new ArrayList<>(Arrays.asList(head));
      if (m.getParameterCount() == 11) args.add(Long.MAX_VALUE); // since 4.1: a threshold by size as well
      args.add(true); // radix sort
      return (UnsafeExternalSorter) m.invoke(null, args.toArray());
    }
    throw new IllegalStateException("no UnsafeExternalSorter.create");
  }

  static final class WordComparator extends RecordComparator {
    @Override
    public int compare(Object lb, long lo, int ll, Object rb, long ro, int rl) {
      return Long.compare(Platform.getLong(lb, lo), Platform.getLong(rb, ro));
    }
  }

  /**
   * Records of 16 bytes: an 8-byte key, which is the prefix too, and an 8-byte value, the row's number. Timed: create, make
   * and insert every row, sort, read every row (order checked and hashed on the way). Real block manager, real files.
   */
  static Item sort(MemoryMode mode, int rows, int seed, long budget, long pageBytes, boolean compress) throws Exception {
    SparkConf c = conf(mode, budget)
        .setMaster("local[1]").setAppName("bench")
        .set("spark.ui.enabled", "false")
        .set("spark.driver.host", "127.0.0.1")
        .set("spark.driver.bindAddress", "127.0.0.1")
        .set("spark.buffer.pageSize", pageBytes + "b")
        .set("spark.shuffle.spill.compress", Boolean.toString(compress));
    SparkContext context = new SparkContext(c);
    Runtime.getRuntime().addShutdownHook(new Thread(context::stop));
    Field writers = UnsafeExternalSorter.class.getDeclaredField("spillWriters");
    writers.setAccessible(true);
    long[] lastTask = {0};
    return shots(() -> {
      long task = ++lastTask[0];
      UnifiedMemoryManager mm = manager(c, mode, budget, 1);
      TaskMemoryManager tasks = new TaskMemoryManager(mm, task);
      TaskMetrics metrics = new TaskMetrics();
      TaskContextImpl taskContext = new TaskContextImpl(0, 0, 0, task, 0, 1, tasks, new Properties(), null,
          metrics, 1, scala.collection.immutable.Map$.MODULE$.empty());
      TaskContext$.MODULE$.setTaskContext(taskContext);
      Supplier<RecordComparator> comparator = WordComparator::new;
      byte[] record = new byte[16];
      long at = Platform.BYTE_ARRAY_OFFSET;

      long t0 = System.nanoTime();
      UnsafeExternalSorter sorter = newSorter(tasks, taskContext, comparator, mm.pageSizeBytes());
      for (int i = 0; i < rows; i++) {
        long key = key(i, seed);
        Platform.putLong(record, at, key);
        Platform.putLong(record, at + 8, i);
        sorter.insertRecord(record, at, 16, key, false);
      }
      long t1 = System.nanoTime();
      UnsafeSorterIterator sorted = sorter.getSortedIterator();
      int read = 0, hash = 0;
      long previous = Long.MIN_VALUE;
      while (sorted.hasNext()) {
        sorted.loadNext();
        long key = Platform.getLong(sorted.getBaseObject(), sorted.getBaseOffset());
        check(key >= previous, "ascending");
        previous = key;
        hash = foldRow(hash, key, (int) Platform.getLong(sorted.getBaseObject(), sorted.getBaseOffset() + 8));
        read++;
      }
      long t2 = System.nanoTime();

      check(read == rows, "all rows came back");
      Map<String, Number> more = new LinkedHashMap<>();
      more.put("insertSeconds", (t1 - t0) / 1e9);
      more.put("readSeconds", (t2 - t1) / 1e9);
      more.put("spills", ((Collection<?>) writers.get(sorter)).size());
      more.put("diskBytes", metrics.diskBytesSpilled());
      more.put("memoryBytes", metrics.memoryBytesSpilled());
      more.put("peakBytes", sorter.getPeakMemoryUsedBytes());
      taskContext.markTaskCompleted(scala.Option.empty());
      sorter.cleanupResources();
      TaskContext$.MODULE$.unset();
      tasks.cleanUpAllAllocatedMemory();
      check(mm.executionMemoryUsed() == 0, "all memory came back");
      return new Reading(rows, (t2 - t0) / 1e9, hash, more);
    });
  }

  // ---------------------------------------------------------------- hash map

  /**
   * Rows counted by their 8-byte keys, `distinct` different ones at most. Timed: create, make every key, look it up and raise
   * its count in place or append it, read every group.
   */
  static Item count(MemoryMode mode, int rows, int distinct, int seed, long budget, long pageBytes) {
    UnifiedMemoryManager mm = manager(mode, budget, 1);
    long[] lastTask = {0};
    return shots(() -> {
      TaskMemoryManager tasks = new TaskMemoryManager(mm, ++lastTask[0]);
      byte[] key = new byte[8], one = new byte[8];
      long at = Platform.BYTE_ARRAY_OFFSET;
      Platform.putLong(one, at, 1);

      long t0 = System.nanoTime();
      BytesToBytesMap map = new BytesToBytesMap(tasks, 16384, pageBytes);
      for (int i = 0; i < rows; i++) {
        Platform.putLong(key, at, key(Integer.remainderUnsigned(keyHigh(i, seed), distinct), seed));
        BytesToBytesMap.Location found = map.lookup(key, at, 8);
        if (found.isDefined()) {
          Object base = found.getValueBase();
          long value = found.getValueOffset();
          Platform.putLong(base, value, Platform.getLong(base, value) + 1);
        } else {
          check(found.append(key, at, 8, one, at, 8), "the map takes the key");
        }
      }
      int hash = 0, groups = 0;
      long counted = 0;
      BytesToBytesMap.MapIterator all = map.iterator();
      while (all.hasNext()) {
        BytesToBytesMap.Location group = all.next();
        long count = Platform.getLong(group.getValueBase(), group.getValueOffset());
        hash += foldRow(0, Platform.getLong(group.getKeyBase(), group.getKeyOffset()), (int) count);
        counted += count;
        groups++;
      }
      long t1 = System.nanoTime();

      check(counted == rows, "every row was counted");
      Map<String, Number> more = new LinkedHashMap<>();
      more.put("groups", groups);
      more.put("peakBytes", map.getPeakMemoryUsedBytes());
      map.free();
      tasks.cleanUpAllAllocatedMemory();
      check(mm.executionMemoryUsed() == 0, "all memory came back");
      return new Reading(rows, (t1 - t0) / 1e9, hash, more);
    });
  }

  // ---------------------------------------------------------------- memory store

  /** A store on a manager. Logging is at WARN: at INFO it costs ten times the work. */
  static final class Store implements BlockEvictionHandler {
    final BlockInfoManager infos = new BlockInfoManager(false);
    final scala.reflect.ClassTag<Object> tag = scala.reflect.ClassTag$.MODULE$.Any();
    final scala.Option<Object> noTask = scala.Option.empty();
    final StorageLevel level = StorageLevel.MEMORY_ONLY_SER();
    final AtomicInteger next = new AtomicInteger(), stored = new AtomicInteger(), evicted = new AtomicInteger();
    final byte[] content;
    final UnifiedMemoryManager manager;
    final MemoryStore store;
    volatile int lastEvicted;

    Store(long bytes, long storageBytes, int cores, int blockBytes) {
      SparkConf c = new SparkConf(false);
      manager = new UnifiedMemoryManager(c, bytes, storageBytes, cores);
      store = new MemoryStore(c, infos, new SerializerManager(new JavaSerializer(c), c), manager, this);
      manager.setMemoryStore(store);
      content = new byte[blockBytes];
      Arrays.fill(content, (byte) 7);
    }

    @Override
    public <T> StorageLevel dropFromMemory(BlockId id, scala.Function0<scala.util.Either<Object, ChunkedByteBuffer>> data,
        scala.reflect.ClassTag<T> t) {
      store.remove(id);
      evicted.incrementAndGet();
      lastEvicted = ((RDDBlockId) id).rddId();
      return StorageLevel.NONE();
    }

    // A block is of an RDD of its own (blocks of one RDD never evict each other); its name, its lock record and a copy of
    // its content are part of the put.
    boolean tryPut(int partition) {
      BlockId id = new RDDBlockId(next.getAndIncrement(), partition);
      check(infos.lockNewBlockForWriting(id, new BlockInfo(level, tag, false), true), "a new block");
      scala.Function0<ChunkedByteBuffer> copy = () -> new ChunkedByteBuffer(ByteBuffer.wrap(content.clone()));
      if (store.putBytes(id, content.length, MemoryMode.ON_HEAP, copy, tag)) {
        stored.incrementAndGet();
        infos.unlock(id, noTask);
        return true;
      }
      infos.removeBlock(id);
      return false;
    }
  }

  /** Puts into a full store: each evicts the one block that was used least recently. */
  static Item store(int blocks, int bytes, long ops) {
    long storage = (long) blocks * bytes;
    Store s = new Store(storage + 1, storage, 1, bytes); // execution must own more than 0 bytes
    for (int i = 0; i < blocks; i++) check(s.tryPut(0), "the block is stored");
    check(s.evicted.get() == 0, "filling evicts nothing");
    return loop(ops, () -> {
      int hash = 0, before = s.evicted.get();
      for (long i = 0; i < ops; i++) {
        check(s.tryPut(0), "the block is stored");
        hash = fold(hash, s.next.get() - s.lastEvicted);
      }
      check(s.evicted.get() - before == ops, "one eviction a put");
      check(s.infos.size() == blocks, "the store is full");
      return hash;
    });
  }

  // ---------------------------------------------------------------- the line protocol

  static String json(Reading r) {
    StringBuilder s = new StringBuilder();
    s.append(String.format(Locale.ROOT, "{\"ops\":%d,\"seconds\":%.9f,\"hash\":\"%08x\"", r.ops, r.seconds, r.hash));
    r.more.forEach((name, value) -> s.append(",\"").append(name).append("\":").append(value));
    return s.append('}').toString();
  }

  public static void main(String[] args) throws Exception {
    PrintStream out = System.out;
    System.setOut(System.err); // whatever a library prints is not an answer
    for (int i = 1; i < args.length; i++) {
      int eq = args[i].indexOf('=');
      GIVEN.put(args[i].substring(0, eq), args[i].substring(eq + 1));
    }
    int status = 0;
    try {
      Item item = open(args[0]);
      out.printf("{\"ready\":\"%s\",\"spark\":\"%s\",\"java\":\"%s\"}%n", args[0], org.apache.spark.package$.MODULE$.SPARK_VERSION(),
          System.getProperty("java.version"));
      BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        String[] words = line.trim().split(" ");
        double seconds = Double.parseDouble(words[1]);
        if (words[0].equals("warm")) {
          item.warm(seconds);
          out.println("{\"warm\":true}");
        } else {
          out.println(json(item.round(seconds)));
        }
      }
    } catch (Throwable e) {
      e.printStackTrace();
      out.printf("{\"error\":\"%s\"}%n", e.toString().replaceAll("[\"\\\\\\p{Cntrl}]", " "));
      status = 1;
    }
    out.flush();
    System.exit(status);
  }
}
