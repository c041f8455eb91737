// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;

/**
 * The operations of a client in flight, and the one thread that takes their results out of a queue
 * of the library.
 *
 * <p>The thread ends when {@link #stop} was called and every operation is over. As it waits without
 * limit, what wakes it then is a future that was done from the start and is put into the queue.
 *
 * <p>Threads: {@link #submit} any; {@link #stop} once, when no submit runs or comes any more.
 */
final class Dispatcher implements Runnable {
  private static final int BLOCK = 256;
  private static final long PAUSE_NANOS = 10_000_000L;

  private final NativeApi api = Functions.api();
  private final Executor executor;
  private final Map<Long, VastoFuture<?>> running = new ConcurrentHashMap<>();
  private final long queue;
  private final long wakeUp;

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
    Thread thread = new Thread(this, "vasto-dispatcher");
    thread.setDaemon(true);
    thread.start();
  }

  /** Starts an operation whose result comes through the executor. */
  <T> CompletableFuture<T> submit(LongSupplier start, Taker<T> taker, Object owner) {
    long future = start.getAsLong();
    VastoFuture<T> operation = new VastoFuture<>(future, taker, executor, owner);
    running.put(future, operation);
    Scratch scratch = Scratch.begin();
    int code = api.vasto_queue_attach(queue, future, 0, scratch.err());
    if (code != Errors.OK) {
      VastoException failure = Errors.of(code, scratch.takeError());
      running.remove(future);
      operation.completeExceptionally(failure);
      operation.finish();
    }
    return operation;
  }

  int inFlight() {
    return running.size();
  }

  void stop() {
    Scratch scratch = Scratch.begin();
    scratch.check(api.vasto_queue_attach(queue, wakeUp, 0, scratch.err()));
  }

  @Override
  public void run() {
    ByteBuffer memory = ByteBuffer.allocateDirect(8 * (BLOCK + 2)).order(ByteOrder.nativeOrder());
    long address = NativeMemory.addressOf(memory);
    boolean stopping = false;
    while (!stopping || !running.isEmpty()) {
      memory.putLong(0, 0);
      int code =
          api.vasto_queue_next_block(queue, -1, address + 16, 0, BLOCK, address + 8, address);
      if (code != Errors.OK) {
        // Only for want of memory: what is done stays in the queue.
        Errors.discard(memory.getLong(0));
        LockSupport.parkNanos(PAUSE_NANOS);
        continue;
      }
      long count = memory.getLong(8);
      for (int i = 0; i < count; i++) {
        long future = memory.getLong(16 + 8 * i);
        if (future == wakeUp) {
          stopping = true;
        } else {
          running.remove(future).finish();
        }
      }
    }
    api.vasto_future_destroy(wakeUp);
    api.vasto_queue_destroy(queue);
  }
}
