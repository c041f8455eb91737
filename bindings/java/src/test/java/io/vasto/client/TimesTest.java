// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;

/** Needs no cluster. */
class TimesTest {
  @Test
  void whatIsNotZeroDoesNotBecomeZero() {
    assertEquals(0, Times.millis(Duration.ZERO));
    assertEquals(1, Times.millis(Duration.ofNanos(1)));
    assertEquals(1, Times.millis(Duration.ofMillis(1)));
    assertEquals(2, Times.millis(Duration.ofMillis(1).plusNanos(1)));
    assertEquals(1, Times.seconds(Duration.ofMillis(1)));
    assertEquals(3, Times.seconds(Duration.ofSeconds(3)));
    assertThrows(IllegalArgumentException.class, () -> Times.seconds(Duration.ofNanos(-1)));
  }

  @Test
  void timesGoBothWaysAndAreUnsigned() {
    Instant moment = Instant.parse("2026-01-02T03:04:05.000006789Z");
    assertEquals(moment, Times.instant(Times.nanos(moment)));
    assertEquals(18_446_744_073L, Times.instant(-1).getEpochSecond());
    assertThrows(
        ArithmeticException.class, () -> Times.nanos(Instant.parse("2300-01-01T00:00:00Z")));
    assertThrows(IllegalArgumentException.class, () -> Times.nanos(Instant.EPOCH.minusNanos(1)));
  }
}
