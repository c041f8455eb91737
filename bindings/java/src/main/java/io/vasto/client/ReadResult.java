// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import java.util.Optional;

/** What became of one key of a {@link Keyspace#multiGet}. Immutable. */
public final class ReadResult {
  private final Value value;
  private final VastoException failure;

  ReadResult(Value value, VastoException failure) {
    this.value = value;
    this.failure = failure;
  }

  /**
   * The code of this key.
   *
   * @return {@link ErrorCode#OK}, {@link ErrorCode#NOT_FOUND} if it has no value, or why it could
   *     not be read
   */
  public ErrorCode code() {
    if (failure != null) {
      return failure.code();
    }
    return value != null ? ErrorCode.OK : ErrorCode.NOT_FOUND;
  }

  /**
   * The value.
   *
   * @return the value; empty if the key has none
   * @throws VastoException if the key could not be read
   */
  public Optional<Value> value() {
    if (failure != null) {
      throw failure;
    }
    return Optional.ofNullable(value);
  }
}
