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

  // Guarded by this. The native future, 0 until the operation has started, ends only after TAKEN,
  // so that a cancel never comes late.
  private State state = State.RUNNING;
  private long future;

  // What the operation brought; written before the executor gets this.
  private T result;
  private Throwable failure;

  VastoFuture(Taker<T> taker, Executor executor, Object owner) {
    this.taker = taker;
    this.executor = executor;
    this.owner = owner;
  }

  /** Called once, by who has started the operation, which may be over or given up already. */
  synchronized void started(long nativeFuture) {
    future = nativeFuture;
    if (state == State.GIVEN_UP) {
      Functions.api().vasto_future_cancel(nativeFuture);
    }
  }

  /** Called once, by the dispatcher, when the operation is over; then the native future may end. */
  void finish(Results results, int index) {
    if (isWanted()) {
      take(results, index);
      complete();
    }
  }

  /** Called instead when the operation could not be started. */
  void fail(Throwable cause) {
    if (isWanted()) {
      failure = cause;
      complete();
    }
  }

  private boolean isWanted() {
    State before;
    synchronized (this) {
      before = state;
      state = State.TAKEN;
    }
    if (before == State.GIVEN_UP) {
      taker.drop();
    }
    return before == State.RUNNING;
  }

  private void complete() {
    try {
      executor.execute(this);
    } catch (RuntimeException | Error e) {
      // Rejected, or out of memory: better on this thread than never.
      run();
    }
  }

  private void take(Results results, int index) {
    try {
      result = taker.take(results, index);
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
    if (future != 0) {
      Functions.api().vasto_future_cancel(future);
    }
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
