// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongFunction;
import java.util.function.LongUnaryOperator;

/**
 * A named map of keys to values in the cluster. The object stands for the keyspace that had the
 * name when it was opened: when that is deleted, operations fail with {@link
 * VastoNotFoundException}.
 *
 * <p>Every operation has two forms. The plain one blocks until the deadline at most; an interrupt
 * of its thread cancels it with {@link VastoInterruptedException}. The one whose name ends in
 * {@code Async} returns a future that completes on the client's executor; a cancel of the future
 * cancels the operation. Both fail with {@link VastoException}, the second through its future.
 * Options may be null for the defaults. Keys and values are copied before a method returns, and may
 * be changed after that.
 *
 * <p>Threads: any number at once.
 */
public final class Keyspace implements AutoCloseable {
  private final Client client;
  private final Handle handle;

  Keyspace(Client client, long keyspace) {
    this.client = client;
    this.handle =
        new Handle("keyspace", keyspace, Functions.api()::vasto_keyspace_destroy).ownedBy(this);
  }

  /**
   * The name.
   *
   * @return the name
   */
  public String name() {
    return use(keyspace -> NativeMemory.text(Functions.api().vasto_keyspace_name(keyspace)));
  }

  /**
   * The id, a UUID as text, which no other keyspace ever has.
   *
   * @return the id
   */
  public String id() {
    return use(keyspace -> NativeMemory.text(Functions.api().vasto_keyspace_id(keyspace)));
  }

  /**
   * The number of shards that the client knows of at this moment.
   *
   * @return the number
   */
  public int shardCount() {
    return use(keyspace -> Functions.api().vasto_keyspace_shard_count(keyspace));
  }

  /**
   * The number of replicas of each shard that the keyspace asks for.
   *
   * @return the number
   */
  public int replicaCount() {
    return use(keyspace -> Functions.api().vasto_keyspace_replica_count(keyspace));
  }

  /**
   * The shard in which a key lives at this moment.
   *
   * @param key the key
   * @return the shard, from 0
   */
  public int shardOf(Key key) {
    return use(
        keyspace -> {
          Scratch scratch = Scratch.begin(Scratch.sizeOf(key));
          int shard = Functions.api().vasto_keyspace_shard_of(keyspace, scratch.key(key));
          Reference.reachabilityFence(key);
          return shard;
        });
  }

  /**
   * A session for operations on this keyspace, by any client, that has seen nothing.
   *
   * @return the session
   */
  public Session newSession() {
    return use(
        keyspace -> {
          Scratch scratch = Scratch.begin();
          scratch.check(
              Functions.api().vasto_session_create(keyspace, scratch.out(0), scratch.err()));
          return new Session(scratch.result(0));
        });
  }

  /**
   * Reads the value of a key.
   *
   * @param key the key
   * @return the value; empty if there is none, or it has expired
   * @throws VastoNotFoundException if the keyspace is gone
   * @throws VastoException if it failed otherwise
   */
  public Optional<Value> get(Key key) {
    return get(key, null);
  }

  /**
   * Reads the value of a key.
   *
   * @param key the key
   * @param options how to read; null: the defaults
   * @return the value; empty if there is none, or it has expired
   * @throws VastoNotFoundException if the keyspace is gone
   * @throws VastoException if it failed otherwise
   */
  public Optional<Value> get(Key key, ReadOptions options) {
    return run(Point.get(this, key, options), Takers.VALUE);
  }

  /**
   * As {@link #get(Key)}, without waiting.
   *
   * @param key the key
   * @return a future of the same
   */
  public CompletableFuture<Optional<Value>> getAsync(Key key) {
    return getAsync(key, null);
  }

  /**
   * As {@link #get(Key, ReadOptions)}, without waiting.
   *
   * @param key the key
   * @param options how to read; null: the defaults
   * @return a future of the same
   */
  public CompletableFuture<Optional<Value>> getAsync(Key key, ReadOptions options) {
    return submit(Point.get(this, key, options), Takers.VALUE);
  }

  /**
   * Reads everything about the value of a key but its bytes.
   *
   * @param key the key
   * @return what there is to know; empty if there is no value, or it has expired
   * @throws VastoNotFoundException if the keyspace is gone
   * @throws VastoException if it failed otherwise
   */
  public Optional<Stat> stat(Key key) {
    return stat(key, null);
  }

  /**
   * Reads everything about the value of a key but its bytes.
   *
   * @param key the key
   * @param options how to read; null: the defaults
   * @return what there is to know; empty if there is no value, or it has expired
   * @throws VastoNotFoundException if the keyspace is gone
   * @throws VastoException if it failed otherwise
   */
  public Optional<Stat> stat(Key key, ReadOptions options) {
    return run(attached(keyspace -> Operations.stat(keyspace, key, options)), Takers.STAT);
  }

  /**
   * As {@link #stat(Key)}, without waiting.
   *
   * @param key the key
   * @return a future of the same
   */
  public CompletableFuture<Optional<Stat>> statAsync(Key key) {
    return statAsync(key, null);
  }

  /**
   * As {@link #stat(Key, ReadOptions)}, without waiting.
   *
   * @param key the key
   * @param options how to read; null: the defaults
   * @return a future of the same
   */
  public CompletableFuture<Optional<Stat>> statAsync(Key key, ReadOptions options) {
    return submit(attached(keyspace -> Operations.stat(keyspace, key, options)), Takers.STAT);
  }

  /**
   * Reads many keys, each store asked once. When the keyspace is gone, each result fails with
   * {@link VastoNotFoundException}.
   *
   * @param keys the keys
   * @return the result of each key, in their order; look at each
   * @throws VastoException if it could not begin, or failed as a whole
   */
  public List<ReadResult> multiGet(List<Key> keys) {
    return multiGet(keys, null);
  }

  /**
   * Reads many keys, each store asked once. When the keyspace is gone, each result fails with
   * {@link VastoNotFoundException}.
   *
   * @param keys the keys
   * @param options how to read; null: the defaults
   * @return the result of each key, in their order; look at each
   * @throws VastoException if it could not begin, or failed as a whole
   */
  public List<ReadResult> multiGet(List<Key> keys, ReadOptions options) {
    List<Key> copy = List.copyOf(keys);
    return run(
        attached(keyspace -> Operations.multiGet(keyspace, copy, options)),
        (results, index) -> Takers.values(results.future(index), copy.size()));
  }

  /**
   * As {@link #multiGet(List)}, without waiting.
   *
   * @param keys the keys
   * @return a future of the same
   */
  public CompletableFuture<List<ReadResult>> multiGetAsync(List<Key> keys) {
    return multiGetAsync(keys, null);
  }

  /**
   * As {@link #multiGet(List, ReadOptions)}, without waiting.
   *
   * @param keys the keys
   * @param options how to read; null: the defaults
   * @return a future of the same
   */
  public CompletableFuture<List<ReadResult>> multiGetAsync(List<Key> keys, ReadOptions options) {
    List<Key> copy = List.copyOf(keys);
    return submit(
        attached(keyspace -> Operations.multiGet(keyspace, copy, options)),
        (results, index) -> Takers.values(results.future(index), copy.size()));
  }

  /**
   * Stores a value, replacing an older one.
   *
   * @param key the key
   * @param value up to 64 MiB
   * @return the version that the write got, unsigned
   * @throws ConditionFailedException if the condition of the options did not hold, or a newer value
   *     is stored
   * @throws VastoNotFoundException if the keyspace is gone
   * @throws VastoException if it failed otherwise
   */
  public long put(Key key, byte[] value) {
    return put(key, value, null);
  }

  /**
   * Stores a value, replacing an older one.
   *
   * @param key the key
   * @param value up to 64 MiB
   * @param options how to write; null: the defaults
   * @return the version that the write got, unsigned
   * @throws ConditionFailedException if the condition of the options did not hold, or a newer value
   *     is stored
   * @throws VastoNotFoundException if the keyspace is gone
   * @throws VastoException if it failed otherwise
   */
  public long put(Key key, byte[] value, WriteOptions options) {
    return run(Point.put(this, key, ByteBuffer.wrap(value), options), Takers.VERSION);
  }

  /**
   * As {@link #put(Key, byte[])}, without waiting.
   *
   * @param key the key
   * @param value up to 64 MiB
   * @return a future of the same
   */
  public CompletableFuture<Long> putAsync(Key key, byte[] value) {
    return putAsync(key, value, null);
  }

  /**
   * As {@link #put(Key, byte[], WriteOptions)}, without waiting.
   *
   * @param key the key
   * @param value up to 64 MiB
   * @param options how to write; null: the defaults
   * @return a future of the same
   */
  public CompletableFuture<Long> putAsync(Key key, byte[] value, WriteOptions options) {
    return submit(Point.put(this, key, ByteBuffer.wrap(value), options), Takers.VERSION);
  }

  /**
   * Stores the bytes between the position and the limit of a buffer, which is not changed.
   *
   * @param key the key
   * @param value up to 64 MiB; those of a direct buffer are given to the library where they are
   * @return the version that the write got, unsigned
   * @throws ConditionFailedException if the condition of the options did not hold, or a newer value
   *     is stored
   * @throws VastoNotFoundException if the keyspace is gone
   * @throws VastoException if it failed otherwise
   */
  public long put(Key key, ByteBuffer value) {
    return put(key, value, null);
  }

  /**
   * Stores the bytes between the position and the limit of a buffer, which is not changed.
   *
   * @param key the key
   * @param value up to 64 MiB; those of a direct buffer are given to the library where they are
   * @param options how to write; null: the defaults
   * @return the version that the write got, unsigned
   * @throws ConditionFailedException if the condition of the options did not hold, or a newer value
   *     is stored
   * @throws VastoNotFoundException if the keyspace is gone
   * @throws VastoException if it failed otherwise
   */
  public long put(Key key, ByteBuffer value, WriteOptions options) {
    return run(Point.put(this, key, value, options), Takers.VERSION);
  }

  /**
   * As {@link #put(Key, ByteBuffer)}, without waiting.
   *
   * @param key the key
   * @param value up to 64 MiB; those of a direct buffer are given to the library where they are
   * @return a future of the same
   */
  public CompletableFuture<Long> putAsync(Key key, ByteBuffer value) {
    return putAsync(key, value, null);
  }

  /**
   * As {@link #put(Key, ByteBuffer, WriteOptions)}, without waiting.
   *
   * @param key the key
   * @param value up to 64 MiB; those of a direct buffer are given to the library where they are
   * @param options how to write; null: the defaults
   * @return a future of the same
   */
  public CompletableFuture<Long> putAsync(Key key, ByteBuffer value, WriteOptions options) {
    return submit(Point.put(this, key, value, options), Takers.VERSION);
  }

  /**
   * Deletes the value of a key; also fine if there is none.
   *
   * @param key the key
   * @return the version that the write got, unsigned
   * @throws ConditionFailedException if the condition of the options did not hold, or a newer value
   *     is stored
   * @throws VastoNotFoundException if the keyspace is gone
   * @throws VastoException if it failed otherwise
   */
  public long delete(Key key) {
    return delete(key, null);
  }

  /**
   * Deletes the value of a key; also fine if there is none.
   *
   * @param key the key
   * @param options how to write; null: the defaults
   * @return the version that the write got, unsigned
   * @throws ConditionFailedException if the condition of the options did not hold, or a newer value
   *     is stored
   * @throws VastoNotFoundException if the keyspace is gone
   * @throws VastoException if it failed otherwise
   */
  public long delete(Key key, WriteOptions options) {
    return run(attached(keyspace -> Operations.delete(keyspace, key, options)), Takers.VERSION);
  }

  /**
   * As {@link #delete(Key)}, without waiting.
   *
   * @param key the key
   * @return a future of the same
   */
  public CompletableFuture<Long> deleteAsync(Key key) {
    return deleteAsync(key, null);
  }

  /**
   * As {@link #delete(Key, WriteOptions)}, without waiting.
   *
   * @param key the key
   * @param options how to write; null: the defaults
   * @return a future of the same
   */
  public CompletableFuture<Long> deleteAsync(Key key, WriteOptions options) {
    return submit(attached(keyspace -> Operations.delete(keyspace, key, options)), Takers.VERSION);
  }

  /**
   * Gives the value of a key another expiry. The bytes stay; version and event time are new.
   *
   * @param key the key
   * @param ttl in seconds from now, rounded up; zero: never
   * @return the version that the write got, unsigned
   * @throws VastoNotFoundException if the key has no value, or the keyspace is gone
   * @throws ConditionFailedException if the condition of the options did not hold, or a newer value
   *     is stored
   * @throws VastoException if it failed otherwise
   */
  public long touch(Key key, Duration ttl) {
    return touch(key, ttl, null);
  }

  /**
   * Gives the value of a key another expiry. The bytes stay; version and event time are new.
   *
   * @param key the key
   * @param ttl in seconds from now, rounded up; zero: never
   * @param options how to write; null: the defaults
   * @return the version that the write got, unsigned
   * @throws VastoNotFoundException if the key has no value, or the keyspace is gone
   * @throws ConditionFailedException if the condition of the options did not hold, or a newer value
   *     is stored
   * @throws VastoException if it failed otherwise
   */
  public long touch(Key key, Duration ttl, WriteOptions options) {
    long seconds = Times.seconds(ttl);
    return run(
        attached(keyspace -> Operations.touch(keyspace, key, seconds, options)), Takers.VERSION);
  }

  /**
   * As {@link #touch(Key, Duration)}, without waiting.
   *
   * @param key the key
   * @param ttl in seconds from now, rounded up; zero: never
   * @return a future of the same
   */
  public CompletableFuture<Long> touchAsync(Key key, Duration ttl) {
    return touchAsync(key, ttl, null);
  }

  /**
   * As {@link #touch(Key, Duration, WriteOptions)}, without waiting.
   *
   * @param key the key
   * @param ttl in seconds from now, rounded up; zero: never
   * @param options how to write; null: the defaults
   * @return a future of the same
   */
  public CompletableFuture<Long> touchAsync(Key key, Duration ttl, WriteOptions options) {
    long seconds = Times.seconds(ttl);
    return submit(
        attached(keyspace -> Operations.touch(keyspace, key, seconds, options)), Takers.VERSION);
  }

  /**
   * Merges an operand into the value of a key. Without an answer it is in doubt: it is never
   * repeated by itself.
   *
   * @param key the key
   * @param operation what to do with value and operand
   * @param operand decimal text of a number, or what to append
   * @return the version that the write got, unsigned
   * @throws VastoNotFoundException if the keyspace is gone
   * @throws VastoException if it failed otherwise
   */
  public long merge(Key key, MergeOperation operation, byte[] operand) {
    return merge(key, operation, operand, null);
  }

  /**
   * Merges an operand into the value of a key. Without an answer it is in doubt: it is never
   * repeated by itself.
   *
   * @param key the key
   * @param operation what to do with value and operand
   * @param operand decimal text of a number, or what to append
   * @param options how to write; null: the defaults
   * @return the version that the write got, unsigned
   * @throws VastoNotFoundException if the keyspace is gone
   * @throws VastoException if it failed otherwise
   */
  public long merge(Key key, MergeOperation operation, byte[] operand, WriteOptions options) {
    int number = operation.value();
    ByteBuffer bytes = ByteBuffer.wrap(operand);
    return run(
        attached(keyspace -> Operations.merge(keyspace, key, number, bytes, options)),
        Takers.VERSION);
  }

  /**
   * As {@link #merge(Key, MergeOperation, byte[])}, without waiting.
   *
   * @param key the key
   * @param operation what to do with value and operand
   * @param operand decimal text of a number, or what to append
   * @return a future of the same
   */
  public CompletableFuture<Long> mergeAsync(Key key, MergeOperation operation, byte[] operand) {
    return mergeAsync(key, operation, operand, null);
  }

  /**
   * As {@link #merge(Key, MergeOperation, byte[], WriteOptions)}, without waiting.
   *
   * @param key the key
   * @param operation what to do with value and operand
   * @param operand decimal text of a number, or what to append
   * @param options how to write; null: the defaults
   * @return a future of the same
   */
  public CompletableFuture<Long> mergeAsync(
      Key key, MergeOperation operation, byte[] operand, WriteOptions options) {
    int number = operation.value();
    ByteBuffer bytes = ByteBuffer.wrap(operand);
    return submit(
        attached(keyspace -> Operations.merge(keyspace, key, number, bytes, options)),
        Takers.VERSION);
  }

  /**
   * Writes the entries of a batch, which stays as it is.
   *
   * @param batch the entries
   * @return the results, if every entry succeeded
   * @throws BatchException if an entry failed; it has the result of each
   * @throws VastoException if it failed otherwise
   */
  public BatchResult write(Batch batch) {
    return write(batch, null);
  }

  /**
   * Writes the entries of a batch, which stays as it is.
   *
   * @param batch the entries
   * @param options how to write; null: the defaults
   * @return the results, if every entry succeeded
   * @throws BatchException if an entry failed; it has the result of each
   * @throws VastoException if it failed otherwise
   */
  public BatchResult write(Batch batch, WriteOptions options) {
    return run(attached(keyspace -> Operations.write(keyspace, batch, options)), Takers.BATCH);
  }

  /**
   * As {@link #write(Batch)}, without waiting.
   *
   * @param batch the entries
   * @return a future of the same
   */
  public CompletableFuture<BatchResult> writeAsync(Batch batch) {
    return writeAsync(batch, null);
  }

  /**
   * As {@link #write(Batch, WriteOptions)}, without waiting.
   *
   * @param batch the entries
   * @param options how to write; null: the defaults
   * @return a future of the same
   */
  public CompletableFuture<BatchResult> writeAsync(Batch batch, WriteOptions options) {
    return submit(attached(keyspace -> Operations.write(keyspace, batch, options)), Takers.BATCH);
  }

  /**
   * Begins a scan of all keys that begin with a prefix, in the order of their bytes. Does not wait:
   * what is wrong shows at the first row.
   *
   * @param prefix copied; empty: all keys
   * @return the scan, to be closed
   */
  public Scan scan(byte[] prefix) {
    return scan(prefix, null);
  }

  /**
   * Begins a scan of all keys that begin with a prefix, in the order of their bytes. Does not wait:
   * what is wrong shows at the first row.
   *
   * @param prefix copied; empty: all keys
   * @param options how to scan; null: the defaults
   * @return the scan, to be closed
   */
  public Scan scan(byte[] prefix, ScanOptions options) {
    Objects.requireNonNull(prefix, "prefix");
    return startScan(
        options,
        Scratch.sizeOf(prefix.length),
        (keyspace, scratch, scan) ->
            Functions.api()
                .vasto_scan_prefix(
                    keyspace,
                    scratch.bytes(prefix),
                    prefix.length,
                    scan,
                    scratch.out(0),
                    scratch.err()));
  }

  /**
   * Begins a scan of all keys from a start to before an end, in the order of their bytes. Does not
   * wait: what is wrong shows at the first row.
   *
   * @param start copied
   * @param end copied; empty: no upper bound
   * @param options how to scan; null: the defaults
   * @return the scan, to be closed
   */
  public Scan scanRange(byte[] start, byte[] end, ScanOptions options) {
    Objects.requireNonNull(start, "start");
    Objects.requireNonNull(end, "end");
    return startScan(
        options,
        Scratch.sizeOf(start.length) + Scratch.sizeOf(end.length),
        (keyspace, scratch, scan) ->
            Functions.api()
                .vasto_scan_range(
                    keyspace,
                    scratch.bytes(start),
                    start.length,
                    scratch.bytes(end),
                    end.length,
                    scan,
                    scratch.out(0),
                    scratch.err()));
  }

  private interface ScanStart {
    int start(long keyspace, Scratch scratch, long options);
  }

  private Scan startScan(ScanOptions options, long size, ScanStart start) {
    ScanOptions given = options == null ? ScanOptions.DEFAULTS : options;
    return use(
        keyspace ->
            given.withNative(
                scan -> {
                  Scratch scratch = Scratch.begin(size);
                  scratch.check(start.start(keyspace, scratch, scan));
                  return new Scan(this, scratch.result(0));
                }));
  }

  /**
   * Begins to watch all keys that begin with a prefix, from now on. Waits until the stores have
   * agreed, up to {@code timeout_ms}; an interrupt does not end the wait.
   *
   * @param prefix copied; empty: all keys
   * @return the watch, to be closed
   * @throws VastoException if it failed
   */
  public Watch watch(byte[] prefix) {
    return watch(prefix, null);
  }

  /**
   * Begins to watch all keys that begin with a prefix, from now on or from a token. Waits until the
   * stores have agreed, up to the timeout of the options, unless there is a token; an interrupt
   * does not end the wait.
   *
   * @param prefix copied; empty: all keys
   * @param options how to watch; null: the defaults
   * @return the watch, to be closed
   * @throws VastoException {@link ErrorCode#INVALID_ARGUMENT} if the token is none of a watch of
   *     this keyspace, {@link ErrorCode#TOO_OLD} if the keyspace had another number of shards then,
   *     or if it failed otherwise
   */
  public Watch watch(byte[] prefix, WatchOptions options) {
    Objects.requireNonNull(prefix, "prefix");
    WatchOptions given = options == null ? WatchOptions.DEFAULTS : options;
    return use(
        keyspace ->
            given.withNative(
                watch -> {
                  Scratch scratch = Scratch.begin(Scratch.sizeOf(prefix.length));
                  scratch.check(
                      Functions.api()
                          .vasto_watch_open(
                              keyspace,
                              scratch.bytes(prefix),
                              prefix.length,
                              watch,
                              scratch.out(0),
                              scratch.err()));
                  return new Watch(this, scratch.result(0));
                }));
  }

  /**
   * Ends this object, not the keyspace. Running operations are not affected. A second close does
   * nothing.
   */
  @Override
  public void close() {
    core().startGathered();
    handle.close();
  }

  ClientCore core() {
    return client.core();
  }

  /** A future of the library that is done, or is about to be without the network. */
  long doneFuture() {
    return use(keyspace -> Operations.multiGet(keyspace, List.of(), null));
  }

  private Start attached(LongUnaryOperator start) {
    return (queue, tag) -> Operations.attach(queue, tag, begin(start));
  }

  private <T> T run(Start start, Taker<T> taker) {
    try {
      return core().await(start, taker);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  private <T> CompletableFuture<T> submit(Start start, Taker<T> taker) {
    try {
      return core().submit(this, start, taker);
    } catch (VastoException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  /** Starts an operation, or several: what the function gives. */
  long begin(LongUnaryOperator start) {
    long keyspace = handle.acquire();
    try {
      return start.applyAsLong(keyspace);
    } finally {
      handle.release();
    }
  }

  private <T> T use(LongFunction<T> user) {
    try {
      long keyspace = handle.acquire();
      try {
        return user.apply(keyspace);
      } finally {
        handle.release();
      }
    } finally {
      Reference.reachabilityFence(this);
    }
  }
}
