// SPDX-License-Identifier: Apache-2.0
package io.vasto.client.vectors;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.vasto.client.Acks;
import io.vasto.client.Admin;
import io.vasto.client.AdminOperation;
import io.vasto.client.Client;
import io.vasto.client.ClientConfig;
import io.vasto.client.Keyspace;
import io.vasto.client.KeyspaceOptions;
import io.vasto.client.Sync;
import io.vasto.client.Vasto;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;

/** Plays the steps about the cluster, its keyspaces, and the library itself. */
final class Cluster {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final Client client;
  private final String keyspaceName;

  Cluster(Client client, String keyspaceName) {
    this.client = client;
    this.keyspaceName = keyspaceName;
  }

  void play(String op, JsonObject step, JsonObject expect, String wanted) {
    switch (op) {
      case "open_keyspace" -> open(step, expect, wanted);
      case "create_keyspace" -> create(step);
      case "delete_keyspace" -> {
        Player.known(step, "name");
        await(client.admin().deleteKeyspace(nameOf(step)));
      }
      case "describe" -> describe(step, expect);
      case "config" -> {
        Player.known(step, "key", "set");
        new ClientConfig().set(Fields.text(step, "key"), Fields.text(step, "set"));
      }
      case "partition_hash" -> {
        Player.known(step, "data");
        Fields.requireKnown(expect, "code", "hash");
        long hash = Vasto.partitionHash(Fields.bytes(step, "data"));
        Check.same("hash", expect.get("hash").getAsString(), Long.toUnsignedString(hash));
      }
      case "control" -> {
        Player.known(step, "action");
        post(Fields.text(step, "action"));
      }
      default -> throw new AssertionError("unknown step " + op);
    }
  }

  private String nameOf(JsonObject step) {
    String name = Fields.text(step, "name");
    return name == null || name.equals("@") ? keyspaceName : keyspaceName + "-" + name;
  }

  private void open(JsonObject step, JsonObject expect, String wanted) {
    Player.known(step, "name");
    Fields.requireKnown(expect, "code", "name", "shards", "replicas");
    String name = nameOf(step);
    try (Keyspace keyspace = client.keyspace(name)) {
      Check.same("name", name, keyspace.name());
      if (!wanted.equals("OK")) {
        return;
      }
      if (expect.has("shards")) {
        Check.same("shards", expect.get("shards").getAsInt(), keyspace.shardCount());
      }
      if (expect.has("replicas")) {
        Check.same("replicas", expect.get("replicas").getAsInt(), keyspace.replicaCount());
      }
    }
  }

  private void create(JsonObject step) {
    Player.known(step, "name", "shards", "replicas", "acks", "sync", "ttl_seconds", "tags");
    KeyspaceOptions.Builder options = KeyspaceOptions.builder();
    for (String name : step.keySet()) {
      set(options, name, step.get(name));
    }
    await(client.admin().createKeyspace(nameOf(step), options.build()));
  }

  private static void set(KeyspaceOptions.Builder options, String name, JsonElement value) {
    switch (name) {
      case "shards" -> options.shards(value.getAsInt());
      case "replicas" -> options.replicas(value.getAsInt());
      case "acks" -> options.acks(Acks.valueOf(value.getAsString()));
      case "sync" -> options.sync(Sync.valueOf(value.getAsString()));
      case "ttl_seconds" -> options.ttl(Duration.ofSeconds(value.getAsLong()));
      case "tags" -> options.tags(value.getAsString());
      default -> {}
    }
  }

  private static void await(AdminOperation operation) {
    try (operation) {
      Check.same("over", true, operation.await(PATIENCE));
    }
  }

  private void describe(JsonObject step, JsonObject expect) {
    Player.known(step, "what", "name");
    Fields.requireKnown(expect, "code", "has");
    Admin.Topic topic = Admin.Topic.valueOf(Fields.text(step, "what"));
    String name = step.has("name") ? nameOf(step) : null;
    String json = client.admin().describe(topic, name, null);
    JsonObject object = JsonParser.parseString(json).getAsJsonObject();
    if (expect.has("has")) {
      expect
          .getAsJsonArray("has")
          .forEach(has -> Check.same("has " + has, true, object.has(has.getAsString())));
    }
  }

  private static void post(String action) {
    URI uri = URI.create(System.getenv("VASTO_TEST_CONTROL") + "/" + action);
    HttpRequest request =
        HttpRequest.newBuilder(uri).POST(HttpRequest.BodyPublishers.noBody()).build();
    try {
      HttpResponse<String> response =
          HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
      Check.same("control: " + response.body(), 200, response.statusCode());
    } catch (IOException e) {
      throw new IllegalStateException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }
}
