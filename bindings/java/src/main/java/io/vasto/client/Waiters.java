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
  private final ConcurrentLinkedDeque<Waiter> idle = new ConcurrentLinkedDeque<>();
  private volatile boolean closed;

  /**
   * Starts an operation, waits for it and takes its result.
   *
   * @param timeoutMs negative: no limit
   * @param late what to return when the time is over; the operation is cancelled then
   * @throws VastoInterruptedException if the thread is interrupted before the operation is over
   */
  <T> T await(Start start, long timeoutMs, T late, Taker<T> taker) {
    Waiter waiter = idle.pollFirst();
    if (waiter == null) {
      waiter = new Waiter(createQueue());
    }
    try {
      return waiter.await(start, timeoutMs, late, taker);
    } finally {
      giveBack(waiter);
    }
  }

  /** Ends the queues; those in use end when they are given back. */
  void close() {
    closed = true;
    Waiter waiter;
    while ((waiter = idle.pollFirst()) != null) {
      waiter.end();
    }
  }

  static long createQueue() {
    Scratch scratch = Scratch.begin();
    scratch.check(Functions.api().vasto_queue_create(scratch.out(0), scratch.err()));
    return scratch.result(0);
  }

  private void giveBack(Waiter waiter) {
    if (!waiter.isOpen()) {
      waiter.end();
      return;
    }
    idle.addFirst(waiter);
    if (closed) {
      close();
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

  /**
   * A queue and a wait at it that an interrupt ends by cancelling the operation: the JDK closes a
   * channel at once when a thread inside its begin and end is interrupted.
   */
  private final class Waiter extends AbstractInterruptibleChannel {
    private final long queue;
    private final Results results = new Results(1);
    private long future;

    Waiter(long queue) {
      this.queue = queue;
    }

    void end() {
      api.vasto_queue_destroy(queue);
    }

    /**
     * Called by the thread that interrupts; {@code end} waits for it, so the future is still there.
     */
    @Override
    protected void implCloseChannel() {
      api.vasto_future_cancel(future);
    }

    <T> T await(Start start, long timeoutMs, T late, Taker<T> taker) {
      future = start.start(queue, 0);
      boolean over = false;
      try {
        over = waitFor(timeoutMs);
        if (over) {
          return take(taker);
        }
        if (!isOpen()) {
          throw interrupted(new Details(Errors.CANCELLED, "", "client", false, false));
        }
        return late;
      } finally {
        // Before the next has the queue: it would find the future there.
        api.vasto_future_destroy(future);
        if (!over) {
          taker.drop();
        }
      }
    }

    /** Whether the operation was over in time. */
    private boolean waitFor(long timeoutMs) {
      begin();
      try {
        return results.next(queue, timeoutMs) > 0;
      } finally {
        try {
          end(true);
        } catch (AsynchronousCloseException e) {
          // The channel is not open any more, which tells it.
        }
      }
    }

    private <T> T take(Taker<T> taker) {
      try {
        return taker.take(results, 0);
      } catch (VastoException e) {
        throw !isOpen() && e.code() == ErrorCode.CANCELLED ? interrupted(e.details()) : e;
      }
    }
  }
}
