// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

/**
 * The thread was interrupted while it waited: the operation was cancelled, and the interrupt status
 * of the thread is set. A write may be in doubt ({@link VastoException#isInDoubt()}).
 */
public final class VastoInterruptedException extends VastoException {
  private static final long serialVersionUID = 1L;

  VastoInterruptedException(Details details) {
    super(details);
  }
}
