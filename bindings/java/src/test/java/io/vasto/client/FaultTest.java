// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import static io.vasto.client.TestCluster.bytes;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;

class FaultTest {
  private static final int OPERATIONS = 10_000;
  private static final long DEADLINE_MS = 5_000;

  @Test
  void aStoreThatDiesLosesNoOperation() throws Exception {
    String name = TestCluster.newKeyspace(4, 3);
    String store = TestCluster.control("primary?keyspace=" + name);
    try (Client client = TestCluster.open();
        Keyspace keyspace = client.keyspace(name)) {
      CompletableFuture<Void> killed = new CompletableFuture<>();
      List<CompletableFuture<Long>> puts = putAll(keyspace, store, killed);
      List<Integer> acknowledged = new ArrayList<>();
      for (int i = 0; i < OPERATIONS; i++) {
        if (isAcknowledged(puts.get(i))) {
          acknowledged.add(i);
        }
      }
      killed.join();
      assertEquals(0, client.core().inFlight());
      for (int i : acknowledged) {
        assertEquals("value " + i, keyspace.get(Key.of("k" + i)).orElseThrow().text());
      }
    } finally {
      TestCluster.control("start?store=" + store);
    }
  }

  /** Starts all, some at a time; a store is killed in their middle. */
  private static List<CompletableFuture<Long>> putAll(
      Keyspace keyspace, String store, CompletableFuture<Void> killed) throws Exception {
    WriteOptions options = WriteOptions.builder().timeout(Duration.ofMillis(DEADLINE_MS)).build();
    Semaphore room = new Semaphore(500);
    ConcurrentLinkedQueue<Long> tooLate = new ConcurrentLinkedQueue<>();
    List<CompletableFuture<Long>> puts = new ArrayList<>();
    for (int i = 0; i < OPERATIONS; i++) {
      if (i == OPERATIONS / 3) {
        CompletableFuture.runAsync(() -> TestCluster.control("kill?store=" + store))
            .whenComplete((done, failure) -> killed.complete(null));
      }
      assertTrue(room.tryAcquire(30, TimeUnit.SECONDS), "no operation ends");
      long begun = System.nanoTime();
      puts.add(
          keyspace
              .putAsync(Key.of("k" + i), bytes("value " + i), options)
              .whenComplete(
                  (version, failure) -> {
                    long ms = (System.nanoTime() - begun) / 1_000_000;
                    // The machine may be busy: some slack for the thread that takes results.
                    if (ms > DEADLINE_MS + 5_000) {
                      tooLate.add(ms);
                    }
                    room.release();
                  }));
      if (i == OPERATIONS * 2 / 3) {
        killed.get(30, TimeUnit.SECONDS);
      }
    }
    assertTrue(room.tryAcquire(500, 30, TimeUnit.SECONDS), "an operation was lost");
    assertTrue(tooLate.isEmpty(), "milliseconds: " + tooLate);
    return puts;
  }

  private static boolean isAcknowledged(CompletableFuture<Long> put)
      throws InterruptedException, TimeoutException {
    try {
      return put.get(30, TimeUnit.SECONDS) != 0;
    } catch (ExecutionException e) {
      VastoException failure = (VastoException) e.getCause();
      assertTrue(failure.isRetryable() || failure.isInDoubt(), failure.toString());
      return false;
    }
  }
}
