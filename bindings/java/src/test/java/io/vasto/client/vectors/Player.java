// SPDX-License-Identifier: Apache-2.0
package io.vasto.client.vectors;

import static io.vasto.client.vectors.Fields.requireKnown;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.vasto.client.Batch;
import io.vasto.client.BatchException;
import io.vasto.client.BatchResult;
import io.vasto.client.Client;
import io.vasto.client.ErrorCode;
import io.vasto.client.Key;
import io.vasto.client.Keyspace;
import io.vasto.client.MergeOperation;
import io.vasto.client.ReadOptions;
import io.vasto.client.ReadResult;
import io.vasto.client.Session;
import io.vasto.client.Stat;
import io.vasto.client.Value;
import io.vasto.client.VastoException;
import io.vasto.client.WriteOptions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;

/** Plays the steps of one vector: each reads or writes, and compares with what is expected. */
final class Player implements AutoCloseable {
  private final Client client;
  private final Form form;
  private final Keyspace keyspace;
  private final Map<String, Long> numbers = new HashMap<>();
  private final Map<String, byte[]> tokens = new HashMap<>();
  private final Map<String, Session> sessions = new HashMap<>();
  private final Options options = new Options(numbers, sessions);
  private final Scans scans;
  private final Watches watches;
  private final Cluster cluster;

  Player(Client client, Form form, String keyspaceName) {
    this.client = client;
    this.form = form;
    this.keyspace = client.keyspace(keyspaceName);
    this.scans = new Scans(form, keyspace, tokens);
    this.watches = new Watches(form, keyspace, tokens);
    this.cluster = new Cluster(client, keyspaceName);
  }

  @Override
  public void close() {
    watches.close();
    sessions.values().forEach(Session::close);
    keyspace.close();
  }

  /** Throws an AssertionError that says what was wrong. */
  void play(JsonObject step) {
    JsonObject expect = step.has("expect") ? step.getAsJsonObject("expect") : new JsonObject();
    String wanted = expect.has("code") ? expect.get("code").getAsString() : "OK";
    String got = "OK";
    Boolean inDoubt = null;
    try {
      got = run(step, expect, wanted);
    } catch (RuntimeException e) {
      VastoException failure = VectorRunner.failureOf(e);
      got = failure.code().name();
      inDoubt = failure.isInDoubt();
      checkFailure(failure, expect);
    }
    Check.same("code", wanted, got);
    if (expect.has("in_doubt")) {
      Check.same("in_doubt", expect.get("in_doubt").getAsBoolean(), inDoubt);
    }
  }

  private static void checkFailure(VastoException failure, JsonObject expect) {
    if (expect.has("codes") && failure instanceof BatchException batch) {
      Check.same("codes", texts(expect.getAsJsonArray("codes")), codes(batch.result()));
    }
  }

  /** The code; a failure is thrown instead. */
  private String run(JsonObject step, JsonObject expect, String wanted) {
    String op = step.get("op").getAsString();
    switch (op) {
      case "put", "delete", "touch", "merge" -> write(op, step, expect);
      case "get", "stat" -> {
        return read(op, step, expect, wanted);
      }
      case "multi_get" -> multiGet(step, expect);
      case "batch" -> batch(step, expect);
      case "scan" -> scans.play(step, expect, wanted);
      case "session", "session_token" -> session(op, step);
      case "watch_open", "watch_next", "watch_token", "watch_close" ->
          watches.play(op, step, expect);
      case "close_client" -> {
        known(step);
        client.close();
      }
      default -> cluster.play(op, step, expect, wanted);
    }
    return "OK";
  }

  /** Fails if a step has a field that its operation does not take. */
  static void known(JsonObject step, String... names) {
    requireKnown(
        step,
        Stream.concat(Stream.of("op", "expect"), Arrays.stream(names)).toArray(String[]::new));
  }

  private static String[] with(String[] options, String... names) {
    return Stream.concat(Arrays.stream(options), Arrays.stream(names)).toArray(String[]::new);
  }

  private void write(String op, JsonObject step, JsonObject expect) {
    requireKnown(expect, "code", "in_doubt");
    known(step, with(Options.WRITE, "key", "value", "operation", "operand"));
    Key key = Fields.key(step.get("key"));
    WriteOptions write = options.write(step);
    byte[] value = Fields.bytes(step, "value");
    byte[] operand = Fields.bytes(step, "operand");
    long version =
        switch (op) {
          case "put" -> call(k -> k.put(key, value, write), k -> k.putAsync(key, value, write));
          case "delete" -> call(k -> k.delete(key, write), k -> k.deleteAsync(key, write));
          case "touch" -> {
            Duration ttl = Duration.ofSeconds(step.get("ttl_seconds").getAsLong());
            yield call(k -> k.touch(key, ttl, write), k -> k.touchAsync(key, ttl, write));
          }
          default -> {
            MergeOperation merge = MergeOperation.valueOf(step.get("operation").getAsString());
            yield call(
                k -> k.merge(key, merge, operand, write),
                k -> k.mergeAsync(key, merge, operand, write));
          }
        };
    saveVersion(step, version);
  }

  private <T> T call(
      Function<Keyspace, T> blocking,
      Function<Keyspace, java.util.concurrent.CompletableFuture<T>> future) {
    return form.call(() -> blocking.apply(keyspace), () -> future.apply(keyspace));
  }

  private void saveVersion(JsonObject step, long version) {
    if (step.has("save_version")) {
      numbers.put(step.get("save_version").getAsString(), version);
    }
  }

  private String read(String op, JsonObject step, JsonObject expect, String wanted) {
    known(step, with(Options.READ, "key"));
    Key key = Fields.key(step.get("key"));
    ReadOptions read = options.read(step);
    byte[] bytes = null;
    Optional<Stat> found;
    if (op.equals("get")) {
      requireKnown(expect, "code", "value", "type", "version", "updated_at_ns", "expires");
      Optional<Value> value = call(k -> k.get(key, read), k -> k.getAsync(key, read));
      bytes = value.map(Value::bytes).orElse(null);
      found = value.map(Value::stat);
    } else {
      requireKnown(expect, "code", "size", "type", "version", "updated_at_ns", "expires");
      found = call(k -> k.stat(key, read), k -> k.statAsync(key, read));
    }
    if (found.isEmpty()) {
      return "NOT_FOUND";
    }
    if (wanted.equals("OK")) {
      checkStat(expect, found.get());
      if (expect.has("value")) {
        Check.bytes("value", Fields.bytes(expect.get("value")), bytes);
      }
    }
    saveVersion(step, found.get().version());
    return "OK";
  }

  private void checkStat(JsonObject expect, Stat stat) {
    Map<String, Long> numbersOf =
        Map.of(
            "size", stat.size(),
            "type", (long) stat.type(),
            "version", stat.version(),
            "updated_at_ns", stat.updatedAtNanos());
    numbersOf.forEach(
        (name, got) -> {
          if (expect.has(name)) {
            Check.same(name, Fields.number(expect.get(name), numbers), got);
          }
        });
    if (expect.has("expires")) {
      Check.same("expires", expect.get("expires").getAsBoolean(), stat.expiresAt().isPresent());
    }
  }

  private void multiGet(JsonObject step, JsonObject expect) {
    requireKnown(expect, "code", "results");
    known(step, with(Options.READ, "keys"));
    List<Key> keys = new ArrayList<>();
    step.getAsJsonArray("keys").forEach(key -> keys.add(Fields.key(key)));
    ReadOptions read = options.read(step);
    List<ReadResult> results = call(k -> k.multiGet(keys, read), k -> k.multiGetAsync(keys, read));
    if (!expect.has("results")) {
      return;
    }
    JsonArray wanted = expect.getAsJsonArray("results");
    Check.same("results", wanted.size(), results.size());
    for (int i = 0; i < results.size(); i++) {
      JsonObject entry = wanted.get(i).getAsJsonObject();
      requireKnown(entry, "code", "value");
      Check.same("code of " + i, entry.get("code").getAsString(), results.get(i).code().name());
      if (entry.has("value")) {
        byte[] value = results.get(i).value().orElseThrow().bytes();
        Check.bytes("value of " + i, Fields.bytes(entry.get("value")), value);
      }
    }
  }

  private void batch(JsonObject step, JsonObject expect) {
    requireKnown(expect, "code", "in_doubt", "codes");
    known(step, with(Options.WRITE, "entries"));
    try (Batch batch = new Batch()) {
      for (JsonElement element : step.getAsJsonArray("entries")) {
        add(batch, element.getAsJsonObject());
      }
      WriteOptions write = options.write(step);
      BatchResult result = call(k -> k.write(batch, write), k -> k.writeAsync(batch, write));
      if (expect.has("codes")) {
        Check.same("codes", texts(expect.getAsJsonArray("codes")), codes(result));
      }
    }
  }

  private void add(Batch batch, JsonObject entry) {
    requireKnown(entry, with(Options.WRITE, "op", "key", "value", "operation", "operand"));
    Key key = Fields.key(entry.get("key"));
    WriteOptions write = options.write(entry);
    String op = entry.get("op").getAsString();
    switch (op) {
      case "put" -> batch.put(key, Fields.bytes(entry, "value"), write);
      case "delete" -> batch.delete(key, write);
      case "merge" -> {
        MergeOperation operation = MergeOperation.valueOf(entry.get("operation").getAsString());
        batch.merge(key, operation, Fields.bytes(entry, "operand"), write);
      }
      default -> throw new AssertionError("unknown entry " + op);
    }
  }

  private void session(String op, JsonObject step) {
    String name = step.get("session").getAsString();
    if (op.equals("session")) {
      known(step, "session", "import");
      Session session = keyspace.newSession();
      sessions.put(name, session);
      if (step.has("import")) {
        session.importToken(tokenOf(tokens, step.get("import").getAsString()));
      }
    } else {
      known(step, "session", "save");
      tokens.put(step.get("save").getAsString(), sessions.get(name).token());
    }
  }

  /** What was saved under a name, or else the bytes of a token. */
  static byte[] tokenOf(Map<String, byte[]> tokens, String name) {
    byte[] saved = tokens.get(name);
    return saved != null ? saved : Fields.bytes(new com.google.gson.JsonPrimitive(name));
  }

  private static List<String> texts(JsonArray array) {
    return array.asList().stream().map(JsonElement::getAsString).toList();
  }

  private static List<String> codes(BatchResult result) {
    List<String> codes = new ArrayList<>();
    for (int i = 0; i < result.size(); i++) {
      ErrorCode code = result.code(i);
      codes.add(code.name());
    }
    return codes;
  }
}
