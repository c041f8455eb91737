// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

/** The client, or the object that was called, is closed: {@link ErrorCode#CLOSED}. */
public final class VastoClosedException extends VastoException {
  private static final long serialVersionUID = 1L;

  VastoClosedException(Details details) {
    super(details);
  }
}
