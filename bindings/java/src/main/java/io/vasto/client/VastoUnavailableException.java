// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

/**
 * No master, or fewer replicas than needed, could be reached: {@link ErrorCode#UNAVAILABLE}. A
 * write may be in doubt.
 */
public final class VastoUnavailableException extends VastoException {
  private static final long serialVersionUID = 1L;

  VastoUnavailableException(Details details) {
    super(details);
  }
}
