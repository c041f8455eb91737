// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

/** When a write to a keyspace reaches the disk of a replica. */
public enum Sync {
  /** When the operating system writes it back. The default. */
  NONE(0),
  /** Within about a second. */
  INTERVAL(1),
  /** Before it is acknowledged. */
  ALWAYS(2);

  private final int value;

  Sync(int value) {
    this.value = value;
  }

  int value() {
    return value;
  }
}
