// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.locks.LockSupport;

/**
 * The operations of a client in flight, and the one thread that takes their results out of a queue
 * of the library.
 *
 * <p>The thread looks for results before it sleeps, and ends when {@link #stop} was called and
 * every operation is over. As it waits without limit, what wakes it then is a future that was done
 * from the start and is put into the queue.
 *
 * <p>Threads: {@link #submit} any; {@link #stop} once, when no submit runs or comes any more.
 */
final class Dispatcher implements Runnable {
  // With more at once dependents and stores would work in turns instead of side by side.
  private static final int BLOCK = 16;
  private static final long WAKE_UP = -1;
  private static final long PAUSE_NANOS = 10_000_000L;

  private final NativeApi api = Functions.api();
  private final Executor executor;
  private final InFlight running = new InFlight();
  private final long queue;
  private final long wakeUp;
  private final Gathering gathering;
  private final Looking looking = new Looking(System::nanoTime);
  private final Thread thread;

  /**
   * Starts the thread.
   *
   * @param wakeUp a future that is done; owned by the dispatcher from now on
   */
  Dispatcher(Executor executor, long wakeUp) {
    this.executor = executor;
    this.wakeUp = wakeUp;
    try {
      queue = Waiters.createQueue();
    } catch (VastoException e) {
      api.vasto_future_destroy(wakeUp);
      throw e;
    }
    // With its descriptor in use, a look at the queue does the client's network I/O.
    api.vasto_queue_fd(queue);
    gathering = new Gathering(queue, running);
    thread = new Thread(this, "vasto-dispatcher");
    thread.setDaemon(true);
    thread.start();
  }

  /**
   * Starts an operation whose result comes through the executor. Small gets and puts of this
   * dispatcher's own thread, where what hangs on results runs if the executor wants it, start
   * together when the results at hand are handed out.
   */
  <T> CompletableFuture<T> submit(Start start, Taker<T> taker, Object owner) {
    VastoFuture<T> operation = new VastoFuture<>(taker, executor, owner);
    if (isCurrent() && start instanceof Point point && point.isSmall()) {
      gathering.add(point, operation, running.add(operation));
    } else {
      startNow(start, operation);
    }
    return operation;
  }

  private void startNow(Start start, VastoFuture<?> operation) {
    if (isCurrent()) {
      // Operations of a thread start in order.
      gathering.flush();
    }
    int tag = running.add(operation);
    boolean started = false;
    try {
      operation.started(start.start(queue, tag));
      started = true;
    } finally {
      if (!started) {
        running.remove(tag);
      }
    }
  }

  boolean isCurrent() {
    return Thread.currentThread() == thread;
  }

  void startGathered() {
    gathering.flush();
  }

  int inFlight() {
    return running.count();
  }

  void stop() {
    Operations.attach(queue, WAKE_UP, wakeUp);
  }

  @Override
  public void run() {
    Results results = new Results(BLOCK);
    boolean stopping = false;
    while (!stopping || running.count() > 0) {
      int count = next(results);
      for (int i = 0; i < count; i++) {
        if (results.tag(i) == WAKE_UP) {
          stopping = true;
        } else {
          running.remove((int) results.tag(i)).finish(results, i);
        }
      }
      gathering.flush();
      results.destroy(count);
    }
    api.vasto_queue_destroy(queue);
  }

  private int next(Results results) {
    try {
      int count = running.count() > 0 ? looking.look(() -> results.next(queue, 0)) : 0;
      return count > 0 ? count : results.next(queue, -1);
    } catch (VastoException e) {
      LockSupport.parkNanos(PAUSE_NANOS);
      return 0;
    }
  }
}
