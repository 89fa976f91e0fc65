// Records vectors: questions that are independent of each other, each answered by something of its own.
package org.apache.spark.memory;

import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.spark.shuffle.sort.ShuffleVector;
import org.apache.spark.util.collection.CollectionVector;

final class Vectors implements Main.Respondent {
  private long tasks = 0;

  @Override
  public void header(ObjectNode header) {
    header.put("collector", Pools.collector());
  }

  @Override
  public void row(ObjectNode vector) throws Throwable {
    ObjectNode result = vector.putObject("result");
    tasks++;
    switch (vector.get("vector").asText()) {
      case "sorter":
        new SorterVector(vector, result, tasks).answer();
        break;
      case "map":
        MapVector.answer(vector, result, tasks);
        break;
      case "shuffle":
        new ShuffleVector(vector, result, tasks).answer();
        break;
      case "collection":
        CollectionVector.answer(vector, result, tasks);
        break;
      default:
        throw new IllegalStateException("no vector " + vector.get("vector"));
    }
  }

  @Override
  public void close() {}
}
