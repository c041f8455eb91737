// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.LongBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Native memory for a block of {@code vasto_kv_t}, and its copy into Java. For one thread at a
 * time.
 *
 * <p>What costs is the number of copies out of native memory, not their size: all rows come with
 * one, and bytes that lie next to each other with another.
 */
final class Rows {
  private static final int SIZE = 72;
  private static final int LONGS = SIZE / Long.BYTES;
  private static final int KEY_HAS_PARTITION_HASH = 1;
  private static final int DELETED = 2;
  private static final int MAX_RUN = 1 << 20;
  private static final byte[] NO_BYTES = {};

  /** Makes a row of its parts. */
  interface Maker<R> {
    R make(Key key, byte[] value, Stat stat);
  }

  private final ByteBuffer memory;
  private final long address;
  private final LongBuffer numbers;
  private final long[] loaded;

  // Bytes that lie next to each other, from the key of the first row on; copied while they do.
  private byte[] run = NO_BYTES;
  private long runBegin;
  private long runEnd;

  Rows(int capacity) {
    memory = ByteBuffer.allocateDirect(SIZE * capacity).order(ByteOrder.nativeOrder());
    address = NativeMemory.addressOf(memory);
    numbers = memory.asLongBuffer();
    loaded = new long[LONGS * capacity];
  }

  long address() {
    return address;
  }

  /**
   * Reads the first so many rows, which the library has written; their bytes stay where they are.
   */
  void load(int count) {
    numbers.get(0, loaded, 0, LONGS * count);
    runEnd = 0;
  }

  /** The first so many rows, which the library has written. */
  <R> List<R> copy(int count, Maker<R> maker) {
    load(count);
    loadRun(count);
    List<R> rows = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      boolean deleted = (flags(i) & DELETED) != 0;
      rows.add(maker.make(key(i), deleted ? null : valueBytes(i), stat(i)));
    }
    return rows;
  }

  Value value(int row) {
    return new Value(valueBytes(row), stat(row));
  }

  Stat stat(int row) {
    int at = row * LONGS;
    return new Stat(
        loaded[at + 3],
        memory.getInt(row * SIZE + 64),
        loaded[at + 5],
        loaded[at + 6],
        loaded[at + 7]);
  }

  long version(int row) {
    return loaded[row * LONGS + 5];
  }

  private int flags(int row) {
    return memory.getInt(row * SIZE + 68);
  }

  private Key key(int row) {
    int at = row * LONGS;
    byte[] bytes = bytes(loaded[at], loaded[at + 1]);
    boolean hasHash = (flags(row) & KEY_HAS_PARTITION_HASH) != 0;
    return new Key(bytes == null ? NO_BYTES : bytes, null, hasHash, loaded[at + 4]);
  }

  private byte[] valueBytes(int row) {
    int at = row * LONGS;
    return bytes(loaded[at + 2], loaded[at + 3]);
  }

  private byte[] bytes(long begin, long size) {
    if (begin != 0 && begin >= runBegin && begin + size <= runEnd) {
      int from = (int) (begin - runBegin);
      return Arrays.copyOfRange(run, from, from + (int) size);
    }
    return NativeMemory.bytes(begin, size);
  }

  private void loadRun(int count) {
    runBegin = loaded[0];
    runEnd = runBegin;
    for (int at = 0; at < LONGS * count; at += LONGS) {
      if (!extendRun(loaded[at], loaded[at + 1])
          || (loaded[at + 2] != 0 && !extendRun(loaded[at + 2], loaded[at + 3]))) {
        break;
      }
    }
    int size = (int) (runEnd - runBegin);
    if (run.length < size) {
      run = new byte[size];
    }
    NativeMemory.read(runBegin, run, size);
  }

  private boolean extendRun(long begin, long size) {
    boolean isNext = begin == runEnd && runEnd - runBegin + size <= MAX_RUN;
    if (isNext) {
      runEnd += size;
    }
    return isNext;
  }
}
