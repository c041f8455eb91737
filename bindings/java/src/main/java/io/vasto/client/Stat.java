// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import java.time.Instant;
import java.util.Optional;

/**
 * Everything about a value but its bytes.
 *
 * @param size the number of bytes
 * @param type the label stored with the value: 0 for plain bytes, 64 and above are the
 *     application's
 * @param version larger for each later write of the key, unsigned; for {@link
 *     WriteOptions.Builder#ifVersion}
 * @param updatedAtNanos the event time, in nanoseconds since 1970-01-01 UTC, unsigned
 * @param expiresAtNanos when it expires, in nanoseconds since 1970-01-01 UTC, unsigned; 0: never
 */
public record Stat(long size, int type, long version, long updatedAtNanos, long expiresAtNanos) {
  /**
   * The event time.
   *
   * @return the time
   */
  public Instant updatedAt() {
    return Times.instant(updatedAtNanos);
  }

  /**
   * When the value expires.
   *
   * @return the time; empty if never
   */
  public Optional<Instant> expiresAt() {
    return expiresAtNanos == 0 ? Optional.empty() : Optional.of(Times.instant(expiresAtNanos));
  }
}
