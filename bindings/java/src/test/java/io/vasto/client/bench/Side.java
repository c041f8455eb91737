// SPDX-License-Identifier: Apache-2.0
package io.vasto.client.bench;

import java.util.concurrent.CompletableFuture;

/** A client that is measured. Each operation fails unless it did what it should. */
interface Side extends AutoCloseable {
  void get(String key);

  void put(String key);

  CompletableFuture<?> getAsync(String key);

  CompletableFuture<?> putAsync(String key);

  @Override
  void close();
}
