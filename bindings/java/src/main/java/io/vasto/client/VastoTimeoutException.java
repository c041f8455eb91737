// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

/** The deadline of an operation passed: {@link ErrorCode#TIMEOUT}. A write may be in doubt. */
public final class VastoTimeoutException extends VastoException {
  private static final long serialVersionUID = 1L;

  VastoTimeoutException(Details details) {
    super(details);
  }
}
