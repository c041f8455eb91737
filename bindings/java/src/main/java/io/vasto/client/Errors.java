// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import io.vasto.client.VastoException.Details;

/** Makes exceptions of what the library reports. */
final class Errors {
  static final int OK = 0;
  static final int NOT_FOUND = 1;
  static final int END = 2;
  static final int TIMEOUT = 4;
  static final int BUSY = 6;
  static final int BUFFER_TOO_SMALL = 10;
  static final int CANCELLED = 16;
  static final int CLOSED = 17;

  private Errors() {}

  /** The exception of a code and its error, which may be 0 and ends here. */
  static VastoException of(int code, long error) {
    return of(details(code, error));
  }

  static VastoException of(Details details) {
    switch (ErrorCode.of(details.rawCode())) {
      case TIMEOUT:
        return new VastoTimeoutException(details);
      case UNAVAILABLE:
        return new VastoUnavailableException(details);
      case NOT_FOUND:
        return new VastoNotFoundException(details);
      case STALE_WRITE:
      case ALREADY_EXISTS:
        return new ConditionFailedException(details);
      case CLOSED:
        return new VastoClosedException(details);
      default:
        return new VastoException(details);
    }
  }

  static VastoException closed(String what) {
    return new VastoClosedException(
        new Details(CLOSED, "the " + what + " is closed", "client", false, false));
  }

  /** Ends an error that nobody wants to see; 0 is none. */
  static void discard(long error) {
    if (error != 0) {
      Functions.api().vasto_error_destroy(error);
    }
  }

  static Details details(int code, long error) {
    NativeApi api = Functions.api();
    boolean retryable = api.vasto_status_is_retryable(code) != 0;
    if (error == 0) {
      String name = NativeMemory.text(api.vasto_status_name(code));
      return new Details(code, name, "client", retryable, false);
    }
    try {
      return new Details(
          code,
          NativeMemory.text(api.vasto_error_message(error)),
          NativeMemory.text(api.vasto_error_origin(error)),
          retryable,
          api.vasto_error_is_in_doubt(error) != 0);
    } finally {
      api.vasto_error_destroy(error);
    }
  }
}
