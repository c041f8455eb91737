// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import static io.vasto.client.TestCluster.bytes;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class LifetimeTest {
  private static final Key KEY = Key.of("a");
  private static String name;

  @BeforeAll
  static void create() {
    name = TestCluster.newKeyspace();
    // Whatever the first use leaves in the process, such as the cleaner's thread, is there now.
    use(new Random(0)).forEach(LifetimeTest::close);
  }

  /** One of everything, used once. */
  private static List<AutoCloseable> use(Random random) {
    Client client = TestCluster.open();
    Keyspace keyspace = client.keyspace(name);
    keyspace.put(KEY, bytes("x"));
    keyspace.putAsync(KEY, bytes("y"));
    Session session = keyspace.newSession();
    keyspace.get(KEY, ReadOptions.builder().session(session).build());
    Batch batch = new Batch().put(KEY, bytes("z"));
    keyspace.write(batch);
    Scan scan = keyspace.scan(new byte[0]);
    assertTrue(scan.hasNext());
    Watch watch = keyspace.watch(new byte[0]);
    watch.nextAsync();
    List<AutoCloseable> all =
        new ArrayList<>(List.of(client, keyspace, session, batch, scan, watch));
    Collections.shuffle(all, random);
    return all;
  }

  private static void close(AutoCloseable object) {
    try {
      object.close();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void closingInAnyOrderLeavesNothingBehind() {
    long descriptors = TestCluster.fileDescriptors();
    long threads = TestCluster.threads();
    for (int seed = 1; seed <= 10; seed++) {
      List<AutoCloseable> all = use(new Random(seed));
      all.forEach(LifetimeTest::close);
      all.forEach(LifetimeTest::close);
    }
    awaitAsBefore(descriptors, threads, () -> {});
  }

  @Test
  void forgettingEverythingLeavesNothingBehind() {
    long descriptors = TestCluster.fileDescriptors();
    long threads = TestCluster.threads();
    for (int seed = 1; seed <= 5; seed++) {
      use(new Random(seed));
    }
    assertTrue(TestCluster.fileDescriptors() > descriptors);
    awaitAsBefore(descriptors, threads, System::gc);
  }

  @Test
  void interruptsAndCancelsLeaveNothingBehind() {
    long descriptors = TestCluster.fileDescriptors();
    long threads = TestCluster.threads();
    try (Client client = TestCluster.open();
        Keyspace keyspace = client.keyspace(name);
        Watch watch = keyspace.watch(bytes("nothing"))) {
      for (int i = 0; i < 100; i++) {
        keyspace.putAsync(KEY, bytes("x")).cancel(true);
        Thread.currentThread().interrupt();
        assertThrows(VastoInterruptedException.class, watch::next);
        try {
          keyspace.get(KEY);
        } catch (VastoInterruptedException e) {
          // Or the answer was faster.
          assertEquals(ErrorCode.CANCELLED, e.code());
        }
        assertTrue(Thread.interrupted());
      }
      TestCluster.await("nothing in flight", () -> client.core().inFlight() == 0);
    }
    awaitAsBefore(descriptors, threads, () -> {});
  }

  private static void awaitAsBefore(long descriptors, long threads, Runnable meanwhile) {
    TestCluster.await(
        "file descriptors and threads as before",
        () -> {
          meanwhile.run();
          // A thread of the common pool, of HTTP or of the virtual machine may have come or gone.
          return TestCluster.fileDescriptors() <= descriptors + 2
              && TestCluster.threads() <= threads + 3;
        });
  }

  @Test
  void whatIsClosedSaysSo() {
    Client client = TestCluster.open();
    Keyspace keyspace = client.keyspace(name);
    Session session = keyspace.newSession();
    Batch batch = new Batch();
    AdminOperation operation = client.admin().compactKeyspace(name);
    session.close();
    batch.close();
    operation.close();
    assertClosed("session", session::token);
    assertClosed("session", () -> session.importToken(new byte[1]));
    assertClosed("session", () -> ReadOptions.builder().session(session).build());
    assertClosed("batch", () -> batch.delete(KEY));
    assertClosed("batch", () -> keyspace.write(batch));
    assertClosed("operation", operation::await);
    keyspace.close();
    assertClosed("keyspace", () -> keyspace.get(KEY));
    assertClosed("keyspace", () -> keyspace.scan(new byte[0]));
    assertClosed("keyspace", () -> keyspace.watch(new byte[0]));
    assertClosed("keyspace", keyspace::name);
    assertTrue(keyspace.getAsync(KEY).isCompletedExceptionally());
    Keyspace another = client.keyspace(name);
    client.close();
    client.close();
    assertClosed("client", () -> client.keyspace(name));
    assertClosed("client", () -> client.admin().usage());
    assertClosed("", () -> another.get(KEY));
    assertEquals(name, another.name());
  }

  private static void assertClosed(String what, Runnable use) {
    VastoClosedException failure = assertThrows(VastoClosedException.class, use::run);
    assertEquals(ErrorCode.CLOSED, failure.code());
    assertTrue(failure.getMessage().contains(what), failure.getMessage());
  }

  @Test
  void aHandleEndsAfterItsLastUse() {
    List<Long> ended = new ArrayList<>();
    Handle handle = new Handle("thing", 42, ended::add);
    assertEquals(42, handle.acquire());
    assertEquals(42, handle.acquire());
    assertThrows(IllegalStateException.class, handle::acquireAlone);
    assertTrue(handle.close());
    assertThrows(VastoClosedException.class, handle::acquire);
    handle.release();
    assertEquals(List.of(), ended);
    handle.release();
    assertEquals(List.of(42L), ended);
    handle.run();
    assertEquals(List.of(42L), ended);
  }

  @Test
  void closingWhileOthersUseItIsSafe() throws Exception {
    for (int round = 0; round < 20; round++) {
      Client client = TestCluster.open();
      Keyspace keyspace = client.keyspace(name);
      List<CompletableFuture<Throwable>> users = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        CompletableFuture<Throwable> user = new CompletableFuture<>();
        users.add(user);
        new Thread(() -> user.complete(useUntilClosed(keyspace))).start();
      }
      (round % 2 == 0 ? (AutoCloseable) client : keyspace).close();
      for (CompletableFuture<Throwable> user : users) {
        assertInstanceOf(VastoClosedException.class, user.get(30, TimeUnit.SECONDS));
      }
      client.close();
    }
  }

  private static Throwable useUntilClosed(Keyspace keyspace) {
    try {
      while (true) {
        keyspace.get(KEY);
        keyspace.getAsync(KEY).exceptionally(failure -> null);
      }
    } catch (RuntimeException e) {
      return e;
    }
  }
}
