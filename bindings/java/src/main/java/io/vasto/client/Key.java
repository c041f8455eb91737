// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Objects;

/**
 * A key: up to 64 KiB of bytes (also none), and optionally where it lives.
 *
 * <p>The bytes are not copied: they must not change while the key is used. Those of a direct buffer
 * are given to the library where they are.
 */
public final class Key {
  // One of the two.
  private final byte[] array;
  private final ByteBuffer buffer;
  private final boolean hasPartitionHash;
  private final long partitionHash;

  Key(byte[] array, ByteBuffer buffer, boolean hasPartitionHash, long partitionHash) {
    this.array = array;
    this.buffer = buffer;
    this.hasPartitionHash = hasPartitionHash;
    this.partitionHash = partitionHash;
  }

  /**
   * The key of these bytes.
   *
   * @param bytes not copied
   * @return the key
   */
  public static Key of(byte[] bytes) {
    return new Key(Objects.requireNonNull(bytes, "bytes"), null, false, 0);
  }

  /**
   * The key of the bytes between the position and the limit of a buffer, which is not changed.
   *
   * @param bytes not copied
   * @return the key
   */
  public static Key of(ByteBuffer bytes) {
    return new Key(null, Objects.requireNonNull(bytes, "bytes").slice(), false, 0);
  }

  /**
   * The key of a text in UTF-8.
   *
   * @param text the text
   * @return the key
   */
  public static Key of(String text) {
    return of(Objects.requireNonNull(text, "text").getBytes(StandardCharsets.UTF_8));
  }

  /**
   * The same bytes with an explicit partition hash: the key lives where the hash says, and every
   * later access must give the same hash.
   *
   * @param hash such as {@link Vasto#partitionHash} of what is to stay together; unsigned
   * @return the key
   */
  public Key withPartitionHash(long hash) {
    return new Key(array, buffer, true, hash);
  }

  /**
   * The bytes. Of a key made of an array it is that array, otherwise a copy.
   *
   * @return the bytes
   */
  public byte[] bytes() {
    if (array != null) {
      return array;
    }
    byte[] copy = new byte[buffer.remaining()];
    buffer.get(buffer.position(), copy);
    return copy;
  }

  /**
   * The number of bytes.
   *
   * @return the number
   */
  public int size() {
    return array != null ? array.length : buffer.remaining();
  }

  /**
   * Whether the key has an explicit partition hash.
   *
   * @return whether it has
   */
  public boolean hasPartitionHash() {
    return hasPartitionHash;
  }

  /**
   * The explicit partition hash.
   *
   * @return the hash, unsigned; 0 if there is none
   */
  public long partitionHash() {
    return partitionHash;
  }

  /**
   * Where the library finds the bytes: in the scratch memory, or where a direct buffer has them.
   */
  long address(Scratch scratch) {
    return array != null ? scratch.bytes(array) : scratch.bytes(buffer);
  }

  /** The same with bytes of its own. */
  Key copy() {
    byte[] bytes = array != null ? array.clone() : bytes();
    return new Key(bytes, null, hasPartitionHash, partitionHash);
  }

  private ByteBuffer view() {
    return array != null ? ByteBuffer.wrap(array) : buffer;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Key key
        && hasPartitionHash == key.hasPartitionHash
        && partitionHash == key.partitionHash
        && view().equals(key.view());
  }

  @Override
  public int hashCode() {
    return Objects.hash(view(), hasPartitionHash, partitionHash);
  }

  /**
   * The key for people: its text, in which what is no printable ASCII is written as {@code \xNN}.
   */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    for (byte b : bytes()) {
      if (b >= 0x20 && b < 0x7f && b != '\\') {
        text.append((char) b);
      } else {
        text.append(String.format("\\x%02x", b));
      }
    }
    return text.toString();
  }
}
