// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

/** What became of each entry of a batch, in the order in which they were added. Immutable. */
public final class BatchResult {
  private final int[] codes;
  private final long[] versions;

  BatchResult(int[] codes, long[] versions) {
    this.codes = codes;
    this.versions = versions;
  }

  /**
   * The number of entries.
   *
   * @return the number
   */
  public int size() {
    return codes.length;
  }

  /**
   * What became of an entry.
   *
   * @param index of the entry, from 0
   * @return {@link ErrorCode#OK}, or why it failed
   * @throws IndexOutOfBoundsException past the last entry
   */
  public ErrorCode code(int index) {
    return ErrorCode.of(codes[index]);
  }

  /**
   * The version that an entry got.
   *
   * @param index of the entry, from 0
   * @return the version; 0 if the entry failed
   * @throws IndexOutOfBoundsException past the last entry
   */
  public long version(int index) {
    return versions[index];
  }
}
