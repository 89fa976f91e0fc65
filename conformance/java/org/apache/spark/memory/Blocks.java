// A block manager of its own over a memory manager of its own, with the surroundings of the local Spark, and what it holds as
// extended traces write it.
package org.apache.spark.memory;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.lang.reflect.Constructor;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkEnv;
import org.apache.spark.serializer.SerializerManager;
import org.apache.spark.storage.BlockId;
import org.apache.spark.storage.BlockInfo;
import org.apache.spark.storage.BlockManager;
import org.apache.spark.storage.memory.MemoryEntry;
import org.apache.spark.storage.memory.MemoryStore;
import org.apache.spark.util.SizeEstimator;
import scala.Option;
import scala.Tuple2;
import scala.collection.Iterator;

final class Blocks {
  final BlockManager manager;
  final MemoryStore store;

  Blocks(Pools pools) throws Throwable {
    SparkEnv env = Local.env();
    SparkConf conf = pools.conf.clone().set("spark.app.id", "conformance");
    SerializerManager serializers = new SerializerManager(new SaidRecord.Unbuffered(), conf);
    Constructor<?> constructor = Members.constructor(BlockManager.class, 11);
    // What stands last is the number of cores before 3.0, then a client of the shuffle service.
    Object last = constructor.getParameterTypes()[10] == int.class ? (Object) 1 : Option.empty();
    BlockManager surroundings = env.blockManager();
    manager = (BlockManager) constructor.newInstance("driver", env.rpcEnv(), surroundings.master(), serializers, conf, pools.manager,
        env.mapOutputTracker(), env.shuffleManager(), surroundings.blockTransferService(), env.securityManager(), last);
    Members.call(manager, "blockManagerId_$eq", surroundings.blockManagerId());
    store = manager.memoryStore();
    pools.manager.setMemoryStore(store);
  }

  void close() {
    manager.diskBlockManager().stop();
  }

  /** Bytes of Spark's growing vector itself, with no, one and two samples in its queue: they depend on the JVM and on Scala. */
  static void vectorBytes(ArrayNode told) throws Throwable {
    long array = 16 + 4 * 64;
    long record = 1000;
    Object vector = newVector();
    long one = SizeEstimator.estimate(vector) - array;
    Members.call(vector, "$plus$eq", new SaidRecord((int) record));
    long two = SizeEstimator.estimate(vector) - array - record;
    Object fresh = newVector();
    Members.call(Members.field(fresh, "samples"), "clear");
    told.add(SizeEstimator.estimate(fresh) - array).add(one).add(two);
  }

  private static Object newVector() throws ReflectiveOperationException {
    return Members.constructor(Class.forName("org.apache.spark.util.collection.SizeTrackingVector"), 1).newInstance(SaidRecord.TAG);
  }

  ObjectNode shown() throws Throwable {
    ObjectNode shown = Main.JSON.createObjectNode();
    ArrayNode[] stored = {shown.putArray("onHeap"), shown.putArray("offHeap")};
    for (Map.Entry<?, ?> each : ((Map<?, ?>) Members.field(store, "entries")).entrySet()) {
      MemoryEntry<?> entry = (MemoryEntry<?>) each.getValue();
      boolean values = entry.getClass().getSimpleName().startsWith("Deserialized");
      String name = ((BlockId) each.getKey()).name();
      stored[entry.memoryMode() == MemoryMode.ON_HEAP ? 0 : 1].addArray().add(name).add(entry.size()).add(values ? "values" : "bytes");
    }
    shown.putArray("unroll").add(unrolled("onHeapUnrollMemoryMap")).add(unrolled("offHeapUnrollMemoryMap"));
    disk(shown.putArray("disk"));
    known(shown.putArray("known"));
    return shown;
  }

  private long unrolled(String field) throws ReflectiveOperationException {
    long sum = 0;
    for (Iterator<?> each = ((scala.collection.Map<?, ?>) Members.field(store, field)).iterator(); each.hasNext(); )
      sum += (Long) ((Tuple2<?, ?>) each.next())._2();
    return sum;
  }

  private void disk(ArrayNode told) throws Throwable {
    TreeMap<String, Long> blocks = new TreeMap<>();
    // The kind of list changed with Scala.
    Object all = Members.call(manager.diskBlockManager(), "getAllBlocks");
    for (Iterator<?> each = (Iterator<?>) Members.invoke(all, "iterator"); each.hasNext(); ) {
      BlockId block = (BlockId) each.next();
      blocks.put(block.name(), manager.diskStore().getSize(block));
    }
    blocks.forEach((name, bytes) -> told.addArray().add(name).add(bytes));
  }

  private void known(ArrayNode told) throws Throwable {
    TreeMap<String, BlockInfo> infos = new TreeMap<>();
    for (Iterator<?> each = (Iterator<?>) Members.call(manager.blockInfoManager(), "entries"); each.hasNext(); ) {
      Tuple2<?, ?> entry = (Tuple2<?, ?>) each.next();
      infos.put(((BlockId) entry._1()).name(), (BlockInfo) entry._2());
    }
    infos.forEach((name, info) -> told.addArray().add(name).add(info.level().toInt()).add(info.readerCount()));
  }
}
