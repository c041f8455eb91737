// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.UUID;
import java.util.function.BooleanSupplier;

/** The cluster that tests/bindings/with_cluster.py runs beside the tests. */
final class TestCluster {
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final HttpClient HTTP = HttpClient.newHttpClient();

  private TestCluster() {}

  static String master() {
    return variable("VASTO_TEST_MASTER");
  }

  static Client open() {
    return Client.open(master());
  }

  private static String variable(String name) {
    String value = System.getenv(name);
    if (value == null) {
      throw new IllegalStateException(name + " is not set: use tests/bindings/with_cluster.py");
    }
    return value;
  }

  /** Has something done to the cluster. */
  static String control(String action) {
    URI uri = URI.create(variable("VASTO_TEST_CONTROL") + "/" + action);
    HttpRequest request =
        HttpRequest.newBuilder(uri).POST(HttpRequest.BodyPublishers.noBody()).build();
    try {
      HttpResponse<String> response = HTTP.send(request, HttpResponse.BodyHandlers.ofString());
      assertEquals(200, response.statusCode(), action + ": " + response.body());
      return response.body();
    } catch (IOException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Creates a keyspace of a name that nobody else has. */
  static String newKeyspace(int shards, int replicas) {
    String name = "java-" + UUID.randomUUID();
    String acks = replicas > 1 ? "quorum" : "one";
    control(
        "create?keyspace="
            + name
            + "&shards="
            + shards
            + "&replicas="
            + replicas
            + "&acks="
            + acks);
    return name;
  }

  static String newKeyspace() {
    return newKeyspace(2, 3);
  }

  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** Waits until something is so. */
  static void await(String what, BooleanSupplier condition) {
    long begun = System.nanoTime();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() - begun > PATIENCE.toNanos()) {
        fail("not within " + PATIENCE + ": " + what);
      }
      try {
        Thread.sleep(5);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  static long fileDescriptors() {
    return entries(Path.of("/proc/self/fd"));
  }

  /** The threads of the process, those of the library included. */
  static long threads() {
    return entries(Path.of("/proc/self/task"));
  }

  private static long entries(Path folder) {
    long count = 0;
    try (DirectoryStream<Path> stream = Files.newDirectoryStream(folder)) {
      for (Path ignored : stream) {
        count++;
      }
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    return count;
  }
}
