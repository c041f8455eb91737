// SPDX-License-Identifier: Apache-2.0
package io.vasto.client.vectors;

import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/** Which form of the calls to use: the blocking one, or the one with a future. */
final class Form {
  private final boolean async;

  Form(String mode) {
    if (!mode.equals("sync") && !mode.equals("async")) {
      throw new IllegalArgumentException("no such mode: " + mode);
    }
    async = mode.equals("async");
  }

  boolean isAsync() {
    return async;
  }

  <T> T call(Supplier<T> blocking, Supplier<CompletableFuture<T>> future) {
    return async ? future.get().join() : blocking.get();
  }
}
