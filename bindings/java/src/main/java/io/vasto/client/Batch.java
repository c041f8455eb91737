// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.util.function.LongFunction;

/**
 * Writes to be sent together, with {@link Keyspace#write}. It is not atomic: each entry has its own
 * result. Entries for the same key take effect in the order in which they were added. It can be
 * written again, or cleared and filled anew.
 *
 * <p>Threads: one at a time; a second one gets an {@link IllegalStateException}.
 */
public final class Batch implements AutoCloseable {
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

  private final Handle handle;

  /** An empty batch, independent of any client. */
  public Batch() {
    NativeApi api = Functions.api();
    Scratch scratch = Scratch.begin();
    scratch.check(api.vasto_batch_create(scratch.out(0), scratch.err()));
    handle = new Handle("batch", scratch.result(0), api::vasto_batch_destroy).ownedBy(this);
  }

  <T> T use(LongFunction<T> user) {
    try {
      long batch = handle.acquireAlone();
      try {
        return user.apply(batch);
      } finally {
        handle.release();
      }
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /**
   * Adds a put.
   *
   * @param key copied
   * @param value copied
   * @return this batch
   * @throws VastoException {@link ErrorCode#TOO_LARGE} if key or value is; nothing is added then
   */
  public Batch put(Key key, byte[] value) {
    return put(key, value, null);
  }

  /**
   * Adds a put with options of its own.
   *
   * @param key copied
   * @param value copied
   * @param options copied; null: those of the write of the batch
   * @return this batch
   * @throws VastoException {@link ErrorCode#TOO_LARGE} if key or value is; nothing is added then
   */
  public Batch put(Key key, byte[] value, WriteOptions options) {
    return put(key, ByteBuffer.wrap(value), options);
  }

  /**
   * Adds a put of the bytes between the position and the limit of a buffer, which is not changed.
   *
   * @param key copied
   * @param value copied
   * @param options copied; null: those of the write of the batch
   * @return this batch
   * @throws VastoException {@link ErrorCode#TOO_LARGE} if key or value is; nothing is added then
   */
  public Batch put(Key key, ByteBuffer value, WriteOptions options) {
    return add(
        key,
        value,
        options,
        (batch, scratch, at, data, write) ->
            Functions.api()
                .vasto_batch_put(batch, at, data.address(), data.size(), write, scratch.err()));
  }

  /**
   * Adds a delete.
   *
   * @param key copied
   * @return this batch
   * @throws VastoException {@link ErrorCode#TOO_LARGE} if the key is; nothing is added then
   */
  public Batch delete(Key key) {
    return delete(key, null);
  }

  /**
   * Adds a delete with options of its own.
   *
   * @param key copied
   * @param options copied; null: those of the write of the batch
   * @return this batch
   * @throws VastoException {@link ErrorCode#TOO_LARGE} if the key is; nothing is added then
   */
  public Batch delete(Key key, WriteOptions options) {
    return add(
        key,
        NOTHING,
        options,
        (batch, scratch, at, data, write) ->
            Functions.api().vasto_batch_delete(batch, at, write, scratch.err()));
  }

  /**
   * Adds a merge.
   *
   * @param key copied
   * @param operation what to do with value and operand
   * @param operand copied
   * @return this batch
   * @throws VastoException {@link ErrorCode#TOO_LARGE} if key or operand is; nothing is added then
   */
  public Batch merge(Key key, MergeOperation operation, byte[] operand) {
    return merge(key, operation, operand, null);
  }

  /**
   * Adds a merge with options of its own.
   *
   * @param key copied
   * @param operation what to do with value and operand
   * @param operand copied
   * @param options copied; null: those of the write of the batch
   * @return this batch
   * @throws VastoException {@link ErrorCode#TOO_LARGE} if key or operand is; nothing is added then
   */
  public Batch merge(Key key, MergeOperation operation, byte[] operand, WriteOptions options) {
    int number = operation.value();
    return add(
        key,
        ByteBuffer.wrap(operand),
        options,
        (batch, scratch, at, data, write) ->
            Functions.api()
                .vasto_batch_merge(
                    batch, at, number, data.address(), data.size(), write, scratch.err()));
  }

  private interface Entry {
    int add(long batch, Scratch scratch, long key, Payload data, long options);
  }

  private Batch add(Key key, ByteBuffer bytes, WriteOptions options, Entry entry) {
    return use(
        batch -> {
          Scratch scratch = Scratch.begin(Scratch.sizeOf(key) + Payload.scratchSize(bytes));
          long write = WriteOptions.addressOf(options);
          try (Payload data = Payload.of(bytes, scratch)) {
            scratch.check(entry.add(batch, scratch, scratch.key(key), data, write));
          }
          Reference.reachabilityFence(options);
          Reference.reachabilityFence(key);
          return this;
        });
  }

  /**
   * The number of entries.
   *
   * @return the number
   */
  public int size() {
    return use(batch -> Math.toIntExact(Functions.api().vasto_batch_count(batch)));
  }

  /** Removes all entries and keeps the memory, for the next round. */
  public void clear() {
    use(
        batch -> {
          Functions.api().vasto_batch_clear(batch);
          return null;
        });
  }

  /** Ends the batch. A second close does nothing. */
  @Override
  public void close() {
    handle.close();
  }
}
