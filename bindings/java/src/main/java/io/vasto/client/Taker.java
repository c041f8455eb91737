// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

/** What becomes of an operation that is over. */
@FunctionalInterface
interface Taker<T> {
  /**
   * The result of one of the operations of a block. It does not destroy the future.
   *
   * @throws VastoException what the operation failed with
   */
  T take(Results results, int index);

  /** Called instead when nobody wants the result any more. */
  default void drop() {}
}
