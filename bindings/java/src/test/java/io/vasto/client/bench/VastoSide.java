// SPDX-License-Identifier: Apache-2.0
package io.vasto.client.bench;

import io.vasto.client.Client;
import io.vasto.client.ClientConfig;
import io.vasto.client.Key;
import io.vasto.client.Keyspace;
import io.vasto.client.Row;
import io.vasto.client.Scan;
import io.vasto.client.ScanOptions;
import io.vasto.client.Value;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/** The binding. What hangs on its futures does not block, and runs on the thread they come from. */
final class VastoSide implements Side {
  private final Client client;
  private final Keyspace keyspace;

  VastoSide() {
    ClientConfig config =
        new ClientConfig().masters(Bench.variable("VASTO_TEST_MASTER")).executor(Runnable::run);
    client = Client.open(config);
    keyspace = client.keyspace(Bench.variable("VASTO_BENCH_KEYSPACE"));
  }

  @Override
  public void get(String key) {
    check(keyspace.get(Key.of(key)));
  }

  @Override
  public void put(String key) {
    keyspace.put(Key.of(key), Bench.VALUE);
  }

  @Override
  public CompletableFuture<?> getAsync(String key) {
    return keyspace.getAsync(Key.of(key)).thenAccept(VastoSide::check);
  }

  @Override
  public CompletableFuture<?> putAsync(String key) {
    return keyspace.putAsync(Key.of(key), Bench.VALUE);
  }

  private static void check(Optional<Value> value) {
    Bench.check(value.isPresent() ? value.get().bytes() : null);
  }

  /** Reads up to {@code limit} rows (0: all), and tells how many there were. */
  long scan(long limit) {
    long rows = 0;
    try (Scan scan = keyspace.scan(new byte[0], ScanOptions.builder().limit(limit).build())) {
      while (scan.hasNext()) {
        Row row = scan.next();
        if (row.key().bytes().length == 0) {
          throw new IllegalStateException("a row has no key");
        }
        Bench.check(row.value());
        rows++;
      }
    }
    return rows;
  }

  @Override
  public void close() {
    keyspace.close();
    client.close();
  }
}
