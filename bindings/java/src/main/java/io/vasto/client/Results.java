// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Native memory for a block of finished operations: what the library tells of each in one call. For
 * one thread at a time.
 *
 * <p>Layout: the error at 0, how many there are at 8, then their futures, tags and codes.
 */
final class Results {
  private static final int FUTURES = 16;

  private final NativeApi api = Functions.api();
  private final int capacity;
  private final int tags;
  private final int codes;
  private final ByteBuffer memory;
  private final long address;
  private final Rows rows;

  Results(int capacity) {
    this.capacity = capacity;
    tags = FUTURES + 8 * capacity;
    codes = tags + 8 * capacity;
    memory = ByteBuffer.allocateDirect(codes + 4 * capacity).order(ByteOrder.nativeOrder());
    address = NativeMemory.addressOf(memory);
    rows = new Rows(capacity);
  }

  /**
   * Takes what is finished out of a queue, and waits for the first.
   *
   * @param timeoutMs negative: no limit
   * @return how many there are; 0 when the time is over
   * @throws VastoException if the library has no memory: what is finished stays in the queue
   */
  int next(long queue, long timeoutMs) {
    memory.putLong(0, 0);
    int code =
        api.vasto_queue_next_results(
            queue,
            timeoutMs,
            address + FUTURES,
            address + tags,
            address + codes,
            rows.address(),
            capacity,
            address + 8,
            address);
    if (code != Errors.OK && code != Errors.TIMEOUT) {
      throw Errors.of(code, memory.getLong(0));
    }
    int count = (int) memory.getLong(8);
    rows.load(count);
    return count;
  }

  long future(int index) {
    return memory.getLong(FUTURES + 8 * index);
  }

  long tag(int index) {
    return memory.getLong(tags + 8 * index);
  }

  int code(int index) {
    return memory.getInt(codes + 4 * index);
  }

  /** What reads and writes that succeeded have brought, valid until their futures end. */
  Rows rows() {
    return rows;
  }

  /** Ends the futures of the first so many. */
  void destroy(int count) {
    api.vasto_future_destroy_block(address + FUTURES, count);
  }
}
