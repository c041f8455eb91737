// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import java.time.Duration;
import java.time.Instant;

/** Times and durations as the library has them: unsigned numbers. */
final class Times {
  private static final long NANOS = 1_000_000_000L;
  private static final long MILLIS_NANOS = 1_000_000L;

  private Times() {}

  static Instant instant(long nanos) {
    return Instant.ofEpochSecond(
        Long.divideUnsigned(nanos, NANOS), Long.remainderUnsigned(nanos, NANOS));
  }

  static long nanos(Instant instant) {
    if (instant.getEpochSecond() < 0) {
      throw new IllegalArgumentException("a time before 1970: " + instant);
    }
    return Math.addExact(Math.multiplyExact(instant.getEpochSecond(), NANOS), instant.getNano());
  }

  /**
   * Milliseconds, rounded up: what is not zero does not become zero, which has a meaning of its
   * own.
   */
  static long millis(Duration duration) {
    requireNotNegative(duration);
    return roundedUp(duration.toMillis(), duration.toNanosPart() % MILLIS_NANOS != 0);
  }

  /** Seconds, rounded up. */
  static long seconds(Duration duration) {
    requireNotNegative(duration);
    return roundedUp(duration.getSeconds(), duration.toNanosPart() != 0);
  }

  private static long roundedUp(long whole, boolean more) {
    return more ? whole + 1 : whole;
  }

  private static void requireNotNegative(Duration duration) {
    if (duration.isNegative()) {
      throw new IllegalArgumentException("a negative duration: " + duration);
    }
  }
}
