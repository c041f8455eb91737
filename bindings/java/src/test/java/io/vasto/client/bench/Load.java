// SPDX-License-Identifier: Apache-2.0
package io.vasto.client.bench;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;

/** Keeps so many operations in flight: when one is over, the next begins. */
final class Load {
  private final Function<String, CompletableFuture<?>> operation;
  private final Keys keys;
  private final AtomicLong left;
  private final AtomicInteger lanes;
  private final CompletableFuture<Void> done = new CompletableFuture<>();

  private Load(
      Function<String, CompletableFuture<?>> operation, Keys keys, int inFlight, long count) {
    this.operation = operation;
    this.keys = keys;
    left = new AtomicLong(count);
    lanes = new AtomicInteger(inFlight);
  }

  static void run(
      Function<String, CompletableFuture<?>> operation, Keys keys, int inFlight, long count) {
    Load load = new Load(operation, keys, inFlight, count);
    for (int i = 0; i < inFlight; i++) {
      load.next();
    }
    load.done.join();
  }

  private void next() {
    if (left.getAndDecrement() > 0) {
      operation.apply(keys.next()).whenComplete((result, failure) -> over(failure));
    } else if (lanes.decrementAndGet() == 0) {
      done.complete(null);
    }
  }

  private void over(Throwable failure) {
    if (failure != null) {
      done.completeExceptionally(failure);
    } else {
      next();
    }
  }
}
