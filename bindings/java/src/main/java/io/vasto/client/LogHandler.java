// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

/** Receives the log messages of a client. */
@FunctionalInterface
public interface LogHandler {
  /**
   * Called with one message after the other, on a thread of the binding, some time after it arose.
   * What it throws is dropped.
   *
   * @param level of the message
   * @param message one line without its end
   */
  void log(LogLevel level, String message);
}
