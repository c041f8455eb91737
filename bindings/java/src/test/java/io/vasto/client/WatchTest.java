// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import static io.vasto.client.TestCluster.bytes;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class WatchTest {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private static Client client;
  private static Keyspace keyspace;

  @BeforeAll
  static void open() {
    client = TestCluster.open();
    keyspace = client.keyspace(TestCluster.newKeyspace(1, 3));
  }

  @AfterAll
  static void close() {
    keyspace.close();
    client.close();
  }

  private static List<Change> changes(Watch watch, int count) {
    List<Change> changes = new ArrayList<>();
    TestCluster.await(
        count + " changes",
        () -> {
          changes.addAll(watch.next(PATIENCE));
          return changes.size() >= count;
        });
    return changes;
  }

  @Test
  void changesComeInOrder() {
    try (Watch watch = keyspace.watch(bytes("order/"))) {
      Key key = Key.of("order/a");
      long version = keyspace.put(key, bytes("1"), WriteOptions.builder().valueType(70).build());
      keyspace.put(Key.of("elsewhere"), bytes("x"));
      keyspace.put(key, bytes("2"));
      keyspace.delete(key);
      List<Change> changes = changes(watch, 3);
      assertEquals(key, changes.get(0).key());
      assertEquals("1", new String(changes.get(0).value()));
      assertEquals(70, changes.get(0).stat().type());
      assertEquals(version, changes.get(0).stat().version());
      assertEquals("2", new String(changes.get(1).value()));
      assertFalse(changes.get(1).isDeleted());
      assertTrue(changes.get(2).isDeleted());
      assertNull(changes.get(2).value());
      assertEquals(List.of(), watch.next(Duration.ofMillis(20)));
      assertEquals(List.of(), watch.next(Duration.ZERO));
    }
  }

  @Test
  void aTokenGoesOnWhereItWasTaken() {
    byte[] token;
    try (Watch watch = keyspace.watch(bytes("token/"))) {
      keyspace.put(Key.of("token/1"), bytes("1"));
      changes(watch, 1);
      token = watch.resumeToken();
    }
    keyspace.put(Key.of("token/2"), bytes("2"));
    WatchOptions options =
        WatchOptions.builder().resumeToken(token).timeout(Duration.ofSeconds(9)).build();
    try (Watch watch = keyspace.watch(bytes("token/"), options)) {
      List<Change> changes = changes(watch, 1);
      assertEquals(Key.of("token/2"), changes.get(changes.size() - 1).key());
    }
    WatchOptions nonsense = WatchOptions.builder().resumeToken(bytes("nonsense")).build();
    VastoException refused =
        assertThrows(VastoException.class, () -> keyspace.watch(new byte[0], nonsense));
    assertEquals(ErrorCode.INVALID_ARGUMENT, refused.code());
  }

  @Test
  void changesComeWithoutWaiting() {
    try (Watch watch = keyspace.watch(bytes("async/"))) {
      CompletableFuture<List<Change>> next = watch.nextAsync();
      assertFalse(next.isDone());
      assertThrows(IllegalStateException.class, () -> watch.next(PATIENCE), "busy");
      assertThrows(IllegalStateException.class, watch::resumeToken, "busy");
      keyspace.put(Key.of("async/a"), bytes("1"));
      List<Change> changes = next.orTimeout(20, TimeUnit.SECONDS).join();
      assertEquals(Key.of("async/a"), changes.get(0).key());
      assertTrue(watch.resumeToken().length > 0);
    }
  }

  @Test
  void aCancelLosesNoChange() {
    try (Watch watch = keyspace.watch(bytes("cancel/"))) {
      CompletableFuture<List<Change>> next = watch.nextAsync();
      assertTrue(next.cancel(true));
      assertThrows(CancellationException.class, next::join);
      TestCluster.await("the watch is free again", () -> isFree(watch));
      keyspace.put(Key.of("cancel/a"), bytes("1"));
      assertEquals(1, changes(watch, 1).size());
    }
    assertEquals(0, client.core().inFlight());
  }

  private static boolean isFree(Watch watch) {
    try {
      watch.resumeToken();
      return true;
    } catch (IllegalStateException e) {
      return false;
    }
  }

  /** As next of a watch that another thread asks whether it is free, and so uses for a moment. */
  private static List<Change> nextWhenFree(Watch watch) {
    while (true) {
      try {
        return watch.next();
      } catch (IllegalStateException e) {
        Thread.onSpinWait();
      }
    }
  }

  @Test
  void aCloseEndsAWait() throws Exception {
    Watch watch = keyspace.watch(bytes("close/"));
    CompletableFuture<List<Change>> waiting =
        CompletableFuture.supplyAsync(() -> nextWhenFree(watch));
    TestCluster.await("the wait has begun", () -> !isFree(watch));
    watch.close();
    CompletionException failure =
        assertThrows(CompletionException.class, waiting.orTimeout(20, TimeUnit.SECONDS)::join);
    assertInstanceOf(VastoClosedException.class, failure.getCause());

    Watch another = keyspace.watch(bytes("close/"));
    CompletableFuture<List<Change>> next = another.nextAsync();
    another.close();
    another.close();
    failure = assertThrows(CompletionException.class, next.orTimeout(20, TimeUnit.SECONDS)::join);
    assertInstanceOf(VastoClosedException.class, failure.getCause());
    assertThrows(VastoClosedException.class, another::next);
  }

  @Test
  void anInterruptEndsAWaitAndLosesNoChange() throws Exception {
    try (Watch watch = keyspace.watch(bytes("interrupt/"))) {
      CompletableFuture<Boolean> interrupted = new CompletableFuture<>();
      Thread thread =
          new Thread(
              () -> {
                try {
                  nextWhenFree(watch);
                  interrupted.complete(false);
                } catch (VastoInterruptedException e) {
                  interrupted.complete(Thread.currentThread().isInterrupted());
                }
              });
      thread.start();
      TestCluster.await("the wait has begun", () -> !isFree(watch));
      thread.interrupt();
      assertTrue(interrupted.get(20, TimeUnit.SECONDS));
      keyspace.put(Key.of("interrupt/a"), bytes("1"));
      assertEquals(1, changes(watch, 1).size());
    }
  }
}
