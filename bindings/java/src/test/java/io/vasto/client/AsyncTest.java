// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import static io.vasto.client.TestCluster.bytes;
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
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class AsyncTest {
  private static Client client;
  private static Keyspace keyspace;
  // One replica, whose store is paused to keep operations in flight.
  private static Keyspace stuck;
  private static String stuckStore;

  // So long that it is not the deadline of an operation that ends it.
  private static final Duration LONG = Duration.ofMinutes(5);

  private static ReadOptions patientRead;
  private static WriteOptions patientWrite;

  private boolean paused;

  @BeforeAll
  static void open() {
    client = TestCluster.open();
    keyspace = client.keyspace(TestCluster.newKeyspace());
    String name = TestCluster.newKeyspace(1, 1);
    stuck = client.keyspace(name);
    stuckStore = TestCluster.control("primary?keyspace=" + name);
    stuck.put(Key.of("a"), bytes("x"));
    patientRead = ReadOptions.builder().timeout(LONG).build();
    patientWrite = WriteOptions.builder().timeout(LONG).build();
  }

  @AfterAll
  static void close() {
    keyspace.close();
    stuck.close();
    client.close();
  }

  private void pause() {
    TestCluster.control("pause?store=" + stuckStore);
    paused = true;
  }

  @AfterEach
  void resume() {
    if (paused) {
      TestCluster.control("resume?store=" + stuckStore);
    }
    TestCluster.await("nothing in flight", () -> client.core().inFlight() == 0);
  }

  private static <T> T get(CompletableFuture<T> future) {
    return future.orTimeout(30, TimeUnit.SECONDS).join();
  }

  @Test
  void manyAreInFlight() {
    int count = 10_000;
    List<CompletableFuture<Long>> puts = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      puts.add(keyspace.putAsync(Key.of("many" + i), bytes("value " + i)));
    }
    puts.forEach(AsyncTest::get);
    List<CompletableFuture<Optional<Value>>> gets = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      gets.add(keyspace.getAsync(Key.of("many" + i)));
    }
    for (int i = 0; i < count; i++) {
      assertEquals("value " + i, get(gets.get(i)).orElseThrow().text());
    }
  }

  @Test
  void dependentsRunOnTheCommonPool() {
    pause();
    CompletableFuture<String> name =
        stuck.getAsync(Key.of("a")).thenApply(value -> Thread.currentThread().getName());
    resumeNow();
    assertTrue(get(name).startsWith("ForkJoinPool.commonPool"), get(name));
  }

  private void resumeNow() {
    TestCluster.control("resume?store=" + stuckStore);
    paused = false;
  }

  @Test
  void aBlockingDependentHoldsUpNobody() {
    // Each waits in the pool for one that is completed after it.
    CompletableFuture<?>[] all = new CompletableFuture<?>[50];
    for (int i = 0; i < all.length; i++) {
      all[i] =
          keyspace
              .getAsync(Key.of("a"))
              .thenApply(value -> keyspace.getAsync(Key.of("b")).join().isEmpty());
    }
    get(CompletableFuture.allOf(all));
  }

  @Test
  void anExecutorOfTheUserIsUsed() {
    ExecutorService executor =
        Executors.newSingleThreadExecutor(task -> new Thread(task, "the user's"));
    ClientConfig config = new ClientConfig().masters(TestCluster.master()).executor(executor);
    try (Client other = Client.open(config);
        Keyspace same = other.keyspace(keyspace.name())) {
      CompletableFuture<String> name = new CompletableFuture<>();
      Executor gate = task -> name.complete(Thread.currentThread().getName());
      same.getAsync(Key.of("a")).thenRunAsync(() -> {}, gate);
      // What was done before the dependent came runs it at once, here.
      String expected = Thread.currentThread().getName();
      assertTrue(List.of("the user's", expected).contains(get(name)), get(name));
      // One that rejects its tasks loses no operation.
      executor.shutdown();
      assertTrue(get(same.getAsync(Key.of("nobody"))).isEmpty());
    } finally {
      executor.shutdown();
    }
  }

  @Test
  void aCancelEndsTheOperation() {
    pause();
    CompletableFuture<Optional<Value>> get = stuck.getAsync(Key.of("a"), patientRead);
    CompletableFuture<Long> put = stuck.putAsync(Key.of("b"), bytes("x"), patientWrite);
    assertFalse(get.isDone());
    assertTrue(get.cancel(true));
    assertTrue(get.cancel(true));
    assertTrue(put.cancel(false));
    assertThrows(CancellationException.class, get::join);
    // The store is still paused: it was the cancel that ended them.
    TestCluster.await("nothing in flight", () -> client.core().inFlight() == 0);
  }

  @Test
  void aTimeoutOfTheFutureEndsTheOperation() {
    pause();
    CompletableFuture<Optional<Value>> late =
        stuck.getAsync(Key.of("a"), patientRead).orTimeout(30, TimeUnit.MILLISECONDS);
    ExecutionException failure = assertThrows(ExecutionException.class, late::get);
    assertInstanceOf(TimeoutException.class, failure.getCause());
    assertTrue(
        stuck
            .getAsync(Key.of("a"), patientRead)
            .completeOnTimeout(Optional.empty(), 30, TimeUnit.MILLISECONDS)
            .join()
            .isEmpty());
    TestCluster.await("nothing in flight", () -> client.core().inFlight() == 0);
  }

  @Test
  void aCancelAfterTheEndDoesNothing() {
    CompletableFuture<Optional<Value>> done = keyspace.getAsync(Key.of("nobody"));
    assertTrue(get(done).isEmpty());
    assertFalse(done.cancel(true));
    assertFalse(done.isCancelled());
    assertFalse(done.complete(Optional.empty()));
    assertFalse(done.completeExceptionally(new IllegalStateException()));
  }

  @Test
  void aCloseEndsEveryOperationOnce() {
    pause();
    Client other = TestCluster.open();
    Keyspace same = other.keyspace(stuck.name());
    List<CompletableFuture<Optional<Value>>> gets = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      gets.add(same.getAsync(Key.of("a"), patientRead));
    }
    other.close(Duration.ZERO);
    for (CompletableFuture<Optional<Value>> future : gets) {
      CompletionException failure = assertThrows(CompletionException.class, () -> get(future));
      assertInstanceOf(VastoClosedException.class, failure.getCause());
    }
    CompletionException late =
        assertThrows(CompletionException.class, same.getAsync(Key.of("a"))::join);
    assertInstanceOf(VastoClosedException.class, late.getCause());
    same.close();
  }

  @Test
  void aClientMayBeClosedByADependent() {
    Client other = TestCluster.open();
    Keyspace same = other.keyspace(keyspace.name());
    CompletableFuture<Void> closed = same.getAsync(Key.of("a")).thenAccept(value -> other.close());
    get(closed);
    same.close();
  }

  @Test
  void aForgottenClientIsKeptByWhatIsInFlight() {
    pause();
    CompletableFuture<Optional<Value>> future = startAndForget(stuck.name());
    // Long enough for the cleaner, if there were something to clean.
    for (int i = 0; i < 10; i++) {
      System.gc();
      assertThrows(TimeoutException.class, () -> future.get(20, TimeUnit.MILLISECONDS));
    }
    resumeNow();
    assertTrue(get(future).isPresent());
  }

  private static CompletableFuture<Optional<Value>> startAndForget(String name) {
    return TestCluster.open().keyspace(name).getAsync(Key.of("a"), patientRead);
  }

  @Test
  void anInterruptCancelsABlockingCall() throws Exception {
    pause();
    CompletableFuture<VastoInterruptedException> failure = new CompletableFuture<>();
    Thread thread =
        new Thread(
            () -> {
              try {
                stuck.put(Key.of("interrupted"), bytes("x"), patientWrite);
                failure.completeExceptionally(new AssertionError("not interrupted"));
              } catch (VastoInterruptedException e) {
                assertTrue(Thread.currentThread().isInterrupted());
                failure.complete(e);
              }
            });
    thread.start();
    TestCluster.await("it waits in the library", () -> thread.getState() == Thread.State.RUNNABLE);
    thread.interrupt();
    VastoInterruptedException interrupted = failure.get(5, TimeUnit.SECONDS);
    assertEquals(ErrorCode.CANCELLED, interrupted.code());
    thread.join();
  }

  @Test
  void anInterruptedThreadDoesNotWait() {
    pause();
    Thread.currentThread().interrupt();
    assertThrows(VastoInterruptedException.class, () -> stuck.get(Key.of("a"), patientRead));
    assertTrue(Thread.interrupted());
  }
}
