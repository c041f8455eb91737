// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.Objects;

/**
 * A get, or a put if it has a value: what the library can start many of in one call, if keyspace
 * and options are the same.
 */
final class Point implements Start {
  // What is larger than this gains nothing from company.
  private static final int SMALL = 4096;

  final Keyspace keyspace;
  final Key key;
  final ByteBuffer value;
  final long options;
  // Keeps the options from being collected.
  private final Object owner;

  private Point(Keyspace keyspace, Key key, ByteBuffer value, long options, Object owner) {
    this.keyspace = keyspace;
    this.key = Objects.requireNonNull(key, "key");
    this.value = value;
    this.options = options;
    this.owner = owner;
  }

  static Point get(Keyspace keyspace, Key key, ReadOptions options) {
    return new Point(keyspace, key, null, ReadOptions.addressOf(options), options);
  }

  static Point put(Keyspace keyspace, Key key, ByteBuffer value, WriteOptions options) {
    Objects.requireNonNull(value, "value");
    return new Point(keyspace, key, value, WriteOptions.addressOf(options), options);
  }

  boolean isPut() {
    return value != null;
  }

  boolean isSmall() {
    return key.size() + (isPut() ? value.remaining() : 0) <= SMALL;
  }

  boolean goesWith(Point other) {
    return keyspace == other.keyspace && owner == other.owner && isPut() == other.isPut();
  }

  /** The same with bytes of its own. */
  Point copy() {
    ByteBuffer bytes = isPut() ? ByteBuffer.allocate(value.remaining()) : null;
    if (isPut()) {
      bytes.put(value.duplicate()).flip();
    }
    return new Point(keyspace, key.copy(), bytes, options, owner);
  }

  @Override
  public long start(long queue, long tag) {
    long[] futures = {0};
    try {
      Operations.start(queue, List.of(this), new long[] {tag}, futures);
    } catch (VastoException e) {
      Functions.api().vasto_future_destroy(futures[0]);
      throw e;
    }
    return futures[0];
  }
}
