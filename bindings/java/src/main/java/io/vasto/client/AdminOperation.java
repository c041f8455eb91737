// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import io.vasto.client.VastoException.Details;
import java.lang.ref.Reference;
import java.time.Duration;
import java.util.function.LongFunction;

/**
 * A running administrative operation. It goes on in the cluster whatever happens to this object.
 *
 * <p>Threads: any number at once.
 */
public final class AdminOperation implements AutoCloseable {
  // How soon an interrupt is seen.
  private static final long SLICE_MS = 100;

  private final Handle handle;

  AdminOperation(long op) {
    handle = new Handle("operation", op, Functions.api()::vasto_admin_op_destroy).ownedBy(this);
  }

  /**
   * How far an operation is.
   *
   * @param done steps that are done
   * @param total steps in all; 0: not known yet
   * @param isOver whether the operation has ended, with success
   */
  public record Progress(long done, long total, boolean isOver) {}

  /**
   * The number of the operation as text, to show to people.
   *
   * @return the number
   */
  public String id() {
    return use(op -> NativeMemory.text(Functions.api().vasto_admin_op_id(op)));
  }

  /**
   * Asks a master how far the operation is. Waits up to the client's {@code timeout_ms}.
   *
   * @return how far it is
   * @throws VastoException if the operation failed, or no master could be asked
   */
  public Progress progress() {
    return use(
        op -> {
          Scratch scratch = Scratch.begin();
          int code =
              Functions.api()
                  .vasto_admin_op_progress(op, scratch.out(0), scratch.out(1), scratch.err());
          long error = scratch.takeError();
          boolean running = code == Errors.BUSY && error == 0;
          if (code != Errors.OK && !running) {
            throw Errors.of(code, error);
          }
          return new Progress(scratch.result(0), scratch.result(1), !running);
        });
  }

  /**
   * Waits without limit for the end of the operation.
   *
   * @throws VastoInterruptedException if the thread is interrupted; the operation goes on
   * @throws VastoException if the operation failed
   */
  public void await() {
    awaitUntil(Long.MAX_VALUE);
  }

  /**
   * Waits for the end of the operation.
   *
   * @param timeout in milliseconds, rounded up; zero: does not wait
   * @return whether it has ended; false if it still runs
   * @throws VastoInterruptedException if the thread is interrupted; the operation goes on
   * @throws VastoException if the operation failed
   */
  public boolean await(Duration timeout) {
    return awaitUntil(Times.millis(timeout));
  }

  /** Ends this object; the operation goes on. A second close does nothing. */
  @Override
  public void close() {
    handle.close();
  }

  private boolean awaitUntil(long timeoutMs) {
    long begun = System.nanoTime();
    while (true) {
      long left = timeoutMs - (System.nanoTime() - begun) / 1_000_000;
      boolean over = awaitSlice(Math.min(Math.max(left, 0), SLICE_MS));
      if (over || left <= SLICE_MS) {
        return over;
      }
      if (Thread.currentThread().isInterrupted()) {
        throw new VastoInterruptedException(
            new Details(Errors.CANCELLED, "the thread was interrupted", "client", false, false));
      }
    }
  }

  private boolean awaitSlice(long sliceMs) {
    NativeApi api = Functions.api();
    return use(
        op -> {
          Scratch scratch = Scratch.begin();
          int code = api.vasto_admin_op_wait(op, sliceMs, scratch.err());
          long error = scratch.takeError();
          if (code == Errors.TIMEOUT && error == 0) {
            return false;
          }
          if (code != Errors.OK) {
            throw Errors.of(code, error);
          }
          return true;
        });
  }

  private <T> T use(LongFunction<T> user) {
    try {
      long op = handle.acquire();
      try {
        return user.apply(op);
      } finally {
        handle.release();
      }
    } finally {
      Reference.reachabilityFence(this);
    }
  }
}
