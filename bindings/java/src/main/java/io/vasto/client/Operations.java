// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** Starts operations: each gives the native future, which the caller then owns. */
final class Operations {
  private Operations() {}

  /**
   * Starts points that go with one another, attached to a queue.
   *
   * @param futures gets their futures; after a failure of those that have started, 0 for the others
   */
  static void start(long queue, List<Point> points, long[] tags, long[] futures) {
    Point first = points.get(0);
    first.keyspace.begin(
        keyspace -> {
          int count = points.size();
          Scratch scratch = Scratch.begin(sizeOf(points));
          long out = scratch.numbers(futures, count);
          int code =
              first.isPut()
                  ? startPuts(scratch, queue, keyspace, points, tags, out)
                  : startGets(scratch, queue, keyspace, points, tags, out);
          for (int i = 0; i < count; i++) {
            futures[i] = scratch.getLong(out + 8L * i);
          }
          scratch.check(code);
          return count;
        });
    // The library has copied what they own.
    Reference.reachabilityFence(points);
  }

  private static long sizeOf(List<Point> points) {
    long size = 0;
    for (Point point : points) {
      size += Scratch.sizeOf(point.key) + 2 * Scratch.sizeOf(Long.BYTES);
      if (point.isPut()) {
        size += Scratch.SLICE_SIZE + Payload.scratchSize(point.value);
      }
    }
    return size;
  }

  private static int startGets(
      Scratch scratch, long queue, long keyspace, List<Point> points, long[] tags, long out) {
    int count = points.size();
    return Functions.api()
        .vasto_queue_start_gets(
            queue,
            keyspace,
            scratch.keys(points, point -> point.key),
            scratch.numbers(tags, count),
            count,
            points.get(0).options,
            out,
            scratch.err());
  }

  private static int startPuts(
      Scratch scratch, long queue, long keyspace, List<Point> points, long[] tags, long out) {
    int count = points.size();
    List<Payload> values = new ArrayList<>(count);
    try {
      for (Point point : points) {
        values.add(Payload.of(point.value, scratch));
      }
      return Functions.api()
          .vasto_queue_start_puts(
              queue,
              keyspace,
              scratch.keys(points, point -> point.key),
              scratch.slices(values),
              scratch.numbers(tags, count),
              count,
              points.get(0).options,
              out,
              scratch.err());
    } finally {
      values.forEach(Payload::close);
    }
  }

  /** Attaches an operation that has started to a queue; the future ends if that fails. */
  static long attach(long queue, long tag, long future) {
    Scratch scratch = Scratch.begin();
    int code = Functions.api().vasto_queue_attach(queue, future, tag, scratch.err());
    if (code != Errors.OK) {
      long error = scratch.takeError();
      Functions.api().vasto_future_destroy(future);
      throw Errors.of(code, error);
    }
    return future;
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
    long array = scratch.keys(keys, key -> key);
    long read = ReadOptions.addressOf(options);
    int code =
        Functions.api()
            .vasto_multi_get_async(
                keyspace, array, keys.size(), read, scratch.out(0), scratch.err());
    return started(scratch, code, keys, options);
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
