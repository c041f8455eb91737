// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

/** Which replica may answer a read. */
public enum Replica {
  /** The first that can be reached: fresh and monotonic. The default. */
  PRIMARY(0),
  /** Any, the reads spread over all: may be behind the primary. */
  ANY(1),
  /** One on this host, else the quickest to reach; otherwise as {@link #ANY}. */
  NEAREST(2);

  private final int value;

  Replica(int value) {
    this.value = value;
  }

  int value() {
    return value;
  }
}
