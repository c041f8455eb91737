// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import java.util.function.IntSupplier;
import java.util.function.LongSupplier;

/**
 * Looks for results before a thread sleeps until there are some. To be woken costs as much as many
 * results, so that pays where they come within microseconds; where they do not, it is tried
 * exponentially less often.
 *
 * <p>Threads: one.
 */
final class Looking {
  // A store that slept answers within that, also where it takes long to wake a thread up.
  private static final long LIMIT_NANOS = 200_000L;
  // So many failures in a row are chance: the processor was somebody else's for a moment.
  private static final int PATIENCE = 4;
  // Of 32 chances one is used, however often it was in vain.
  private static final int MOST_SKIPPED = 31;

  private final LongSupplier nanoTime;
  private int failures; // in a row, up to PATIENCE
  private int skipped; // chances after the last of them
  private int toSkip;

  /**
   * Of an own history.
   *
   * @param nanoTime as {@link System#nanoTime}
   */
  Looking(LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
  }

  /**
   * Looks again and again, for a while; others may have the processor in between.
   *
   * @param look gives the number of results that were there
   * @return that number; 0 if it is time to sleep
   */
  int look(IntSupplier look) {
    if (toSkip > 0) {
      toSkip--;
      return 0;
    }
    long begin = nanoTime.getAsLong();
    do {
      int count = look.getAsInt();
      if (count > 0) {
        failures = 0;
        skipped = 0;
        return count;
      }
      Thread.yield();
    } while (nanoTime.getAsLong() - begin < LIMIT_NANOS);
    if (failures < PATIENCE) {
      failures++;
    } else {
      skipped = Math.min(2 * skipped + 1, MOST_SKIPPED);
      toSkip = skipped;
    }
    return 0;
  }
}
