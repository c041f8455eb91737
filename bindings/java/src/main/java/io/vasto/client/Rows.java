// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * Native memory for a block of {@code vasto_kv_t}, and its copy into Java. For one thread at a
 * time.
 */
final class Rows {
  private static final int SIZE = 72;
  private static final int KEY_HAS_PARTITION_HASH = 1;
  private static final int DELETED = 2;

  /** Makes a row of its parts. */
  interface Maker<R> {
    R make(Key key, byte[] value, Stat stat);
  }

  /** How many rows one call of the library gives at most. */
  static final int CAPACITY = 256;

  private final ByteBuffer memory =
      ByteBuffer.allocateDirect(SIZE * CAPACITY).order(ByteOrder.nativeOrder());
  private final long address = NativeMemory.addressOf(memory);

  long address() {
    return address;
  }

  <R> List<R> copy(int count, Maker<R> maker) {
    List<R> rows = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      rows.add(copyRow(i * SIZE, maker));
    }
    return rows;
  }

  private <R> R copyRow(int at, Maker<R> maker) {
    byte[] key = NativeMemory.bytes(memory.getLong(at), memory.getLong(at + 8));
    long size = memory.getLong(at + 24);
    int flags = memory.getInt(at + 68);
    boolean deleted = (flags & DELETED) != 0;
    byte[] value = deleted ? null : NativeMemory.bytes(memory.getLong(at + 16), size);
    boolean hasHash = (flags & KEY_HAS_PARTITION_HASH) != 0;
    Stat stat =
        new Stat(
            size,
            memory.getInt(at + 64),
            memory.getLong(at + 40),
            memory.getLong(at + 48),
            memory.getLong(at + 56));
    return maker.make(
        new Key(key == null ? new byte[0] : key, null, hasHash, memory.getLong(at + 32)),
        value,
        stat);
  }
}
