// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

/**
 * What a merge does with the value and its operand. Numbers are decimal text, so that values read
 * like any other. Without a value an addition begins at 0, a minimum or maximum at the operand.
 */
public enum MergeOperation {
  /** Adds a 64-bit integer. */
  ADD_INT64(1),
  /** Keeps the lesser 64-bit integer. */
  MIN_INT64(2),
  /** Keeps the greater 64-bit integer. */
  MAX_INT64(3),
  /** Adds a finite double. */
  ADD_FLOAT64(4),
  /** Keeps the lesser finite double. */
  MIN_FLOAT64(5),
  /** Keeps the greater finite double. */
  MAX_FLOAT64(6),
  /** The operand comes behind the value, whatever both are. */
  APPEND(7);

  private final int value;

  MergeOperation(int value) {
    this.value = value;
  }

  int value() {
    return value;
  }
}
