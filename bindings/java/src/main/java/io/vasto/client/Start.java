// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

/** How an operation starts whose result comes through a queue of the library. */
@FunctionalInterface
interface Start {
  /**
   * Starts it.
   *
   * @param tag what the queue calls it
   * @return the native future, which the caller then owns; it is attached to the queue
   */
  long start(long queue, long tag);
}
