// SPDX-License-Identifier: Apache-2.0
package io.vasto.client.vectors;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.vasto.client.Change;
import io.vasto.client.Keyspace;
import io.vasto.client.VastoException;
import io.vasto.client.Watch;
import io.vasto.client.WatchOptions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Plays the steps that watch. */
final class Watches implements AutoCloseable {
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(20);

  private final Form form;
  private final Keyspace keyspace;
  private final Map<String, byte[]> tokens;
  private final Map<String, Watch> watches = new HashMap<>();

  Watches(Form form, Keyspace keyspace, Map<String, byte[]> tokens) {
    this.form = form;
    this.keyspace = keyspace;
    this.tokens = tokens;
  }

  @Override
  public void close() {
    watches.values().forEach(Watch::close);
  }

  void play(String op, JsonObject step, JsonObject expect) {
    String name = step.get("watch").getAsString();
    switch (op) {
      case "watch_open" -> {
        Player.known(step, "watch", "prefix", "resume");
        WatchOptions.Builder options = WatchOptions.builder();
        if (step.has("resume")) {
          options.resumeToken(Player.tokenOf(tokens, step.get("resume").getAsString()));
        }
        watches.put(name, keyspace.watch(Fields.bytes(step, "prefix"), options.build()));
      }
      case "watch_next" -> {
        Player.known(step, "watch");
        Fields.requireKnown(expect, "code", "changes");
        next(watches.get(name), expect);
      }
      case "watch_token" -> {
        Player.known(step, "watch", "save");
        tokens.put(step.get("save").getAsString(), watches.get(name).resumeToken());
      }
      default -> {
        Player.known(step, "watch");
        watches.remove(name).close();
      }
    }
  }

  private void next(Watch watch, JsonObject expect) {
    Map<String, List<JsonObject>> wanted = new LinkedHashMap<>();
    for (JsonElement element : expect.getAsJsonArray("changes")) {
      JsonObject change = element.getAsJsonObject();
      Fields.requireKnown(change, "key", "value", "deleted");
      wanted
          .computeIfAbsent(textOf(Fields.bytes(change.get("key"))), key -> new ArrayList<>())
          .add(change);
    }
    Map<String, List<Change>> came = new HashMap<>();
    long begun = System.nanoTime();
    while (!hasAll(wanted, came)) {
      if (System.nanoTime() - begun > PATIENCE_NANOS) {
        throw new AssertionError("not all changes came within 20 s: " + came.keySet());
      }
      for (Change change : take(watch)) {
        came.computeIfAbsent(textOf(change.key().bytes()), key -> new ArrayList<>()).add(change);
      }
    }
  }

  private List<Change> take(Watch watch) {
    try {
      return form.isAsync()
          ? watch.nextAsync().orTimeout(1, TimeUnit.SECONDS).exceptionally(Watches::noneYet).join()
          : watch.next(Duration.ofSeconds(1));
    } catch (RuntimeException e) {
      return noneYet(e);
    }
  }

  /** No changes, for what only means that none came yet. */
  private static List<Change> noneYet(Throwable failure) {
    if (failure instanceof java.util.concurrent.TimeoutException) {
      return List.of();
    }
    RuntimeException unchecked =
        failure instanceof RuntimeException e ? e : new IllegalStateException(failure);
    VastoException known = VectorRunner.failureOf(unchecked);
    if (!known.isRetryable()) {
      throw known;
    }
    return List.of();
  }

  private static boolean hasAll(
      Map<String, List<JsonObject>> wanted, Map<String, List<Change>> came) {
    return wanted.entrySet().stream()
        .allMatch(entry -> isIn(entry.getValue(), came.getOrDefault(entry.getKey(), List.of())));
  }

  /** Whether the wanted changes came in their order, and the last that came is the last of them. */
  private static boolean isIn(List<JsonObject> wanted, List<Change> came) {
    int found = 0;
    for (Change change : came) {
      if (found < wanted.size() && isSame(wanted.get(found), change)) {
        found++;
      }
    }
    return found == wanted.size() && isSame(wanted.get(found - 1), came.get(came.size() - 1));
  }

  private static boolean isSame(JsonObject wanted, Change change) {
    return Fields.flag(wanted, "deleted")
        ? change.isDeleted()
        : Arrays.equals(Fields.bytes(wanted, "value"), change.value());
  }

  private static String textOf(byte[] bytes) {
    return new String(bytes, java.nio.charset.StandardCharsets.ISO_8859_1);
  }
}
