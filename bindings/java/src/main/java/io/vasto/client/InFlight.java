// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import java.util.Arrays;

/**
 * The operations in flight, each under a number that the queue gives back as its tag: a place in an
 * array, which costs less than a map.
 *
 * <p>Threads: any.
 */
final class InFlight {
  // Guarded by this: operations by number, and a stack of the numbers that are free.
  private VastoFuture<?>[] operations = {};
  private int[] free = {};
  private int freeCount;

  synchronized int add(VastoFuture<?> operation) {
    if (freeCount == 0) {
      grow();
    }
    int number = free[--freeCount];
    operations[number] = operation;
    return number;
  }

  synchronized VastoFuture<?> remove(int number) {
    VastoFuture<?> operation = operations[number];
    operations[number] = null;
    free[freeCount++] = number;
    return operation;
  }

  synchronized int count() {
    return operations.length - freeCount;
  }

  private void grow() {
    int size = operations.length;
    int grown = Math.max(64, Math.multiplyExact(size, 2));
    operations = Arrays.copyOf(operations, grown);
    free = new int[grown];
    for (int number = size; number < grown; number++) {
      free[freeCount++] = number;
    }
  }
}
