// SPDX-License-Identifier: Apache-2.0
package io.vasto.client.bench;

import java.util.concurrent.ThreadLocalRandom;

/** Random keys out of those that there are. */
record Keys(int count) {
  private static final long TWELVE_DIGITS = 1_000_000_000_000L;

  static String key(int index) {
    return "key:" + Long.toString(TWELVE_DIGITS + index).substring(1);
  }

  String next() {
    return key(ThreadLocalRandom.current().nextInt(count));
  }
}
