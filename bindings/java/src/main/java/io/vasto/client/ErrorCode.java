// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

/** Why an operation failed: the codes of {@code vasto.h}. */
public enum ErrorCode {
  /** Nothing failed; of one entry of a {@link BatchResult} or a {@link ReadResult}. */
  OK(0),
  /** No such key, keyspace or configuration name. */
  NOT_FOUND(1),
  /** The call can never succeed as it was made. */
  INVALID_ARGUMENT(3),
  /** The deadline passed; see {@link VastoException#isInDoubt()} for writes. */
  TIMEOUT(4),
  /** No master, or not enough replicas, could be reached. */
  UNAVAILABLE(5),
  /** Overloaded, or the object is in use: try again later. */
  BUSY(6),
  /** A newer value is stored, or the version did not match. */
  STALE_WRITE(7),
  /** The keyspace is changing shape and could not serve this now. */
  RESIZING(8),
  /** Key, value, batch or name over its limit. */
  TOO_LARGE(9),
  /** A buffer given to the library was too small. */
  BUFFER_TOO_SMALL(10),
  /** Stored or received bytes fail their checksum. */
  CORRUPTION(11),
  /** A disk or network operation failed for good. */
  IO_ERROR(12),
  /** Out of disk (at a store) or of memory (here). */
  NO_SPACE(13),
  /** The server, or this build of the library, cannot do that. */
  NOT_SUPPORTED(14),
  /** The key (put if absent) or the keyspace exists. */
  ALREADY_EXISTS(15),
  /** Cancelled by the caller or by an interrupt. */
  CANCELLED(16),
  /** The client, or the object itself, is closed. */
  CLOSED(17),
  /** A call that may wait was made where it must not. */
  WRONG_THREAD(18),
  /** The handle belongs to the parent process. */
  FORKED(19),
  /** The server refused the caller. */
  PERMISSION(20),
  /** No server remembers what came after the token of the watch. */
  TOO_OLD(21),
  /**
   * A defect, or a code younger than this binding: {@link VastoException#rawCode()} has the number.
   */
  INTERNAL(99);

  private static final ErrorCode[] VALUES = values();

  private final int value;

  ErrorCode(int value) {
    this.value = value;
  }

  /**
   * The number of the code in {@code vasto.h}.
   *
   * @return the number
   */
  public int value() {
    return value;
  }

  /**
   * The code with this number.
   *
   * @param value the number
   * @return the code; {@link #INTERNAL} for an unknown number
   */
  public static ErrorCode of(int value) {
    for (ErrorCode code : VALUES) {
      if (code.value == value) {
        return code;
      }
    }
    return INTERNAL;
  }
}
