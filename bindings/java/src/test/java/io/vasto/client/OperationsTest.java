// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import static io.vasto.client.TestCluster.bytes;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OperationsTest {
  private static Client client;
  private static Keyspace keyspace;

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

  private static byte[] random(int size) {
    byte[] bytes = new byte[size];
    new Random(size).nextBytes(bytes);
    return bytes;
  }

  @Test
  void whatWasPutIsRead() {
    Key key = Key.of("put");
    Instant before = Instant.now().minusSeconds(60);
    long version = keyspace.put(key, bytes("hello"));
    Value value = keyspace.get(key).orElseThrow();
    assertEquals("hello", value.text());
    assertEquals(5, value.size());
    assertEquals(0, value.type());
    assertEquals(version, value.version());
    assertTrue(value.updatedAt().isAfter(before));
    assertEquals(value.updatedAt(), Vasto.versionTime(version));
    assertEquals(Optional.empty(), value.expiresAt());
    assertEquals(ByteBuffer.wrap(bytes("hello")), value.buffer());
    assertEquals(value.stat(), keyspace.stat(key).orElseThrow());
    assertEquals(Optional.empty(), keyspace.get(Key.of("nobody")));
    assertEquals(Optional.empty(), keyspace.stat(Key.of("nobody")));
  }

  // On both sides of the sizes at which values take another way into the library.
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 9_000, 65_536, 65_537, 1 << 20, 5 << 20})
  void valuesOfAllSizesComeBackWhateverHoldsThem(int size) {
    byte[] bytes = random(size);
    Key key = Key.of("size" + size);
    keyspace.put(key, bytes);
    assertArrayEquals(bytes, keyspace.get(key).orElseThrow().bytes());

    ByteBuffer direct = ByteBuffer.allocateDirect(size + 10);
    direct.position(3);
    direct.put(bytes).flip().position(3);
    keyspace.put(key, direct);
    assertEquals(3, direct.position());
    assertArrayEquals(bytes, keyspace.get(key).orElseThrow().bytes());

    byte[] padded = Arrays.copyOf(bytes, size + 5);
    ByteBuffer part = ByteBuffer.wrap(padded, 0, size).slice();
    keyspace.putAsync(key, part.asReadOnlyBuffer()).join();
    assertArrayEquals(bytes, keyspace.get(key).orElseThrow().bytes());

    try (Batch batch = new Batch()) {
      keyspace.write(batch.delete(key).put(key, bytes));
    }
    assertArrayEquals(bytes, keyspace.getAsync(key).join().orElseThrow().bytes());
  }

  @Test
  void keysOfAllKindsAreTheSameBytes() {
    ByteBuffer direct = ByteBuffer.allocateDirect(8);
    direct.position(2);
    direct.put(bytes("kind")).flip().position(2);
    keyspace.put(Key.of(direct), bytes("x"));
    assertEquals("x", keyspace.get(Key.of("kind")).orElseThrow().text());
    assertEquals(Key.of("kind"), Key.of(direct));
    assertEquals(Key.of("kind").hashCode(), Key.of(direct).hashCode());
    assertNotEquals(Key.of("kind"), Key.of("kind").withPartitionHash(0));
    assertEquals("kind\\x00", Key.of(bytes("kind\0")).toString());

    Key longest = Key.of(random(65_536));
    keyspace.put(longest, bytes("long"));
    assertEquals("long", keyspace.get(longest).orElseThrow().text());
    Key empty = Key.of(new byte[0]);
    keyspace.put(empty, bytes("of nothing"));
    assertEquals("of nothing", keyspace.get(empty).orElseThrow().text());
  }

  @Test
  void aKeyLivesWhereItsPartitionHashSays() {
    long hash = Vasto.partitionHash(bytes("together"));
    Key key = Key.of("part").withPartitionHash(hash);
    assertEquals(
        keyspace.shardOf(Key.of("together")), keyspace.shardOf(key), "the shard of the hash");
    keyspace.put(key, bytes("here"));
    assertEquals("here", keyspace.get(key).orElseThrow().text());
  }

  @Test
  void aKeyspaceKnowsItsShape() {
    assertTrue(keyspace.name().startsWith("java-"));
    assertEquals(36, keyspace.id().length());
    assertEquals(2, keyspace.shardCount());
    assertEquals(3, keyspace.replicaCount());
  }

  @Test
  void conditionsHoldOrFail() {
    Key key = Key.of("condition");
    WriteOptions ifAbsent = WriteOptions.builder().ifAbsent().build();
    long first = keyspace.put(key, bytes("1"), ifAbsent);
    VastoException there =
        assertThrows(ConditionFailedException.class, () -> keyspace.put(key, bytes("2"), ifAbsent));
    assertEquals(ErrorCode.ALREADY_EXISTS, there.code());
    assertFalse(there.isInDoubt());
    assertFalse(there.isRetryable());
    WriteOptions ifFirst = WriteOptions.builder().ifVersion(first).build();
    keyspace.put(key, bytes("2"), ifFirst);
    VastoException stale =
        assertThrows(ConditionFailedException.class, () -> keyspace.put(key, bytes("3"), ifFirst));
    assertEquals(ErrorCode.STALE_WRITE, stale.code());
    assertEquals("2", keyspace.get(key).orElseThrow().text());
  }

  @Test
  void timesToLiveAndEventTimesAreKept() {
    Key key = Key.of("times");
    Instant event = Instant.parse("2024-05-06T07:08:09.000123Z");
    Instant expiry = Instant.parse("2100-01-02T03:04:05Z");
    keyspace.put(
        key, bytes("x"), WriteOptions.builder().updatedAt(event).expiresAt(expiry).build());
    Value value = keyspace.get(key).orElseThrow();
    assertEquals(event, value.updatedAt());
    assertEquals(Optional.of(expiry), value.expiresAt());
    keyspace.touch(key, Duration.ZERO);
    assertEquals(Optional.empty(), keyspace.stat(key).orElseThrow().expiresAt());
    Instant before = Instant.now();
    keyspace.put(
        key,
        bytes("y"),
        WriteOptions.builder().ttl(Duration.ofMillis(3_599_001)).acks(Acks.ALL).build());
    Instant end = keyspace.stat(key).orElseThrow().expiresAt().orElseThrow();
    Duration left = Duration.between(before, end);
    // It counts from when a store took it, and of one that is repeated from the last time.
    assertTrue(left.toSeconds() >= 3600 && left.toSeconds() < 3630, left::toString);
    keyspace.put(key, bytes("z"), WriteOptions.builder().neverExpires().valueType(77).build());
    assertEquals(77, keyspace.get(key).orElseThrow().type());
    assertThrows(VastoNotFoundException.class, () -> keyspace.touch(Key.of("no"), Duration.ZERO));
  }

  @Test
  void mergesAddUp() {
    Key key = Key.of("merge");
    keyspace.merge(key, MergeOperation.ADD_INT64, bytes("40"));
    keyspace.mergeAsync(key, MergeOperation.ADD_INT64, bytes("2")).join();
    assertEquals("42", keyspace.get(key).orElseThrow().text());
  }

  @Test
  void manyKeysAreReadTogether() {
    keyspace.put(Key.of("m1"), bytes("one"));
    keyspace.put(Key.of("m2"), new byte[0]);
    List<Key> keys = List.of(Key.of("m1"), Key.of("none"), Key.of("m2"));
    for (List<ReadResult> results :
        List.of(keyspace.multiGet(keys), keyspace.multiGetAsync(keys).join())) {
      assertEquals("one", results.get(0).value().orElseThrow().text());
      assertEquals(ErrorCode.NOT_FOUND, results.get(1).code());
      assertEquals(Optional.empty(), results.get(1).value());
      assertEquals(0, results.get(2).value().orElseThrow().size());
    }
    assertEquals(List.of(), keyspace.multiGet(List.of()));
  }

  @Test
  void aBatchTellsOfEachEntry() {
    Key key = Key.of("b1");
    keyspace.put(key, bytes("there"));
    WriteOptions ifAbsent = WriteOptions.builder().ifAbsent().build();
    try (Batch batch = new Batch()) {
      batch.put(key, bytes("x"), ifAbsent).put(Key.of("b2"), bytes("2")).delete(Key.of("b3"));
      batch.merge(Key.of("b4"), MergeOperation.APPEND, random(100_000));
      assertEquals(4, batch.size());
      BatchException failure = assertThrows(BatchException.class, () -> keyspace.write(batch));
      assertEquals(ErrorCode.ALREADY_EXISTS, failure.code());
      BatchResult result = failure.result();
      assertEquals(4, result.size());
      assertEquals(ErrorCode.ALREADY_EXISTS, result.code(0));
      assertEquals(0, result.version(0));
      assertEquals(ErrorCode.OK, result.code(1));
      assertEquals(keyspace.get(Key.of("b2")).orElseThrow().version(), result.version(1));
      assertThrows(IndexOutOfBoundsException.class, () -> result.code(4));
      batch.clear();
      assertEquals(0, keyspace.write(batch).size());
    }
    assertArrayEquals(random(100_000), keyspace.get(Key.of("b4")).orElseThrow().bytes());
  }

  @Test
  void aSessionReadsWhatItWroteHereAndElsewhere() {
    Key key = Key.of("session");
    try (Session session = keyspace.newSession();
        Session other = keyspace.newSession()) {
      keyspace.put(key, bytes("1"), WriteOptions.builder().session(session).build());
      other.importToken(session.token());
      for (Session reader : List.of(session, other)) {
        ReadOptions any =
            ReadOptions.builder()
                .replica(Replica.ANY)
                .session(reader)
                .hedge(true)
                .maxStaleness(Duration.ofSeconds(5))
                .timeout(Duration.ofSeconds(20))
                .build();
        assertEquals("1", keyspace.get(key, any).orElseThrow().text());
      }
      VastoException damaged =
          assertThrows(VastoException.class, () -> other.importToken(bytes("nonsense")));
      assertEquals(ErrorCode.INVALID_ARGUMENT, damaged.code());
    }
  }
}
