// A local Spark for what needs a whole one: files to spill to, serializers, a block manager's surroundings. Started when it is
// first wanted, one for the process.
package org.apache.spark.memory;

import java.lang.reflect.Constructor;
import java.util.Properties;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContext$;
import org.apache.spark.TaskContextImpl;
import org.apache.spark.executor.TaskMetrics;

final class Local {
  private static SparkEnv env;

  private Local() {}

  static synchronized SparkEnv env() {
    if (env == null) {
      SparkConf conf = new SparkConf(false).setMaster("local[1]").setAppName("conformance");
      conf.set("spark.ui.enabled", "false").set("spark.driver.host", "127.0.0.1").set("spark.driver.bindAddress", "127.0.0.1");
      conf.set("spark.testing.memory", "1000000000").set("spark.shuffle.spill.compress", "false").set("spark.shuffle.compress", "false");
      new SparkContext(conf);
      env = SparkEnv.get();
    }
    return env;
  }

  /** A task of its own on this thread, until `leave`. */
  static TaskContextImpl enter(TaskMemoryManager memory, long attempt, TaskMetrics metrics) throws ReflectiveOperationException {
    TaskContextImpl context = context(memory, attempt, metrics);
    TaskContext$.MODULE$.setTaskContext(context);
    return context;
  }

  static void leave() {
    TaskContext$.MODULE$.unset();
  }

  /** Stage, stage attempt, partition, attempt, attempt number, partitions (3.0+), memory, properties, metrics system, metrics, cpus (3.2+), resources (3.0+). */
  private static TaskContextImpl context(TaskMemoryManager memory, long attempt, TaskMetrics metrics)
      throws ReflectiveOperationException {
    Properties none = new Properties();
    Constructor<?> recent = Members.constructor(TaskContextImpl.class, 12);
    if (recent == null) {
      return (TaskContextImpl)
          Members.constructor(TaskContextImpl.class, 9).newInstance(0, 0, 0, attempt, 0, memory, none, null, metrics);
    }
    Object resources = scala.collection.immutable.Map$.MODULE$.getClass().getMethod("empty").invoke(scala.collection.immutable.Map$.MODULE$);
    return (TaskContextImpl) recent.newInstance(0, 0, 0, attempt, 0, 1, memory, none, null, metrics, 1, resources);
  }
}
