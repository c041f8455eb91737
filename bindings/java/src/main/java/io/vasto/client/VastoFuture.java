// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;

/**
 * The future of one operation in flight. Whoever is first decides: the operation, which then
 * completes it through the executor, or the user by a cancel (or another completion), which cancels
 * the operation.
 *
 * <p>What is derived from it ({@code thenApply} and so on) is a plain {@link CompletableFuture}.
 */
final class VastoFuture<T> extends CompletableFuture<T> implements Runnable {
  private enum State {
    RUNNING,
    TAKEN,
    GIVEN_UP
  }

  private final Taker<T> taker;
  private final Executor executor;
  // Keeps the client from being collected while the operation runs.
  private final Object owner;

  // Guarded by this; the native future is destroyed under it, so that a cancel never comes late.
  private State state = State.RUNNING;
  private final long future;

  // What the operation brought; written before the executor gets this.
  private T result;
  private Throwable failure;

  VastoFuture(long future, Taker<T> taker, Executor executor, Object owner) {
    this.future = future;
    this.taker = taker;
    this.executor = executor;
    this.owner = owner;
  }

  long future() {
    return future;
  }

  /** Called once, by the dispatcher, when the operation is over. */
  void finish() {
    synchronized (this) {
      boolean wanted = state == State.RUNNING;
      state = State.TAKEN;
      if (wanted) {
        take();
      }
      Functions.api().vasto_future_destroy(future);
      if (!wanted) {
        taker.drop();
        return;
      }
    }
    try {
      executor.execute(this);
    } catch (RuntimeException | Error e) {
      // Rejected, or out of memory: better on this thread than never.
      run();
    }
  }

  private void take() {
    try {
      result = taker.take(future);
    } catch (RuntimeException | Error e) {
      // Also when a large value finds no memory: the thread that takes results must go on.
      failure = e;
    }
  }

  /** The executor's task: completes the future, and so runs what the user has hung on it. */
  @Override
  public void run() {
    if (failure != null) {
      super.completeExceptionally(failure);
    } else {
      super.complete(result);
    }
  }

  /** Cancels the operation unless it is over. */
  private synchronized boolean giveUp() {
    if (state != State.RUNNING) {
      return false;
    }
    state = State.GIVEN_UP;
    Functions.api().vasto_future_cancel(future);
    return true;
  }

  @Override
  public boolean cancel(boolean mayInterruptIfRunning) {
    return giveUp() ? super.completeExceptionally(new CancellationException()) : isCancelled();
  }

  @Override
  public boolean complete(T value) {
    return giveUp() && super.complete(value);
  }

  @Override
  public boolean completeExceptionally(Throwable cause) {
    return giveUp() && super.completeExceptionally(cause);
  }

  @Override
  public <U> CompletableFuture<U> newIncompleteFuture() {
    return new CompletableFuture<>();
  }
}
