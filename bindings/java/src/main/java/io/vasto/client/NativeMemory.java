// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.nio.ByteBuffer;

/** Reads of native memory by address. */
final class NativeMemory {
  private static final byte[] EMPTY = {};

  private NativeMemory() {}

  /**
   * The address of byte 0 of a direct buffer (not of its position), valid while the buffer is
   * reachable.
   */
  static long addressOf(ByteBuffer direct) {
    return Pointer.nativeValue(Native.getDirectBufferPointer(direct));
  }

  /** A copy of {@code size} bytes; null for address 0. */
  static byte[] bytes(long address, long size) {
    if (address == 0) {
      return null;
    }
    if (size == 0) {
      return EMPTY;
    }
    return new Pointer(address).getByteArray(0, Math.toIntExact(size));
  }

  /** Copies {@code size} bytes to the begin of an array. */
  static void read(long address, byte[] to, int size) {
    if (size > 0) {
      new Pointer(address).read(0, to, 0, size);
    }
  }

  /** A C string of UTF-8; null for address 0. */
  static String text(long address) {
    return address == 0 ? null : new Pointer(address).getString(0, "UTF-8");
  }
}
