// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Optional;

/** A value that was read. It is independent of the client, and stays when that is closed. */
public final class Value {
  private final byte[] bytes;
  private final Stat stat;

  Value(byte[] bytes, Stat stat) {
    this.bytes = bytes;
    this.stat = stat;
  }

  /** Makes one of a native value, which ends here. */
  static Value take(long value) {
    NativeApi api = Functions.api();
    try {
      Stat stat =
          new Stat(
              api.vasto_value_size(value),
              api.vasto_value_type(value),
              api.vasto_value_version(value),
              api.vasto_value_updated_at_ns(value),
              api.vasto_value_expires_at_ns(value));
      return new Value(NativeMemory.bytes(api.vasto_value_data(value), stat.size()), stat);
    } finally {
      api.vasto_value_destroy(value);
    }
  }

  /**
   * The bytes. The array is the caller's: it is not copied again, and nobody else has it but who
   * asks this value.
   *
   * @return the bytes, never null
   */
  public byte[] bytes() {
    return bytes;
  }

  /**
   * The bytes as a buffer that cannot be written to.
   *
   * @return a new buffer over the bytes
   */
  public ByteBuffer buffer() {
    return ByteBuffer.wrap(bytes).asReadOnlyBuffer();
  }

  /**
   * The bytes as a text in UTF-8.
   *
   * @return the text
   */
  public String text() {
    return new String(bytes, StandardCharsets.UTF_8);
  }

  /**
   * The number of bytes.
   *
   * @return the number
   */
  public int size() {
    return bytes.length;
  }

  /**
   * Everything about the value but its bytes.
   *
   * @return what a {@link Keyspace#stat} gives
   */
  public Stat stat() {
    return stat;
  }

  /**
   * The label stored with the value: 0 for plain bytes, 64 and above are the application's.
   *
   * @return the label
   */
  public int type() {
    return stat.type();
  }

  /**
   * The version, for {@link WriteOptions.Builder#ifVersion}.
   *
   * @return the version, unsigned
   */
  public long version() {
    return stat.version();
  }

  /**
   * The event time.
   *
   * @return the time
   */
  public Instant updatedAt() {
    return stat.updatedAt();
  }

  /**
   * When the value expires.
   *
   * @return the time; empty if never
   */
  public Optional<Instant> expiresAt() {
    return stat.expiresAt();
  }
}
