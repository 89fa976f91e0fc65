// Collections whose size is an estimate, and a bystander of the same task that makes memory scarce (kind "collection"). The
// elements have no bytes: the estimate is what the vector says.
package org.apache.spark.util.collection;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkEnv;
import org.apache.spark.memory.MemoryConsumer;
import org.apache.spark.memory.MemoryMode;
import org.apache.spark.memory.Reach;
import org.apache.spark.memory.TaskMemoryManager;

public final class CollectionVector {
  private static final String KEYS = "spark.shuffle.spill.";
  private static final String[] THRESHOLDS = {
    "initialMemoryThreshold", "numElementsForceSpillThreshold", "maxSizeInBytesForSpillThreshold"
  };

  private final ObjectNode vector;
  private final ArrayNode events;
  private final List<Estimated> collections = new ArrayList<>();
  private final Bystander bystander;

  public static void answer(ObjectNode vector, ObjectNode result, long task) throws Throwable {
    Reach.env();
    configure(vector.get("conf"));
    TaskMemoryManager memory = Reach.task(vector, task);
    try {
      new CollectionVector(vector, result, memory).run(result);
    } finally {
      memory.cleanUpAllAllocatedMemory();
    }
  }

  /** Spark's collections read their thresholds from the configuration of the process. */
  private static void configure(JsonNode keys) {
    SparkConf conf = SparkEnv.get().conf();
    for (String threshold : THRESHOLDS) {
      if (keys.has(KEYS + threshold)) conf.set(KEYS + threshold, keys.get(KEYS + threshold).asText());
      else conf.remove(KEYS + threshold);
    }
  }

  private CollectionVector(ObjectNode vector, ObjectNode result, TaskMemoryManager memory) {
    this.vector = vector;
    events = result.putArray("events");
    for (JsonNode kind : vector.get("collections")) collections.add(new Estimated(memory, kind.asText().equals("map")));
    bystander = new Bystander(memory);
  }

  private void run(ObjectNode result) {
    for (int segment = 0; segment < vector.get("segments").size(); segment++) {
      JsonNode asked = vector.get("segments").get(segment);
      int who = asked.get(0).intValue();
      for (int i = 0; i < Math.abs(asked.get(1).intValue()); i++) {
        if (who < collections.size()) collections.get(who).insert(asked.get(2).longValue());
        else bystander.act(asked.get(1).intValue() > 0, asked.get(2).longValue());
        for (int each = 0; each < collections.size(); each++) tell(segment, i, each);
      }
    }
    ArrayNode all = result.putArray("collections");
    for (Estimated each : collections) {
      ObjectNode told = all.addObject().put("inserted", each.inserted).put("used", Reach.used(each)).put("spills", each.spills);
      told.put("memoryBytesSpilled", each.memoryBytesSpilled()).put("peak", each.peak);
    }
    result.put("bystander", Reach.used(bystander));
  }

  private void tell(int segment, int record, int which) {
    Estimated each = collections.get(which);
    if (each.spills == each.spillsTold && each.memoryBytesSpilled() == each.bytesTold) return;
    ObjectNode event = events.addObject().put("segment", segment).put("record", record).put("collection", which);
    event.put("spills", each.spills - each.spillsTold).put("memoryBytesSpilled", each.memoryBytesSpilled() - each.bytesTold);
    each.spillsTold = each.spills;
    each.bytesTold = each.memoryBytesSpilled();
  }

  /** The sorter counts an element before it asks, the map asks first and does not refuse to be spilled by others. */
  private static final class Estimated extends Spillable<Object> {
    private final boolean map;
    private long estimate = 0;
    private int elements = 0;
    private int inserted = 0;
    private int spills = 0;
    private long peak = 0;
    private int spillsTold = 0;
    private long bytesTold = 0;

    Estimated(TaskMemoryManager memory, boolean map) {
      super(memory);
      this.map = map;
    }

    void insert(long bytes) {
      inserted++;
      if (map) ask();
      estimate += bytes;
      elements++;
      addElementsRead();
      if (!map) ask();
    }

    private void ask() {
      peak = Math.max(peak, estimate);
      maybeSpill(this, estimate);
    }

    @Override
    public void spill(Object collection) {
      estimate = 0;
      elements = 0;
      spills++;
    }

    @Override
    public boolean forceSpill() {
      if (!map || elements == 0) return false;
      spill(this);
      return true;
    }
  }

  /** Holds memory and never spills. */
  private static final class Bystander extends MemoryConsumer {
    Bystander(TaskMemoryManager memory) {
      super(memory, memory.pageSizeBytes(), MemoryMode.ON_HEAP);
    }

    void act(boolean take, long bytes) {
      if (take) acquireMemory(bytes);
      else freeMemory(Math.min(bytes, getUsed()));
    }

    @Override
    public long spill(long bytes, MemoryConsumer trigger) {
      return 0;
    }
  }
}
