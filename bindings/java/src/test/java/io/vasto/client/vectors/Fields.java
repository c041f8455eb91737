// SPDX-License-Identifier: Apache-2.0
package io.vasto.client.vectors;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.vasto.client.Key;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Set;

/** Reads the fields of a step. */
final class Fields {
  private Fields() {}

  static void requireKnown(JsonObject object, String... names) {
    for (String name : object.keySet()) {
      if (!Set.of(names).contains(name)) {
        throw new AssertionError("unknown field " + name);
      }
    }
  }

  static byte[] bytes(JsonElement element) {
    if (element.isJsonObject()) {
      JsonObject repeated = element.getAsJsonObject();
      requireKnown(repeated, "repeat", "count");
      String text = repeated.get("repeat").getAsString().repeat(repeated.get("count").getAsInt());
      return text.getBytes(StandardCharsets.ISO_8859_1);
    }
    return element.getAsString().getBytes(StandardCharsets.ISO_8859_1);
  }

  static byte[] bytes(JsonObject step, String name) {
    return step.has(name) ? bytes(step.get(name)) : new byte[0];
  }

  static Key key(JsonElement element) {
    if (element.isJsonObject() && element.getAsJsonObject().has("partition")) {
      JsonObject parts = element.getAsJsonObject();
      requireKnown(parts, "key", "partition");
      long hash = Long.parseUnsignedLong(parts.get("partition").getAsString());
      return Key.of(bytes(parts.get("key"))).withPartitionHash(hash);
    }
    return Key.of(bytes(element));
  }

  /** A number: itself, its decimal digits, or {@code $NAME} for what was saved. */
  static long number(JsonElement element, Map<String, Long> saved) {
    String text = element.getAsString();
    if (text.startsWith("$")) {
      Long value = saved.get(text.substring(1));
      if (value == null) {
        throw new AssertionError("nothing saved as " + text);
      }
      return value;
    }
    return Long.parseUnsignedLong(text);
  }

  static boolean flag(JsonObject step, String name) {
    return step.has(name) && step.get(name).getAsBoolean();
  }

  static String text(JsonObject step, String name) {
    return step.has(name) ? step.get(name).getAsString() : null;
  }
}
