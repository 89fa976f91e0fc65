// Reaches what Spark keeps private, or what moved between its versions. Names are those in Scala's source; the compiler may
// have put a prefix before them.
package org.apache.spark.memory;

import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;

final class Members {
  private Members() {}

  static Object field(Object of, String name) throws ReflectiveOperationException {
    for (Class<?> type = of.getClass(); type != null; type = type.getSuperclass()) {
      for (Field field : type.getDeclaredFields()) {
        if (!named(field.getName(), name)) continue;
        field.setAccessible(true);
        return field.get(of);
      }
    }
    throw new NoSuchFieldException(name + " in " + of.getClass());
  }

  /** The method of that name with that many parameters; null when this Spark has none. */
  static Method find(Class<?> in, String name, int parameters) {
    for (Class<?> type = in; type != null; type = type.getSuperclass()) {
      for (Method method : type.getDeclaredMethods()) {
        if (!named(method.getName(), name) || method.getParameterCount() != parameters) continue;
        method.setAccessible(true);
        return method;
      }
    }
    return null;
  }

  /** Calls it and throws what it threw. */
  static Object call(Object of, String name, Object... arguments) throws Throwable {
    Method method = find(of.getClass(), name, arguments.length);
    if (method == null) throw new NoSuchMethodException(name + "/" + arguments.length + " in " + of.getClass());
    try {
      return method.invoke(of, arguments);
    } catch (InvocationTargetException cause) {
      throw cause.getCause();
    }
  }

  /** Calls a public method without arguments of whatever class the object is. */
  static Object invoke(Object of, String name) throws ReflectiveOperationException {
    Method method = of.getClass().getMethod(name);
    method.setAccessible(true);
    return method.invoke(of);
  }

  /** The only instance of a Scala object; null when this Spark has none of that name. */
  static Object module(String name) throws ReflectiveOperationException {
    try {
      return Class.forName(name + "$").getField("MODULE$").get(null);
    } catch (ClassNotFoundException absent) {
      return null;
    }
  }

  /** The public constructor with that many parameters; null when there is none. */
  static Constructor<?> constructor(Class<?> of, int parameters) {
    for (Constructor<?> constructor : of.getConstructors()) {
      if (constructor.getParameterCount() == parameters) return constructor;
    }
    return null;
  }

  private static boolean named(String compiled, String name) {
    return compiled.equals(name) || compiled.endsWith("$" + name);
  }
}
