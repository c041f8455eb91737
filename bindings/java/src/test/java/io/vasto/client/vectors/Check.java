// SPDX-License-Identifier: Apache-2.0
package io.vasto.client.vectors;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Objects;

/** Compares what was wanted with what came. */
final class Check {
  private static final int SHOWN = 60;

  private Check() {}

  static void same(String what, Object wanted, Object got) {
    if (!Objects.equals(wanted, got)) {
      throw new AssertionError(what + ": wanted " + wanted + ", got " + got);
    }
  }

  static void bytes(String what, byte[] wanted, byte[] got) {
    if (!Arrays.equals(wanted, got)) {
      throw new AssertionError(what + ": wanted " + shown(wanted) + ", got " + shown(got));
    }
  }

  private static String shown(byte[] bytes) {
    if (bytes == null) {
      return "nothing";
    }
    String text = new String(bytes, StandardCharsets.ISO_8859_1);
    return text.length() <= SHOWN
        ? '"' + text + '"'
        : '"' + text.substring(0, SHOWN) + "\"... (" + bytes.length + " bytes)";
  }
}
