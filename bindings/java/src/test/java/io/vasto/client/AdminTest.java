// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import static io.vasto.client.TestCluster.bytes;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.time.Duration;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class AdminTest {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private static Client client;

  @BeforeAll
  static void open() {
    client = TestCluster.open();
  }

  @AfterAll
  static void close() {
    client.close();
  }

  private static JsonObject json(String text) {
    return JsonParser.parseString(text).getAsJsonObject();
  }

  private static void await(AdminOperation operation) {
    assertTrue(operation.await(PATIENCE));
    AdminOperation.Progress progress = operation.progress();
    assertTrue(progress.isOver());
    assertEquals(progress.total(), progress.done());
    assertFalse(operation.id().isEmpty());
    operation.close();
    operation.close();
    assertThrows(VastoClosedException.class, operation::progress);
  }

  @Test
  void aKeyspaceIsCreatedUsedCompactedAndDeleted() {
    Admin admin = client.admin();
    String name = "java-" + UUID.randomUUID();
    KeyspaceOptions options =
        KeyspaceOptions.builder()
            .shards(2)
            .replicas(2)
            .acks(Acks.QUORUM)
            .sync(Sync.INTERVAL)
            .ttl(Duration.ofHours(1))
            .tags("")
            .build();
    await(admin.createKeyspace(name, options));
    VastoException there =
        assertThrows(ConditionFailedException.class, () -> admin.createKeyspace(name));
    assertEquals(ErrorCode.ALREADY_EXISTS, there.code());
    try (Keyspace keyspace = client.keyspace(name)) {
      assertEquals(2, keyspace.shardCount());
      keyspace.put(Key.of("a"), bytes("x"));
      assertTrue(keyspace.get(Key.of("a")).orElseThrow().expiresAt().isPresent());
    }
    await(admin.compactKeyspace(name));

    JsonObject described =
        json(admin.describe(Admin.Topic.KEYSPACE, name, null)).getAsJsonObject("keyspace");
    assertEquals(name, described.get("name").getAsString());
    assertEquals(3600, described.get("ttl_seconds").getAsLong());
    assertEquals(2, described.getAsJsonArray("shard_list").size());
    assertTrue(admin.usage(name, null).capacityBytes() > 0);

    await(admin.deleteKeyspace(name));
    assertThrows(VastoNotFoundException.class, () -> client.keyspace(name));
    assertThrows(VastoNotFoundException.class, () -> admin.deleteKeyspace(name));
  }

  @Test
  void theClusterDescribesItself() {
    Admin admin = client.admin();
    for (Admin.Topic topic : Admin.Topic.values()) {
      if (topic != Admin.Topic.KEYSPACE) {
        assertEquals(1, json(admin.describe(topic)).get("schema").getAsInt(), topic.name());
      }
    }
    Admin.Usage usage = admin.usage();
    assertTrue(usage.capacityBytes() >= usage.freeBytes());
    assertTrue(usage.freeBytes() > 0);
  }

  @Test
  void whatCannotBeIsRefused() {
    Admin admin = client.admin();
    VastoException name = assertThrows(VastoException.class, () -> admin.createKeyspace("a/b"));
    assertEquals(ErrorCode.INVALID_ARGUMENT, name.code());
    KeyspaceOptions wide = KeyspaceOptions.builder().replicas(4).build();
    VastoException shape =
        assertThrows(
            VastoException.class,
            () -> {
              try (AdminOperation operation =
                  admin.createKeyspace("java-" + UUID.randomUUID(), wide)) {
                operation.await();
              }
            });
    assertEquals(ErrorCode.INVALID_ARGUMENT, shape.code());
    assertThrows(NullPointerException.class, () -> admin.createKeyspace(null));
    assertThrows(NullPointerException.class, () -> admin.createKeyspace("x", null));
    assertThrows(IllegalArgumentException.class, () -> admin.deleteKeyspace("a\0b"));
    assertThrows(VastoException.class, () -> admin.describe(Admin.Topic.KEYSPACE));
  }
}
