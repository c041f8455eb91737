// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

/**
 * The condition of a write did not hold, or its event time was older than what is stored: {@link
 * ErrorCode#STALE_WRITE} or {@link ErrorCode#ALREADY_EXISTS}. Nothing was written.
 */
public final class ConditionFailedException extends VastoException {
  private static final long serialVersionUID = 1L;

  ConditionFailedException(Details details) {
    super(details);
  }
}
