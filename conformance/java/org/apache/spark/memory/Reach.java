// What recorders in other packages of Spark need of this one.
package org.apache.spark.memory;

import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.spark.SparkConf;

public final class Reach {
  private Reach() {}

  public static SparkConf conf(Pools pools) {
    return pools.conf;
  }

  public static Object field(Object of, String name) throws ReflectiveOperationException {
    return Members.field(of, name);
  }

  public static long used(MemoryConsumer consumer) {
    return consumer.getUsed();
  }

  public static void env() {
    Local.env();
  }

  public static TaskMemoryManager task(ObjectNode vector, long id) throws Throwable {
    return new TaskMemoryManager(new Pools(vector).manager, id);
  }
}
