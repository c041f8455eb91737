// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import static io.vasto.client.TestCluster.bytes;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class ScanTest {
  // More than two blocks of rows.
  private static final int ROWS = 600;
  private static final byte[] PREFIX = bytes("row");

  private static Client client;
  private static Keyspace keyspace;

  private static String keyOf(int row) {
    return String.format("row%04d", row);
  }

  @BeforeAll
  static void fill() {
    client = TestCluster.open();
    keyspace = client.keyspace(TestCluster.newKeyspace());
    try (Batch batch = new Batch()) {
      for (int i = 0; i < ROWS; i++) {
        batch.put(Key.of(keyOf(i)), bytes("value " + i));
      }
      keyspace.write(batch.put(Key.of("a"), bytes("x")).put(Key.of("z"), bytes("x")));
    }
  }

  @AfterAll
  static void close() {
    keyspace.close();
    client.close();
  }

  private static List<String> names(Stream<Row> rows) {
    return rows.map(row -> row.key().toString()).toList();
  }

  private static List<String> expected(int from, int to) {
    return IntStream.range(from, to).mapToObj(ScanTest::keyOf).toList();
  }

  private static ScanOptions.Builder options() {
    return ScanOptions.builder().timeout(Duration.ofSeconds(20));
  }

  @Test
  void rowsComeInOrder() {
    try (Scan scan = keyspace.scan(PREFIX)) {
      for (int i = 0; i < ROWS; i++) {
        assertTrue(scan.hasNext());
        Row row = scan.next();
        assertEquals(Key.of(keyOf(i)), row.key());
        assertEquals("value " + i, new String(row.value()));
        assertEquals(row.value().length, row.stat().size());
      }
      assertFalse(scan.hasNext());
      assertFalse(scan.hasNext());
      assertThrows(NoSuchElementException.class, scan::next);
      assertEquals(List.of(), scan.nextBlock(10));
    }
  }

  @Test
  void aStreamClosesItsScan() {
    Scan scan = keyspace.scan(PREFIX, options().limit(300).build());
    try (Stream<Row> stream = scan.stream()) {
      assertEquals(expected(0, 300), names(stream));
    }
    assertThrows(VastoClosedException.class, scan::hasNext);
  }

  @Test
  void aRangeTakesItsStartAndNotItsEnd() {
    try (Scan scan = keyspace.scanRange(bytes(keyOf(7)), bytes(keyOf(9)), null)) {
      assertEquals(expected(7, 9), names(scan.stream()));
    }
    try (Scan scan = keyspace.scanRange(bytes(keyOf(ROWS - 1)), new byte[0], null)) {
      assertEquals(List.of(keyOf(ROWS - 1), "z"), names(scan.stream()));
    }
  }

  @Test
  void keysOnlyHasSizes() {
    try (Scan scan =
        keyspace.scan(PREFIX, options().keysOnly(true).limit(11).pageBytes(100).build())) {
      List<Row> rows = scan.stream().toList();
      assertEquals(11, rows.size());
      assertNull(rows.get(10).value());
      assertEquals("value 10".length(), rows.get(10).stat().size());
    }
  }

  @Test
  void aTokenGoesOnBehindABlock() {
    byte[] token;
    try (Scan scan = keyspace.scan(PREFIX)) {
      assertEquals(expected(0, 5), names(scan.nextBlock(5).stream()));
      token = scan.resumeToken();
    }
    try (Scan scan = keyspace.scan(PREFIX, options().resumeToken(token).build())) {
      assertEquals(expected(5, ROWS), names(scan.stream()));
    }
  }

  @Test
  void aTokenInTheMiddleOfABlockLosesNoRow() {
    byte[] token;
    try (Scan scan = keyspace.scan(PREFIX)) {
      for (int i = 0; i < 300; i++) {
        scan.next();
      }
      token = scan.resumeToken();
      int left = ROWS - 300;
      List<Row> rest = new ArrayList<>(scan.nextBlock(1));
      rest.addAll(scan.nextBlockAsync(2).join());
      scan.forEachRemaining(rest::add);
      assertEquals(left, rest.size());
    }
    try (Scan scan = keyspace.scan(PREFIX, options().resumeToken(token).build())) {
      List<String> rows = names(scan.stream());
      assertTrue(rows.size() >= ROWS - 300 && rows.size() < ROWS, rows.size() + " rows");
      assertEquals(expected(ROWS - rows.size(), ROWS), rows);
    }
  }

  @Test
  void blocksComeWithoutWaiting() {
    try (Scan scan = keyspace.scan(PREFIX)) {
      List<String> names = new ArrayList<>();
      List<Row> block;
      while (!(block = scan.nextBlockAsync(100).join()).isEmpty()) {
        assertTrue(block.size() <= 100);
        names.addAll(names(block.stream()));
      }
      assertEquals(expected(0, ROWS), names);
    }
  }

  @Test
  void aTokenOfAnotherScanIsRefused() {
    byte[] token;
    try (Scan scan = keyspace.scan(PREFIX)) {
      scan.nextBlock(1);
      token = scan.resumeToken();
    }
    try (Scan scan = keyspace.scan(bytes("a"), options().resumeToken(token).build())) {
      VastoException failure = assertThrows(VastoException.class, scan::hasNext);
      assertEquals(ErrorCode.INVALID_ARGUMENT, failure.code());
    }
  }

  @Test
  void wrongUseIsToldApart() {
    assertThrows(NullPointerException.class, () -> keyspace.scan(null));
    assertThrows(IllegalArgumentException.class, () -> options().limit(-1));
    Scan scan = keyspace.scan(PREFIX);
    assertThrows(IllegalArgumentException.class, () -> scan.nextBlock(0));
    scan.next();
    scan.close();
    scan.close();
    assertThrows(VastoClosedException.class, scan::next);
    assertThrows(VastoClosedException.class, () -> scan.nextBlock(1));
    assertTrue(scan.nextBlockAsync(1).isCompletedExceptionally());
    assertThrows(VastoClosedException.class, scan::resumeToken);
  }
}
