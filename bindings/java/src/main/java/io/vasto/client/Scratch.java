// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;

/**
 * Native memory of one thread for the arguments of one call into the library: where it puts its
 * error and its results, then keys and small values. The library copies what it is given, so that
 * all is free again when the call returns.
 *
 * <p>Layout: the error at 0, four results of 8 bytes from 8, then what is allocated in this call.
 */
final class Scratch {
  private static final int RESULTS = 8;
  private static final int HEADER = 40;
  private static final int KEY_STRUCT = 32;

  /** The room that a {@code vasto_slice_t} needs here. */
  static final int SLICE_SIZE = 16;

  private static final int INITIAL = 16 << 10;
  private static final int KEPT = 1 << 20;
  private static final int KEY_HAS_PARTITION_HASH = 1;

  private static final ThreadLocal<Scratch> SCRATCH = ThreadLocal.withInitial(Scratch::new);

  private ByteBuffer memory;
  private long address;
  private int used;

  private Scratch() {
    allocate(INITIAL);
  }

  /** The scratch memory of this thread, empty, with room for {@code size} bytes of arguments. */
  static Scratch begin(long size) {
    Scratch scratch = SCRATCH.get();
    // Room for the alignment of what is allocated, too.
    long needed = HEADER + size + 64;
    if (needed > scratch.memory.capacity()) {
      scratch.allocate(Math.toIntExact(Math.max(needed, 2L * scratch.memory.capacity())));
    } else if (scratch.memory.capacity() > KEPT) {
      scratch.allocate(INITIAL);
    }
    scratch.used = HEADER;
    scratch.memory.putLong(0, 0);
    return scratch;
  }

  static Scratch begin() {
    return begin(0);
  }

  private void allocate(int size) {
    memory = ByteBuffer.allocateDirect(size).order(ByteOrder.nativeOrder());
    address = NativeMemory.addressOf(memory);
  }

  /** Where the library puts its error. */
  long err() {
    return address;
  }

  /** Where the library puts result {@code index}, 0 to 3. */
  long out(int index) {
    return address + RESULTS + 8L * index;
  }

  long result(int index) {
    return memory.getLong(RESULTS + 8 * index);
  }

  /** The error that a call has left, which the caller now owns; 0 for none. */
  long takeError() {
    long error = memory.getLong(0);
    memory.putLong(0, 0);
    return error;
  }

  /** Throws what a call failed with. */
  void check(int code) {
    if (code != 0) {
      throw Errors.of(code, takeError());
    }
  }

  /** An array of the first so many numbers. */
  long numbers(long[] numbers, int count) {
    long at = take(Long.BYTES * count);
    for (int i = 0; i < count; i++) {
      putLong(at + 8L * i, numbers[i]);
    }
    return at;
  }

  /** An array of {@code vasto_slice_t}. */
  long slices(List<Payload> payloads) {
    long at = take(SLICE_SIZE * payloads.size());
    long next = at;
    for (Payload payload : payloads) {
      putLong(next, payload.address());
      putLong(next + 8, payload.size());
      next += SLICE_SIZE;
    }
    return at;
  }

  /** Aligned memory; {@link #begin(long)} was told of it. */
  long take(int size) {
    int offset = (used + 7) & ~7;
    used = offset + size;
    return address + offset;
  }

  /** The long at an address that {@link #take} gave. */
  long getLong(long at) {
    return memory.getLong((int) (at - address));
  }

  /** The int at an address that {@link #take} gave. */
  int getInt(long at) {
    return memory.getInt((int) (at - address));
  }

  void putLong(long at, long value) {
    memory.putLong((int) (at - address), value);
  }

  void putInt(long at, int value) {
    memory.putInt((int) (at - address), value);
  }

  /** The bytes as the library sees them: a direct buffer is used where it is. */
  long bytes(ByteBuffer buffer) {
    if (buffer.isDirect()) {
      return NativeMemory.addressOf(buffer) + buffer.position();
    }
    long at = take(buffer.remaining());
    memory.put((int) (at - address), buffer, buffer.position(), buffer.remaining());
    return at;
  }

  long bytes(byte[] bytes) {
    long at = take(bytes.length);
    memory.put((int) (at - address), bytes);
    return at;
  }

  /** As {@link #begin(long)}, with room for these texts, each of which may be null. */
  static Scratch beginText(String... texts) {
    long size = 0;
    for (String text : texts) {
      size += text == null ? 0 : 3L * text.length() + 9;
    }
    return begin(size);
  }

  /** A NUL-terminated text; 0 for null. */
  long text(String text) {
    if (text == null) {
      return 0;
    }
    if (text.indexOf('\0') >= 0) {
      throw new IllegalArgumentException("the text has a NUL character");
    }
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    long at = take(utf8.length + 1);
    int offset = (int) (at - address);
    memory.put(offset, utf8);
    memory.put(offset + utf8.length, (byte) 0);
    return at;
  }

  /** The room that so many bytes need here. */
  static long sizeOf(int size) {
    return size + 8L;
  }

  /** The room that a key needs here. */
  static long sizeOf(Key key) {
    Objects.requireNonNull(key, "key");
    return KEY_STRUCT + 16L + key.size();
  }

  /** A {@code vasto_key_t}. */
  long key(Key key) {
    long at = take(KEY_STRUCT);
    fillKey(at, key);
    return at;
  }

  /** An array of {@code vasto_key_t}. */
  <T> long keys(List<T> owners, Function<T, Key> keyOf) {
    long at = take(KEY_STRUCT * owners.size());
    long next = at;
    for (T owner : owners) {
      fillKey(next, keyOf.apply(owner));
      next += KEY_STRUCT;
    }
    return at;
  }

  private void fillKey(long at, Key key) {
    int offset = (int) (at - address);
    memory.putLong(offset, key.address(this));
    memory.putLong(offset + 8, key.size());
    memory.putLong(offset + 16, key.partitionHash());
    memory.putInt(offset + 24, key.hasPartitionHash() ? KEY_HAS_PARTITION_HASH : 0);
    memory.putInt(offset + 28, 0);
  }
}
