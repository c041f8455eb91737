// SPDX-License-Identifier: Apache-2.0
package io.vasto.client.vectors;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.vasto.client.Client;
import io.vasto.client.VastoException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletionException;

/** Plays the files of tests/vectors: {@code VectorRunner FOLDER MODE:FILE=KEYSPACE...} */
public final class VectorRunner {
  private VectorRunner() {}

  /** Prints one line of JSON for each vector. */
  public static void main(String[] args) throws IOException {
    try (Client client = Client.open(System.getenv("VASTO_TEST_MASTER"))) {
      for (int i = 0; i < args.length; i++) {
        String[] parts = args[i].split("[:=]", 3);
        if (parts.length != 3) {
          throw new IllegalArgumentException("not MODE:FILE=KEYSPACE: " + args[i]);
        }
        play(client, parts[0], Path.of(parts[1]), parts[2]);
      }
    }
  }

  private static void play(Client client, String mode, Path path, String keyspace)
      throws IOException {
    String file = path.getFileName().toString().replace(".jsonl", "");
    for (String line : Files.readAllLines(path, StandardCharsets.UTF_8)) {
      if (line.isBlank()) {
        continue;
      }
      JsonObject vector = JsonParser.parseString(line).getAsJsonObject();
      JsonObject result = new JsonObject();
      result.addProperty("mode", mode);
      result.addProperty("file", file);
      result.add("vector", vector.get("vector"));
      String why = fault(client, vector, mode, keyspace);
      result.addProperty("ok", why == null);
      if (why != null) {
        result.addProperty("why", why);
      }
      System.out.println(result);
      System.out.flush();
    }
  }

  /** What is wrong, or null. */
  private static String fault(Client client, JsonObject vector, String mode, String keyspace) {
    boolean own = vector.has("own_client") && vector.get("own_client").getAsBoolean();
    Client used = own ? Client.open(System.getenv("VASTO_TEST_MASTER")) : client;
    Fields.requireKnown(vector, "vector", "steps", "own_client");
    try (Player player = new Player(used, new Form(mode), keyspace)) {
      int number = 0;
      for (var step : vector.getAsJsonArray("steps")) {
        number++;
        try {
          player.play(step.getAsJsonObject());
        } catch (AssertionError | RuntimeException e) {
          String op = step.getAsJsonObject().get("op").getAsString();
          return "step " + number + " " + op + ": " + e;
        }
      }
      return null;
    } catch (RuntimeException e) {
      return e.toString();
    } finally {
      if (own) {
        used.close();
      }
    }
  }

  /** The failure behind a future's, or the failure itself. */
  static VastoException failureOf(RuntimeException e) {
    Throwable cause = e instanceof CompletionException ? e.getCause() : e;
    if (cause instanceof VastoException failure) {
      return failure;
    }
    throw e;
  }
}
