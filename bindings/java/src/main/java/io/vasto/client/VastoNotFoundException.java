// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

/**
 * A keyspace (also one deleted while it was open), a configuration name, or the key of a touch is
 * not there: {@link ErrorCode#NOT_FOUND}. A read of a key that is not there is no failure.
 */
public final class VastoNotFoundException extends VastoException {
  private static final long serialVersionUID = 1L;

  VastoNotFoundException(Details details) {
    super(details);
  }
}
