// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;

/**
 * The bytes of a value on their way into the library, which copies them: those of a direct buffer
 * where they are, a few in the scratch memory, many in memory of their own that goes at once.
 */
final class Payload implements AutoCloseable {
  private static final int MAX_IN_SCRATCH = 64 << 10;

  // Also keeps a direct buffer reachable.
  private final ByteBuffer value;
  private final Memory copy;
  private final long address;

  private Payload(ByteBuffer value, Memory copy, long address) {
    this.value = value;
    this.copy = copy;
    this.address = address;
  }

  /** The bytes between the position and the limit of a buffer, which is not changed. */
  static Payload of(ByteBuffer value, Scratch scratch) {
    if (value.isDirect() || value.remaining() <= MAX_IN_SCRATCH) {
      return new Payload(value, null, scratch.bytes(value));
    }
    Memory copy = new Memory(value.remaining());
    copy.getByteBuffer(0, value.remaining()).put(value.duplicate());
    return new Payload(value, copy, Pointer.nativeValue(copy));
  }

  /** The room that a value needs in the scratch memory. */
  static long scratchSize(ByteBuffer value) {
    boolean elsewhere = value.isDirect() || value.remaining() > MAX_IN_SCRATCH;
    return elsewhere ? 0 : Scratch.sizeOf(value.remaining());
  }

  long address() {
    return address;
  }

  long size() {
    return value.remaining();
  }

  @Override
  public void close() {
    Reference.reachabilityFence(value);
    if (copy != null) {
      copy.close();
    }
  }
}
