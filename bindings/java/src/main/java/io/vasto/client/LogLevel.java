// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

/** Levels of log messages, from the least important. */
public enum LogLevel {
  /** What helps to find a fault. */
  DEBUG,
  /** What happens now and then. */
  INFO,
  /** What may become a problem. */
  WARNING,
  /** What went wrong. */
  ERROR;

  static LogLevel of(int value) {
    return values()[Math.min(Math.max(value, 0), ERROR.ordinal())];
  }
}
