// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

/** One change that a watch gives. It is independent of the watch, and stays when that is closed. */
public final class Change {
  private final Key key;
  private final byte[] value;
  private final Stat stat;

  Change(Key key, byte[] value, Stat stat) {
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
   * Whether the key was deleted.
   *
   * @return true if it has no value any more
   */
  public boolean isDeleted() {
    return value == null;
  }

  /**
   * The bytes of the value that the key has now. The array is the caller's.
   *
   * @return the bytes; null if the key was deleted
   */
  public byte[] value() {
    return value;
  }

  /**
   * The size of the value, its label, version and times; of a delete only the version and the event
   * time.
   *
   * @return everything but the bytes
   */
  public Stat stat() {
    return stat;
  }
}
