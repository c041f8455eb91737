// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

/**
 * The C library libvasto could not be loaded, or is too old. The message says which file was tried,
 * and what to do.
 */
public final class VastoLibraryException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  VastoLibraryException(String message) {
    super(message);
  }
}
