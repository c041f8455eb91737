// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

/** Some entries of a batch failed. The code is that of the first; the result has that of each. */
public final class BatchException extends VastoException {
  private static final long serialVersionUID = 1L;

  private final transient BatchResult result;

  BatchException(Details details, BatchResult result) {
    super(details);
    this.result = result;
  }

  /**
   * The results of the entries, in the order in which they were added.
   *
   * @return the results; null after serialization
   */
  public BatchResult result() {
    return result;
  }
}
