// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import java.util.Objects;

/**
 * An operation failed. Every failure that the library reports is one of these, or of the subclasses
 * for those that programs handle: {@link VastoTimeoutException}, {@link VastoUnavailableException},
 * {@link VastoNotFoundException}, {@link ConditionFailedException}, {@link VastoClosedException},
 * {@link VastoInterruptedException} and {@link BatchException}.
 *
 * <p>A blocking method throws it; a future completes with it, so that {@code get} and {@code join}
 * give it as the cause of an {@code ExecutionException} or {@code CompletionException}.
 */
public class VastoException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** What the library tells about a failure. */
  record Details(int rawCode, String message, String origin, boolean retryable, boolean inDoubt) {}

  /** The number of the code. */
  private final int rawCode;

  /** Where it arose. */
  private final String origin;

  /** Whether the call may be made again. */
  private final boolean retryable;

  /** Whether a failed write may have happened. */
  private final boolean inDoubt;

  VastoException(Details details) {
    super(details.message());
    this.rawCode = details.rawCode();
    this.origin = details.origin();
    this.retryable = details.retryable();
    this.inDoubt = details.inDoubt();
  }

  /**
   * The code.
   *
   * @return the code; {@link ErrorCode#INTERNAL} for one that this binding does not know
   */
  public ErrorCode code() {
    return ErrorCode.of(rawCode);
  }

  /**
   * The number of the code, also of one that this binding does not know.
   *
   * @return the number, as in {@code vasto.h}
   */
  public int rawCode() {
    return rawCode;
  }

  /**
   * Where the failure arose.
   *
   * @return {@code "client"}, or the address of the server that answered with it; empty if unknown
   */
  public String origin() {
    return origin;
  }

  /**
   * Whether the same call may succeed if it is made again later. The library itself has retried
   * until the deadline already.
   *
   * @return true for {@code TIMEOUT}, {@code UNAVAILABLE}, {@code BUSY} and {@code RESIZING}
   */
  public boolean isRetryable() {
    return retryable;
  }

  /**
   * Whether a failed write may nevertheless have happened, or may still happen.
   *
   * @return whether it may; always false for reads
   */
  public boolean isInDoubt() {
    return inDoubt;
  }

  Details details() {
    return new Details(rawCode, getMessage(), origin, retryable, inDoubt);
  }

  @Override
  public String toString() {
    String at = origin.isEmpty() ? "" : " (" + origin + ")";
    String doubt = inDoubt ? " [in doubt]" : "";
    return getClass().getName()
        + ": "
        + code()
        + ": "
        + Objects.requireNonNullElse(getMessage(), "")
        + at
        + doubt;
  }
}
