// SPDX-License-Identifier: Apache-2.0
package io.vasto.client.bench;

import io.lettuce.core.RedisClient;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.codec.RedisCodec;
import io.lettuce.core.codec.StringCodec;
import java.util.concurrent.CompletableFuture;

/** Lettuce with one connection, which all operations in flight share. */
final class RedisSide implements Side {
  private final RedisClient client;
  private final StatefulRedisConnection<String, byte[]> connection;

  RedisSide() {
    client = RedisClient.create("redis://" + Bench.variable("REDIS_ADDRESS"));
    connection = client.connect(RedisCodec.of(StringCodec.UTF8, ByteArrayCodec.INSTANCE));
  }

  @Override
  public void get(String key) {
    Bench.check(connection.sync().get(key));
  }

  @Override
  public void put(String key) {
    connection.sync().set(key, Bench.VALUE);
  }

  @Override
  public CompletableFuture<?> getAsync(String key) {
    return connection.async().get(key).thenAccept(Bench::check).toCompletableFuture();
  }

  @Override
  public CompletableFuture<?> putAsync(String key) {
    return connection.async().set(key, Bench.VALUE).toCompletableFuture();
  }

  @Override
  public void close() {
    connection.close();
    client.shutdown();
  }
}
