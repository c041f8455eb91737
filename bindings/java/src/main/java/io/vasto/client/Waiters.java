// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import io.vasto.client.VastoException.Details;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.spi.AbstractInterruptibleChannel;
import java.util.concurrent.ConcurrentLinkedDeque;

/**
 * Waits of calling threads for one operation each.
 *
 * <p>A thread that waits at a queue does the client's network I/O meanwhile, which one that waits
 * for a future does not: so each waits at a queue of its own, kept here for the next.
 *
 * <p>Threads: any.
 */
final class Waiters {
  private final NativeApi api = Functions.api();
  private final ConcurrentLinkedDeque<Long> idle = new ConcurrentLinkedDeque<>();
  private volatile boolean closed;

  /**
   * Waits for a future, takes its result and destroys it.
   *
   * @param timeoutMs negative: no limit
   * @param late what to return when the time is over; the operation is cancelled then
   * @throws VastoInterruptedException if the thread is interrupted before the operation is over
   */
  <T> T await(long future, long timeoutMs, T late, Taker<T> taker) {
    Interruptible wait = new Interruptible(future);
    int code;
    try {
      code = wait.await(timeoutMs);
    } catch (RuntimeException | Error e) {
      api.vasto_future_destroy(future);
      taker.drop();
      throw e;
    }
    if (code == Errors.TIMEOUT) {
      taker.drop();
      if (wait.interrupted) {
        throw interrupted(new Details(Errors.CANCELLED, "", "client", false, false));
      }
      return late;
    }
    try {
      return taker.take(future);
    } catch (VastoException e) {
      throw wait.interrupted && e.code() == ErrorCode.CANCELLED ? interrupted(e.details()) : e;
    } finally {
      api.vasto_future_destroy(future);
    }
  }

  private static VastoInterruptedException interrupted(Details cancelled) {
    return new VastoInterruptedException(
        new Details(
            cancelled.rawCode(),
            "the thread was interrupted",
            "client",
            false,
            cancelled.inDoubt()));
  }

  /** Ends the queues; those in use end when they are given back. */
  void close() {
    closed = true;
    Long queue;
    while ((queue = idle.pollFirst()) != null) {
      api.vasto_queue_destroy(queue);
    }
  }

  private Long queue() {
    Long queue = idle.pollFirst();
    return queue != null ? queue : createQueue();
  }

  static long createQueue() {
    Scratch scratch = Scratch.begin();
    scratch.check(Functions.api().vasto_queue_create(scratch.out(0), scratch.err()));
    return scratch.result(0);
  }

  private void giveBack(Long queue) {
    idle.addFirst(queue);
    if (closed) {
      close();
    }
  }

  /**
   * One wait that an interrupt ends by cancelling the operation: the JDK tells a channel at once
   * when a thread inside its begin and end is interrupted.
   */
  private final class Interruptible extends AbstractInterruptibleChannel {
    private final long future;
    private boolean interrupted;

    Interruptible(long future) {
      this.future = future;
    }

    /**
     * Called by the thread that interrupts; {@code end} waits for it, so the future is still there.
     */
    @Override
    protected void implCloseChannel() {
      api.vasto_future_cancel(future);
    }

    /** The code of the wait: OK, or TIMEOUT; then the future was destroyed. */
    int await(long timeoutMs) {
      Long queue = queue();
      Scratch scratch = Scratch.begin();
      begin();
      int code = api.vasto_queue_attach(queue, future, 0, scratch.err());
      if (code == Errors.OK) {
        code = api.vasto_queue_next(queue, timeoutMs, scratch.out(0), 0, scratch.err());
      }
      try {
        end(true);
      } catch (AsynchronousCloseException e) {
        interrupted = true;
      }
      if (code == Errors.TIMEOUT) {
        // Before the next has the queue: it would find the future there.
        api.vasto_future_destroy(future);
      } else if (code != Errors.OK) {
        api.vasto_queue_destroy(queue);
        throw Errors.of(code, scratch.takeError());
      }
      giveBack(queue);
      return code;
    }
  }
}
