// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

/** The bound functions. Whoever has a handle has them; the first use loads the library. */
final class Functions {
  private static volatile NativeApi api;

  private Functions() {}

  static NativeApi api() {
    NativeApi bound = api;
    if (bound == null) {
      bound = LibraryLoader.get();
      api = bound;
    }
    return bound;
  }
}
