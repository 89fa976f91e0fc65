// The hash map: how many distinct keys it takes before memory ends, and what it holds then (kind "map").
package org.apache.spark.memory;

import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.spark.unsafe.Platform;
import org.apache.spark.unsafe.map.BytesToBytesMap;

final class MapVector {
  private MapVector() {}

  static void answer(ObjectNode vector, ObjectNode result, long task) throws Throwable {
    Local.env();
    TaskMemoryManager memory = new TaskMemoryManager(new Pools(vector).manager, task);
    BytesToBytesMap map = null;
    try {
      map = new BytesToBytesMap(memory, vector.get("capacity").intValue(), vector.get("pageSize").longValue());
      append(map, vector, result);
    } catch (SparkOutOfMemoryError shortage) {
      result.removeAll();
      result.put("error", "unableToAcquire");
    } catch (IllegalArgumentException refused) {
      result.put("error", "illegalArgument");
    } finally {
      if (map != null) map.free();
      memory.cleanUpAllAllocatedMemory();
    }
  }

  private static void append(BytesToBytesMap map, ObjectNode vector, ObjectNode result) {
    byte[] key = new byte[vector.get("keyBytes").intValue()];
    int valueBytes = vector.get("valueBytes").intValue();
    byte[] value = new byte[Math.max(1, valueBytes)];
    int appended = 0;
    boolean refused = false;
    while (!refused && appended < vector.get("count").intValue()) {
      Platform.putLong(key, Platform.BYTE_ARRAY_OFFSET, appended);
      BytesToBytesMap.Location place = map.lookup(key, Platform.BYTE_ARRAY_OFFSET, key.length);
      refused = !place.append(key, Platform.BYTE_ARRAY_OFFSET, key.length, value, Platform.BYTE_ARRAY_OFFSET, valueBytes);
      if (!refused) appended++;
    }
    result.put("appended", appended).put("refused", refused).put("keys", map.numKeys()).put("pages", map.getNumDataPages());
    result.put("used", map.getTotalMemoryConsumption()).put("peak", map.getPeakMemoryUsedBytes());
  }
}
