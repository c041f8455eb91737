// SPDX-License-Identifier: Apache-2.0
package io.vasto.client.vectors;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.vasto.client.Acks;
import io.vasto.client.ReadOptions;
import io.vasto.client.Replica;
import io.vasto.client.Session;
import io.vasto.client.WriteOptions;
import java.time.Duration;
import java.util.Map;

/** Makes options of the fields of a step; null when it has none. */
final class Options {
  static final String[] READ = {
    "replica", "max_staleness_ms", "hedge", "timeout_ms", "session", "save_version"
  };
  static final String[] WRITE = {
    "ttl_seconds",
    "expires_at_ns",
    "updated_at_ns",
    "value_type",
    "if_absent",
    "if_version",
    "acks",
    "timeout_ms",
    "session",
    "save_version"
  };

  private final Map<String, Long> numbers;
  private final Map<String, Session> sessions;

  Options(Map<String, Long> numbers, Map<String, Session> sessions) {
    this.numbers = numbers;
    this.sessions = sessions;
  }

  ReadOptions read(JsonObject step) {
    ReadOptions.Builder options = ReadOptions.builder();
    boolean any = false;
    for (String name : READ) {
      if (step.has(name) && !name.equals("save_version")) {
        set(options, name, step.get(name));
        any = true;
      }
    }
    return any ? options.build() : null;
  }

  private void set(ReadOptions.Builder options, String name, JsonElement value) {
    switch (name) {
      case "replica" -> options.replica(Replica.valueOf(value.getAsString()));
      case "max_staleness_ms" -> options.maxStaleness(Duration.ofMillis(value.getAsLong()));
      case "hedge" -> options.hedge(value.getAsBoolean());
      case "timeout_ms" -> options.timeout(Duration.ofMillis(value.getAsLong()));
      case "session" -> options.session(session(value));
      default -> throw new AssertionError("unknown option " + name);
    }
  }

  WriteOptions write(JsonObject step) {
    WriteOptions.Builder options = WriteOptions.builder();
    boolean any = false;
    for (String name : WRITE) {
      boolean ofTouch = name.equals("ttl_seconds") && step.get("op").getAsString().equals("touch");
      if (step.has(name) && !name.equals("save_version") && !ofTouch) {
        set(options, name, step.get(name));
        any = true;
      }
    }
    return any ? options.build() : null;
  }

  private void set(WriteOptions.Builder options, String name, JsonElement value) {
    switch (name) {
      case "ttl_seconds" -> options.ttl(Duration.ofSeconds(value.getAsLong()));
      case "expires_at_ns" -> options.expiresAtNanos(Fields.number(value, numbers));
      case "updated_at_ns" -> options.updatedAtNanos(Fields.number(value, numbers));
      case "value_type" -> options.valueType(value.getAsInt());
      case "if_absent" -> options.ifAbsent();
      case "if_version" -> options.ifVersion(Fields.number(value, numbers));
      case "acks" -> options.acks(Acks.valueOf(value.getAsString()));
      case "timeout_ms" -> options.timeout(Duration.ofMillis(value.getAsLong()));
      case "session" -> options.session(session(value));
      default -> throw new AssertionError("unknown option " + name);
    }
  }

  private Session session(JsonElement name) {
    Session session = sessions.get(name.getAsString());
    if (session == null) {
      throw new AssertionError("no session " + name.getAsString());
    }
    return session;
  }
}
