// A local Spark for what needs a whole one: files to spill to, serializers, a block manager's surroundings. Started when it is
// first wanted, one for the process.
package org.apache.spark.memory;

import java.lang.reflect.Constructor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
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

  /** What it takes has grown: 3.0 added resources, 3.2 cpus, 3.4 the number of partitions. */
  private static TaskContextImpl context(TaskMemoryManager memory, long attempt, TaskMetrics metrics)
      throws ReflectiveOperationException {
    Constructor<?> constructor = TaskContextImpl.class.getConstructors()[0];
    Object resources = scala.collection.immutable.Map$.MODULE$.getClass().getMethod("empty").invoke(scala.collection.immutable.Map$.MODULE$);
    List<Object> arguments = new ArrayList<>(Arrays.asList(0, 0, 0, attempt, 0));
    int parameters = constructor.getParameterCount();
    if (parameters >= 12) arguments.add(1);
    arguments.addAll(Arrays.asList(memory, new Properties(), null, metrics));
    if (parameters >= 11) arguments.add(1);
    if (parameters >= 10) arguments.add(resources);
    return (TaskContextImpl) constructor.newInstance(arguments.toArray());
  }
}
