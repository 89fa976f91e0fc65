// One thread per task, so that an operation which waits inside Spark does not stop the recording.
package org.apache.spark.memory;

import java.lang.management.LockInfo;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.lang.management.ThreadMXBean;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

final class TaskThread {
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
  /** Between two looks at a thread that has not come to rest; its end cuts it short. */
  private static final long PAUSE_NANOS = 20_000;

  private static final long PATIENCE_NANOS = 20_000_000_000L;

  private final Object monitor;
  private final Thread thread;
  private final SynchronousQueue<Runnable> work = new SynchronousQueue<>();
  private final Thread recorder = Thread.currentThread();
  private volatile boolean busy;
  private boolean interrupted;

  /** `monitor`: what an operation waits on. */
  TaskThread(Object monitor) {
    this.monitor = monitor;
    thread = new Thread(this::serve, "task");
    thread.setDaemon(true);
    thread.start();
  }

  /** Starts an operation; true when it has ended, false when it waits. */
  boolean run(Runnable operation) throws InterruptedException {
    if (busy) throw new IllegalStateException("the task waits and cannot ask");
    busy = true;
    interrupted = false;
    if (!work.offer(operation, PATIENCE_NANOS, TimeUnit.NANOSECONDS)) throw new IllegalStateException("the task's thread has ended");
    return settle();
  }

  /** Returns when the operation has come to rest: true when it has ended, false when it waits. */
  boolean settle() {
    long deadline = System.nanoTime() + PATIENCE_NANOS;
    while (busy) {
      if (!interrupted && thread.getState() == Thread.State.WAITING && waitsForMemory()) return !busy;
      if (!thread.isAlive()) throw new IllegalStateException("the task's thread died");
      if (System.nanoTime() > deadline) throw new IllegalStateException("the operation neither ends nor waits");
      LockSupport.parkNanos(PAUSE_NANOS);
    }
    return true;
  }

  /** Ends the wait, or the thread when it is idle. An interrupted thread goes on counting as waiting for a while: its end tells. */
  void interrupt() {
    interrupted = busy;
    thread.interrupt();
  }

  boolean waits() {
    return busy;
  }

  private boolean waitsForMemory() {
    ThreadInfo info = THREADS.getThreadInfo(thread.getId());
    if (info == null || info.getThreadState() != Thread.State.WAITING) return false;
    LockInfo lock = info.getLockInfo();
    return lock != null && lock.getIdentityHashCode() == System.identityHashCode(monitor);
  }

  private void serve() {
    try {
      while (true) {
        work.take().run();
        busy = false;
        LockSupport.unpark(recorder);
      }
    } catch (InterruptedException ended) {
      // Nobody needs the task any more.
    }
  }
}
