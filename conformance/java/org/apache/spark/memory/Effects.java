// What happens inside an operation besides its answer: evictions and spills, in order. Each look of a request collects its own.
package org.apache.spark.memory;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

final class Effects {
  private static final ThreadLocal<Effects> CURRENT = new ThreadLocal<>();

  private ArrayNode evicted = Main.JSON.createArrayNode();
  private ArrayNode spills = Main.JSON.createArrayNode();

  /** Those of the operation that this thread runs. */
  static Effects current() {
    return CURRENT.get();
  }

  void collectHere() {
    CURRENT.set(this);
  }

  ObjectNode evicted() {
    return evicted.addObject();
  }

  ObjectNode spill() {
    return spills.addObject();
  }

  boolean any() {
    return evicted.size() + spills.size() > 0;
  }

  /** Writes them into a row, those that there are, and starts anew. */
  void moveTo(ObjectNode row) {
    if (evicted.size() > 0) row.set("evicted", evicted);
    if (spills.size() > 0) row.set("spills", spills);
    evicted = Main.JSON.createArrayNode();
    spills = Main.JSON.createArrayNode();
  }
}
