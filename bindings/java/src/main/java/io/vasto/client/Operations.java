// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.util.List;

/** Starts operations: each gives the native future, which the caller then owns. */
final class Operations {
  private Operations() {}

  static long get(long keyspace, Key key, ReadOptions options) {
    Scratch scratch = Scratch.begin(Scratch.sizeOf(key));
    long read = ReadOptions.addressOf(options);
    int code =
        Functions.api()
            .vasto_get_async(keyspace, scratch.key(key), read, scratch.out(0), scratch.err());
    return started(scratch, code, key, options);
  }

  static long stat(long keyspace, Key key, ReadOptions options) {
    Scratch scratch = Scratch.begin(Scratch.sizeOf(key));
    long read = ReadOptions.addressOf(options);
    int code =
        Functions.api()
            .vasto_stat_async(keyspace, scratch.key(key), read, scratch.out(0), scratch.err());
    return started(scratch, code, key, options);
  }

  static long multiGet(long keyspace, List<Key> keys, ReadOptions options) {
    long size = 0;
    for (Key key : keys) {
      size += Scratch.sizeOf(key);
    }
    Scratch scratch = Scratch.begin(size);
    long array = scratch.keys(keys);
    long read = ReadOptions.addressOf(options);
    int code =
        Functions.api()
            .vasto_multi_get_async(
                keyspace, array, keys.size(), read, scratch.out(0), scratch.err());
    return started(scratch, code, keys, options);
  }

  static long put(long keyspace, Key key, ByteBuffer value, WriteOptions options) {
    Scratch scratch = Scratch.begin(Scratch.sizeOf(key) + Payload.scratchSize(value));
    long write = WriteOptions.addressOf(options);
    try (Payload data = Payload.of(value, scratch)) {
      int code =
          Functions.api()
              .vasto_put_async(
                  keyspace,
                  scratch.key(key),
                  data.address(),
                  data.size(),
                  write,
                  scratch.out(0),
                  scratch.err());
      return started(scratch, code, key, options);
    }
  }

  static long delete(long keyspace, Key key, WriteOptions options) {
    Scratch scratch = Scratch.begin(Scratch.sizeOf(key));
    long write = WriteOptions.addressOf(options);
    int code =
        Functions.api()
            .vasto_delete_async(keyspace, scratch.key(key), write, scratch.out(0), scratch.err());
    return started(scratch, code, key, options);
  }

  static long touch(long keyspace, Key key, long ttlSeconds, WriteOptions options) {
    Scratch scratch = Scratch.begin(Scratch.sizeOf(key));
    long write = WriteOptions.addressOf(options);
    int code =
        Functions.api()
            .vasto_touch_async(
                keyspace, scratch.key(key), ttlSeconds, write, scratch.out(0), scratch.err());
    return started(scratch, code, key, options);
  }

  static long merge(
      long keyspace, Key key, int operation, ByteBuffer operand, WriteOptions options) {
    Scratch scratch = Scratch.begin(Scratch.sizeOf(key) + Payload.scratchSize(operand));
    long write = WriteOptions.addressOf(options);
    try (Payload data = Payload.of(operand, scratch)) {
      int code =
          Functions.api()
              .vasto_merge_async(
                  keyspace,
                  scratch.key(key),
                  operation,
                  data.address(),
                  data.size(),
                  write,
                  scratch.out(0),
                  scratch.err());
      return started(scratch, code, key, options);
    }
  }

  static long write(long keyspace, Batch batch, WriteOptions options) {
    return batch.use(
        address -> {
          Scratch scratch = Scratch.begin();
          long write = WriteOptions.addressOf(options);
          int code =
              Functions.api()
                  .vasto_batch_write_async(keyspace, address, write, scratch.out(0), scratch.err());
          return started(scratch, code, batch, options);
        });
  }

  private static long started(Scratch scratch, int code, Object bytes, Object options) {
    scratch.check(code);
    // The library has copied what they own.
    Reference.reachabilityFence(bytes);
    Reference.reachabilityFence(options);
    return scratch.result(0);
  }
}
