// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

/** One row of a scan. It is independent of the scan, and stays when that is closed. */
public final class Row {
  private final Key key;
  private final byte[] value;
  private final Stat stat;

  Row(Key key, byte[] value, Stat stat) {
    this.key = key;
    this.value = value;
    this.stat = stat;
  }

  /**
   * The key, with its partition hash if it has one.
   *
   * @return the key
   */
  public Key key() {
    return key;
  }

  /**
   * The bytes of the value. The array is the caller's.
   *
   * @return the bytes; null in a scan of keys only
   */
  public byte[] value() {
    return value;
  }

  /**
   * The size of the value, also in a scan of keys only, its label, version and times.
   *
   * @return everything but the bytes
   */
  public Stat stat() {
    return stat;
  }
}
