// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

/** How many replicas must have a write before it is acknowledged. */
public enum Acks {
  /** One replica. */
  ONE(0),
  /** More than half of the replicas. */
  QUORUM(1),
  /** All replicas. */
  ALL(2);

  private final int value;

  Acks(int value) {
    this.value = value;
  }

  int value() {
    return value;
  }
}
