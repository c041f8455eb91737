// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import static io.vasto.client.TestCluster.bytes;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What the thread that takes results starts itself, which goes to the library together. */
class GatheringTest {
  private static final Key KEY = Key.of("a");

  private static Client plain;
  private static Keyspace reference;
  private static String name;

  private final AtomicReference<CountDownLatch> gate = new AtomicReference<>();
  private Client client;
  private Keyspace keyspace;

  @BeforeAll
  static void create() {
    // One shard, whose store sees operations in the order in which they are sent.
    name = TestCluster.newKeyspace(1, 1);
    plain = TestCluster.open();
    reference = plain.keyspace(name);
    reference.put(KEY, bytes("x"));
  }

  @AfterAll
  static void end() {
    reference.close();
    plain.close();
  }

  @BeforeEach
  void open() {
    gate.set(new CountDownLatch(0));
    client =
        Client.open(
            new ClientConfig().masters(TestCluster.master()).executor(this::runWhenGateIsOpen));
    keyspace = client.keyspace(name);
  }

  @AfterEach
  void close() {
    TestCluster.await("nothing in flight", () -> client.core().inFlight() == 0);
    keyspace.close();
    client.close();
  }

  private void runWhenGateIsOpen(Runnable task) {
    try {
      gate.get().await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    task.run();
  }

  /** What a function gives that runs where results are taken. */
  private <T> T onDispatcher(Supplier<T> function) {
    CountDownLatch closed = new CountDownLatch(1);
    gate.set(closed);
    CompletableFuture<T> result =
        keyspace
            .getAsync(KEY)
            .thenApply(
                value -> {
                  assertEquals("vasto-dispatcher", Thread.currentThread().getName());
                  return function.get();
                });
    closed.countDown();
    return get(result);
  }

  private static <T> T get(CompletableFuture<T> future) {
    return future.orTimeout(30, TimeUnit.SECONDS).join();
  }

  private static void assertClosed(CompletableFuture<?> future) {
    CompletionException failure = assertThrows(CompletionException.class, () -> get(future));
    assertInstanceOf(VastoClosedException.class, failure.getCause());
  }

  @Test
  void manyOfAllKindsBringWhatTheyShould() {
    WriteOptions labelled = WriteOptions.builder().valueType(77).build();
    List<CompletableFuture<Long>> puts =
        onDispatcher(
            () -> {
              List<CompletableFuture<Long>> all = new ArrayList<>();
              for (int i = 0; i < 300; i++) {
                all.add(
                    keyspace.putAsync(
                        Key.of("many" + i), bytes("v" + i), i % 70 < 60 ? null : labelled));
              }
              return all;
            });
    puts.forEach(put -> assertTrue(get(put) != 0));
    try (Keyspace other = client.keyspace(TestCluster.newKeyspace())) {
      List<CompletableFuture<Optional<Value>>> gets =
          onDispatcher(
              () -> {
                List<CompletableFuture<Optional<Value>>> all = new ArrayList<>();
                for (int i = 0; i < 300; i++) {
                  all.add(keyspace.getAsync(Key.of("many" + i)));
                  if (i % 7 == 0) {
                    all.add(other.getAsync(Key.of("many" + i)));
                  }
                }
                return all;
              });
      int at = 0;
      for (int i = 0; i < 300; i++) {
        Value value = get(gets.get(at++)).orElseThrow();
        assertEquals("v" + i, value.text());
        assertEquals(i % 70 < 60 ? 0 : 77, value.type());
        if (i % 7 == 0) {
          assertTrue(get(gets.get(at++)).isEmpty());
        }
      }
    }
  }

  @Test
  void theyStartInOrder() {
    byte[] large = new byte[10_000];
    List<CompletableFuture<Long>> writes =
        onDispatcher(
            () -> {
              List<CompletableFuture<Long>> all = new ArrayList<>();
              for (int i = 0; i < 100; i++) {
                all.add(keyspace.putAsync(KEY, bytes("x")));
                all.add(keyspace.putAsync(KEY, bytes("y")));
                all.add(keyspace.putAsync(KEY, large));
                all.add(keyspace.deleteAsync(KEY));
              }
              all.add(keyspace.putAsync(KEY, bytes("last")));
              return all;
            });
    long before = 0;
    for (CompletableFuture<Long> write : writes) {
      assertTrue(get(write) > before, "a later write has a later version");
      before = get(write);
    }
    assertEquals("last", keyspace.get(KEY).orElseThrow().text());
  }

  @Test
  void oneThatIsRefusedFailsAlone() {
    Key tooLarge = Key.of(new byte[(64 << 10) + 1]);
    WriteOptions absent = WriteOptions.builder().ifAbsent().build();
    List<CompletableFuture<?>> all =
        onDispatcher(
            () ->
                List.of(
                    keyspace.getAsync(KEY),
                    keyspace.getAsync(tooLarge),
                    keyspace.getAsync(KEY),
                    keyspace.putAsync(KEY, bytes("x")),
                    keyspace.putAsync(KEY, bytes("x"), absent),
                    keyspace.putAsync(KEY, bytes("x"))));
    for (int i = 0; i < all.size(); i++) {
      CompletableFuture<?> future = all.get(i);
      if (i == 1 || i == 4) {
        CompletionException failure = assertThrows(CompletionException.class, () -> get(future));
        VastoException cause = assertInstanceOf(VastoException.class, failure.getCause());
        assertEquals(i == 1 ? ErrorCode.TOO_LARGE : ErrorCode.ALREADY_EXISTS, cause.code());
      } else {
        get(future);
      }
    }
  }

  @Test
  void oneIsCancelledBeforeItStarts() {
    // Nothing else ends it: its store is paused, and its deadline is far.
    ReadOptions patient = ReadOptions.builder().timeout(Duration.ofMinutes(5)).build();
    String store = TestCluster.control("primary?keyspace=" + name);
    List<CompletableFuture<Optional<Value>>> gets =
        onDispatcher(
            () -> {
              TestCluster.control("pause?store=" + store);
              List<CompletableFuture<Optional<Value>>> all = new ArrayList<>();
              for (int i = 0; i < 3; i++) {
                all.add(keyspace.getAsync(KEY, patient));
              }
              assertTrue(all.get(1).cancel(true));
              return all;
            });
    try {
      TestCluster.await("the others are in flight", () -> client.core().inFlight() == 2);
    } finally {
      TestCluster.control("resume?store=" + store);
    }
    assertTrue(get(gets.get(0)).isPresent());
    assertThrows(CancellationException.class, gets.get(1)::join);
    assertTrue(get(gets.get(2)).isPresent());
  }

  @Test
  void bytesAreCopied() {
    byte[] key = bytes("copied");
    byte[] value = bytes("before");
    Optional<Value> read =
        get(
            onDispatcher(
                () -> {
                  keyspace.putAsync(Key.of(key), value);
                  key[0] = 'X';
                  value[0] = 'X';
                  return keyspace.getAsync(Key.of("copied"));
                }));
    assertArrayEquals(bytes("before"), read.orElseThrow().bytes());
  }

  @Test
  void aBlockingCallDoesNotHoldThemUp() {
    Key key = Key.of("arrives");
    onDispatcher(
        () -> {
          keyspace.putAsync(key, bytes("x"));
          assertFalse(keyspace.get(KEY).isEmpty());
          // Through another client, which starts nothing of this one.
          TestCluster.await("the put", () -> reference.get(key).isPresent());
          return null;
        });
  }

  @Test
  void whatCameBeforeACloseIsStarted() {
    List<CompletableFuture<Optional<Value>>> gets =
        onDispatcher(
            () -> {
              Keyspace same = client.keyspace(name);
              CompletableFuture<Optional<Value>> before = same.getAsync(KEY);
              same.close();
              return List.of(before, same.getAsync(KEY));
            });
    assertTrue(get(gets.get(0)).isPresent());
    assertClosed(gets.get(1));
  }

  @Test
  void whatCameBeforeACloseOfTheClientIsStarted() {
    List<CompletableFuture<Optional<Value>>> gets =
        onDispatcher(
            () -> {
              CompletableFuture<Optional<Value>> before = keyspace.getAsync(KEY);
              client.close();
              return List.of(before, keyspace.getAsync(KEY));
            });
    assertTrue(get(gets.get(0)).isPresent());
    assertClosed(gets.get(1));
  }
}
