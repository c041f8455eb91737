// SPDX-License-Identifier: Apache-2.0

import { bytesOf, choiceOf, countOf, type Bytes, type Key } from './arguments.js';
import { Batch, MERGES, takeBatch, type MergeOperation } from './batch.js';
import type { Client } from './client.js';
import type { Completions } from './native/completions.js';
import type { Pointer } from './native/functions.js';
import { closeWithOwner, Handle, unlessAborted } from './native/handle.js';
import type { Library } from './native/library.js';
import { KeyMemory } from './native/memory.js';
import { kinds, liveSignal, withOptions } from './native/options.js';
import { takeVersion, type Take } from './native/results.js';
import type { OperationOptions, ReadOptions, ScanOptions, WatchOptions, WriteOptions } from './options.js';
import { Scan } from './scan.js';
import { Session } from './session.js';
import { takeStat, takeValue, takeValues, type Stat, type Value } from './value.js';
import { openWatch, Watch } from './watch.js';

function checkArray(keys: unknown): void {
  if (!Array.isArray(keys)) {
    throw new TypeError('keys must be an array');
  }
}

type Call = (keyspace: Pointer, options: Pointer | null, out: Pointer, error: Pointer) => number;

/**
 * A named map of the cluster, open. It stands for the keyspace that had the name when it was opened: should that be
 * deleted, and even created again, operations end with `NOT_FOUND`.
 *
 * Every operation ends within its deadline. Errors that any may end with: `TIMEOUT`, `UNAVAILABLE`, `BUSY`,
 * `RESIZING`, `CORRUPTION`, `IO_ERROR`, `PERMISSION`, `CLOSED`, `NOT_FOUND` (the keyspace is gone),
 * `INVALID_ARGUMENT`; a wrong type is a TypeError. They all reject the promise, also those that are found before
 * anything is sent.
 */
export class Keyspace {
  readonly #library: Library;
  readonly #completions: Completions;
  readonly #handle: Handle;

  /** @internal */
  constructor(client: Client, library: Library, completions: Completions, keyspace: Pointer) {
    const { fn } = library;
    this.#library = library;
    this.#completions = completions;
    this.#handle = new Handle('keyspace', keyspace, fn.vasto_keyspace_destroy);
    closeWithOwner(this, this.#handle, client);
  }

  /** The name. */
  get name(): string {
    return this.#library.fn.vasto_keyspace_name(this.#handle.pointer) ?? '';
  }

  /** The id, a uuid, which no other keyspace ever has. */
  get id(): string {
    return this.#library.fn.vasto_keyspace_id(this.#handle.pointer) ?? '';
  }

  /** The number of shards that the client knows of at this moment. */
  get shardCount(): number {
    return this.#library.fn.vasto_keyspace_shard_count(this.#handle.pointer);
  }

  /** The number of replicas of each shard that the keyspace asks for. */
  get replicaCount(): number {
    return this.#library.fn.vasto_keyspace_replica_count(this.#handle.pointer);
  }

  /** The shard, from 0, in which a key lives at this moment. */
  shardOf(key: Key): number {
    return this.#library.fn.vasto_keyspace_shard_of(this.#handle.pointer, this.#library.key.only(key));
  }

  /** Starts an operation with the options of the library for it; what goes wrong with that rejects, too. */
  #begin<T>(
    kind: 'read' | 'write',
    options: OperationOptions | undefined,
    begin: (keyspace: Pointer, options: Pointer | null, signal: AbortSignal | undefined) => Promise<T>,
  ): Promise<T> {
    try {
      const signal = liveSignal(options);
      return withOptions(this.#library, kinds[kind], options, (o) => begin(this.#handle.pointer, o, signal));
    } catch (error) {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- a signal's reason may be anything
      return Promise.reject(error);
    }
  }

  #start<T>(kind: 'read' | 'write', options: OperationOptions | undefined, call: Call, take: Take<T>): Promise<T> {
    return this.#begin(kind, options, (k, o, signal) =>
      this.#completions.track((out, error) => call(k, o, out, error), take, this, signal),
    );
  }

  /** Reads the value of a key; `undefined` when there is none. */
  get(key: Key, options?: ReadOptions): Promise<Value | undefined> {
    return this.#begin('read', options, (k, o, signal) =>
      this.#completions.request({ keyspace: k, options: o, key, value: undefined }, takeValue, this, signal),
    );
  }

  /** Reads everything about a key but the bytes of its value; `undefined` when there is none. */
  stat(key: Key, options?: ReadOptions): Promise<Stat | undefined> {
    const { fn, key: memory } = this.#library;
    return this.#start(
      'read',
      options,
      (k, o, out, e) => fn.vasto_stat_async(k, memory.only(key), o, out, e),
      takeStat,
    );
  }

  /**
   * Reads many keys, each store asked once: their values in the order of the keys, `undefined` where there is none. If
   * some could not be read, rejects with a {@link MultiGetError}, which has all results.
   */
  multiGet(keys: readonly Key[], options?: ReadOptions): Promise<(Value | undefined)[]> {
    const { fn } = this.#library;
    const start: Call = (k, o, out, e) => {
      checkArray(keys);
      const memory = new KeyMemory(keys.length, INLINE_BYTES_PER_KEY * keys.length);
      for (const [i, key] of keys.entries()) {
        memory.set(i, key);
      }
      return fn.vasto_multi_get_async(k, memory.address, keys.length, o, out, e);
    };
    return this.#start('read', options, start, (results, i) => takeValues(keys.length)(results, i));
  }

  /**
   * Stores the value of a key; the version that it got. `STALE_WRITE`: a newer value is stored, or `ifVersion` did not
   * match. `ALREADY_EXISTS`: `ifAbsent` failed. `TOO_LARGE`: key or value over its limit. `NO_SPACE`. An error that is
   * `inDoubt` does not say whether the write happened; with an `updatedAtNs` it may be repeated safely.
   */
  put(key: Key, value: Bytes, options?: WriteOptions): Promise<bigint> {
    return this.#begin('write', options, (k, o, signal) =>
      this.#completions.request(
        { keyspace: k, options: o, key, value: bytesOf(value, 'value') },
        takeVersion,
        this,
        signal,
      ),
    );
  }

  /** Deletes the value of a key, also when there is none; the version that the deletion got. `STALE_WRITE`. */
  delete(key: Key, options?: WriteOptions): Promise<bigint> {
    const { fn, key: memory } = this.#library;
    const start: Call = (k, o, out, e) => fn.vasto_delete_async(k, memory.only(key), o, out, e);
    return this.#start('write', options, start, takeVersion);
  }

  /**
   * Gives the value of a key another expiry, so many seconds from now, 0 for never; the version. `NOT_FOUND`: no such
   * key. `STALE_WRITE`.
   */
  touch(key: Key, ttlSeconds: number, options?: WriteOptions): Promise<bigint> {
    const { fn, key: memory } = this.#library;
    const start: Call = (k, o, out, e) =>
      fn.vasto_touch_async(k, memory.only(key), countOf(ttlSeconds, 'ttlSeconds'), o, out, e);
    return this.#start('write', options, start, takeVersion);
  }

  /**
   * Merges the operand into the value of a key; the version. `INVALID_ARGUMENT`: operand or value is no such number,
   * or the value is merged with another operation. A merge is never repeated by itself: without its answer it ends
   * `inDoubt`.
   */
  merge(key: Key, operation: MergeOperation, operand: Bytes, options?: WriteOptions): Promise<bigint> {
    const { fn, key: memory } = this.#library;
    const start: Call = (k, o, out, e) => {
      const bytes = bytesOf(operand, 'operand');
      const number = choiceOf(operation, 'operation', MERGES);
      return fn.vasto_merge_async(k, memory.only(key), number, bytes, bytes.length, o, out, e);
    };
    return this.#start('write', options, start, takeVersion);
  }

  /** An empty batch. */
  createBatch(): Batch {
    return new Batch(this.#library);
  }

  /**
   * Writes the entries of a batch; their versions. If some failed, rejects with a {@link BatchError}, which has the
   * result of each. The batch is copied, and free for use at once.
   */
  write(batch: Batch, options?: WriteOptions): Promise<bigint[]> {
    const { fn } = this.#library;
    const start: Call = (k, o, out, e) => {
      if (!(batch instanceof Batch)) {
        throw new TypeError('batch must be a Batch');
      }
      return fn.vasto_batch_write_async(k, Batch.pointerOf(batch), o, out, e);
    };
    return this.#start('write', options, start, takeBatch);
  }

  /** A session for operations on this keyspace, that has seen nothing, or what another had seen: see `token`. */
  createSession(token?: Bytes): Session {
    const session = new Session(this.#library, this.#handle.pointer);
    if (token !== undefined) {
      session.import(token);
    }
    return session;
  }

  /** Starts a scan: of all keys, of those with a prefix, or of a range. Throws what is wrong with the options. */
  scan(options: ScanOptions = {}): Scan {
    return new Scan(this.#library, this.#completions, this, this.#handle.pointer, options);
  }

  /**
   * Begins to watch all keys, or those with a prefix, from now on or from a token. Aborting the signal of the options
   * later ends the watch. `TOO_OLD`: the keyspace had another number of shards then. `INVALID_ARGUMENT`: no token of a
   * watch of this keyspace.
   */
  async watch(options: WatchOptions = {}): Promise<Watch> {
    const library = this.#library;
    const signal = liveSignal(options);
    const open = (): Promise<Pointer> => this.#handle.use((keyspace) => openWatch(library, keyspace, options));
    const watch = await unlessAborted(open, signal, (late) => {
      library.fn.vasto_watch_destroy(late);
    });
    return new Watch(library, this.#completions, this, watch, signal);
  }

  /** Ends the handle, not the keyspace. Running operations are not affected. */
  close(): void {
    this.#completions.flush();
    this.#handle.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

const INLINE_BYTES_PER_KEY = 64;
