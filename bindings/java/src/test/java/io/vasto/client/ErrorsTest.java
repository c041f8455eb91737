// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import static io.vasto.client.TestCluster.bytes;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ErrorsTest {
  private static final int TOO_MUCH = (64 << 20) + 1;

  private static Client client;
  private static Keyspace keyspace;

  @TempDir Path folder;

  @BeforeAll
  static void open() {
    client = TestCluster.open();
    keyspace = client.keyspace(TestCluster.newKeyspace());
  }

  @AfterAll
  static void close() {
    keyspace.close();
    client.close();
  }

  private static VastoException failureOf(java.util.concurrent.CompletableFuture<?> future) {
    CompletionException failure = assertThrows(CompletionException.class, future::join);
    return assertInstanceOf(VastoException.class, failure.getCause());
  }

  @Test
  void anUnknownCodeIsInternalAndKeepsItsNumber() {
    VastoException failure = Errors.of(1234, 0);
    assertEquals(ErrorCode.INTERNAL, failure.code());
    assertEquals(1234, failure.rawCode());
    for (ErrorCode code : ErrorCode.values()) {
      assertEquals(code, ErrorCode.of(code.value()));
      if (code != ErrorCode.OK && code != ErrorCode.INTERNAL) {
        String name = NativeMemory.text(Functions.api().vasto_status_name(code.value()));
        assertEquals(code.name(), name);
      }
    }
  }

  @Test
  void anUnreachableClusterIsUnavailable() {
    ClientConfig config =
        new ClientConfig().masters("127.0.0.1:1").set("connect_timeout_ms", "300");
    VastoException failure =
        assertThrows(VastoUnavailableException.class, () -> Client.open(config));
    assertEquals(ErrorCode.UNAVAILABLE, failure.code());
    assertTrue(failure.isRetryable());
    assertFalse(failure.isInDoubt());
    assertTrue(failure.toString().contains("UNAVAILABLE: "), failure.toString());
  }

  @Test
  void aClientNeedsMasters() {
    VastoException failure =
        assertThrows(VastoException.class, () -> Client.open(new ClientConfig()));
    assertEquals(ErrorCode.INVALID_ARGUMENT, failure.code());
    assertThrows(NullPointerException.class, () -> Client.open((String) null));
  }

  @Test
  void aConfigurationRefusesWhatItDoesNotKnow() throws Exception {
    ClientConfig config = new ClientConfig();
    assertTrue(ClientConfig.names().contains("timeout_ms"));
    assertEquals("10000", config.get("timeout_ms"));
    assertEquals("2500", config.set("timeout_ms", "2500").get("timeout_ms"));
    assertThrows(VastoNotFoundException.class, () -> config.set("colour", "red"));
    assertThrows(VastoNotFoundException.class, () -> config.get("colour"));
    VastoException value =
        assertThrows(VastoException.class, () -> config.set("timeout_ms", "soon"));
    assertEquals(ErrorCode.INVALID_ARGUMENT, value.code());
    assertThrows(IllegalArgumentException.class, () -> config.set("masters", "a\0b"));

    Path file = folder.resolve("größe.conf");
    Files.writeString(file, "# comment\n\nio_threads = 2\n");
    assertEquals("2", config.load(file).get("io_threads"));
    assertEquals("2500", config.get("timeout_ms"));
    Files.writeString(file, "io_threads = 3\ncolour = red\n");
    assertThrows(VastoNotFoundException.class, () -> config.load(file));
    assertEquals("2", config.get("io_threads"));
    VastoException missing =
        assertThrows(VastoException.class, () -> config.load(folder.resolve("nowhere")));
    assertEquals(ErrorCode.IO_ERROR, missing.code());
  }

  @Test
  void aKeyspaceThatIsNotThereIsNotFound() {
    assertThrows(VastoNotFoundException.class, () -> client.keyspace("nowhere"));
    VastoException name = assertThrows(VastoException.class, () -> client.keyspace("a b"));
    assertEquals(ErrorCode.INVALID_ARGUMENT, name.code());
  }

  @Test
  void aDeletedKeyspaceIsNoMissingKey() {
    String name = TestCluster.newKeyspace();
    try (Keyspace doomed = client.keyspace(name)) {
      Key key = Key.of("a");
      doomed.put(key, bytes("x"));
      TestCluster.control("delete?keyspace=" + name);
      VastoException gone =
          assertThrows(VastoNotFoundException.class, () -> readUntilGone(doomed, key));
      assertTrue(gone.origin().matches(".+:[0-9]+"), "the store that says so: " + gone);
      assertTrue(gone.getMessage().contains(gone.origin()), gone.getMessage());
      assertThrows(VastoNotFoundException.class, () -> doomed.put(key, bytes("y")));
      assertInstanceOf(VastoNotFoundException.class, failureOf(doomed.getAsync(key)));
      assertInstanceOf(VastoNotFoundException.class, failureOf(doomed.statAsync(key)));
      List<Key> keys = List.of(key, Key.of("never written"));
      assertGone(doomed.multiGet(keys));
      assertGone(doomed.multiGetAsync(keys).join());
      try (Batch batch = new Batch()) {
        batch.put(key, bytes("z"));
        BatchException failed = assertThrows(BatchException.class, () -> doomed.write(batch));
        assertEquals(ErrorCode.NOT_FOUND, failed.code());
        assertEquals(ErrorCode.NOT_FOUND, failed.result().code(0));
      }
      try (Scan scan = doomed.scan(new byte[0])) {
        assertThrows(VastoNotFoundException.class, scan::hasNext);
      }
      assertThrows(VastoNotFoundException.class, () -> doomed.watch(new byte[0]));
    }
  }

  private static void assertGone(List<ReadResult> results) {
    assertEquals(2, results.size());
    for (ReadResult result : results) {
      assertEquals(ErrorCode.NOT_FOUND, result.code());
      VastoException gone = assertThrows(VastoNotFoundException.class, result::value);
      assertFalse(gone.getMessage().isEmpty());
    }
  }

  /** The client learns of the delete a moment later. */
  private static void readUntilGone(Keyspace doomed, Key key) {
    TestCluster.await(
        "the keyspace is gone",
        () -> {
          assertTrue(doomed.get(key).isPresent(), "gone is no missing key");
          return false;
        });
  }

  @Test
  void whatIsTooLargeIsRefusedAndNotInDoubt() {
    Key key = Key.of("large");
    byte[] value = new byte[TOO_MUCH];
    VastoException failure = assertThrows(VastoException.class, () -> keyspace.put(key, value));
    assertEquals(ErrorCode.TOO_LARGE, failure.code());
    assertFalse(failure.isInDoubt());
    assertEquals(ErrorCode.TOO_LARGE, failureOf(keyspace.putAsync(key, value)).code());
    VastoException direct =
        assertThrows(
            VastoException.class, () -> keyspace.put(key, ByteBuffer.allocateDirect(TOO_MUCH)));
    assertEquals(ErrorCode.TOO_LARGE, direct.code());
    for (int size : new int[] {65_537, 3 << 20}) {
      Key longer = Key.of(new byte[size]);
      VastoException tooLong = assertThrows(VastoException.class, () -> keyspace.get(longer));
      assertEquals(ErrorCode.TOO_LARGE, tooLong.code());
    }
    try (Batch batch = new Batch()) {
      assertEquals(
          ErrorCode.TOO_LARGE,
          assertThrows(VastoException.class, () -> batch.put(key, value)).code());
      assertEquals(0, batch.size());
    }
    assertTrue(keyspace.get(key).isEmpty());
  }

  @Test
  void optionsThatCannotBeAreRefused() {
    Key key = Key.of("options");
    WriteOptions type = WriteOptions.builder().valueType(63).build();
    VastoException badType =
        assertThrows(VastoException.class, () -> keyspace.put(key, bytes("x"), type));
    assertEquals(ErrorCode.INVALID_ARGUMENT, badType.code());
    WriteOptions future = WriteOptions.builder().updatedAt(Instant.now().plusSeconds(60)).build();
    assertEquals(
        ErrorCode.INVALID_ARGUMENT, failureOf(keyspace.putAsync(key, bytes("x"), future)).code());
    ReadOptions.Builder read = ReadOptions.builder();
    assertThrows(IllegalArgumentException.class, () -> read.timeout(Duration.ofMillis(-1)));
    assertThrows(
        IllegalArgumentException.class,
        () -> WriteOptions.builder().updatedAt(Instant.EPOCH.minusNanos(1)));
    assertThrows(NullPointerException.class, () -> read.replica(null));
    assertThrows(IllegalArgumentException.class, () -> keyspace.touch(key, Duration.ofSeconds(-1)));
  }

  @Test
  void nullIsRefused() {
    Key key = Key.of("null");
    assertThrows(NullPointerException.class, () -> Key.of((byte[]) null));
    assertThrows(NullPointerException.class, () -> Key.of((String) null));
    assertThrows(NullPointerException.class, () -> keyspace.get(null));
    assertThrows(NullPointerException.class, () -> keyspace.getAsync(null));
    assertThrows(NullPointerException.class, () -> keyspace.put(key, (byte[]) null));
    assertThrows(NullPointerException.class, () -> keyspace.putAsync(key, (ByteBuffer) null));
    assertThrows(NullPointerException.class, () -> keyspace.write(null));
    assertThrows(NullPointerException.class, () -> keyspace.multiGet(null));
    assertThrows(NullPointerException.class, () -> client.keyspace(null));
    assertThrows(NullPointerException.class, () -> Vasto.partitionHash(null));
    // Nothing of this has left anything in use.
    keyspace.put(key, bytes("x"));
    assertEquals("x", keyspace.get(key).orElseThrow().text());
  }

  @Test
  void aFutureGivesItsFailureAsTheCause() {
    WriteOptions never = WriteOptions.builder().ifVersion(1).build();
    ExecutionException failure =
        assertThrows(
            ExecutionException.class,
            () -> keyspace.putAsync(Key.of("cause"), bytes("x"), never).get());
    ConditionFailedException cause =
        assertInstanceOf(ConditionFailedException.class, failure.getCause());
    assertEquals(ErrorCode.STALE_WRITE, cause.code());
    assertTrue(cause.getMessage().length() > 0);
  }
}
