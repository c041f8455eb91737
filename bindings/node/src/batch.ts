// SPDX-License-Identifier: Apache-2.0

import { bytesOf, choiceOf, type Bytes, type Key } from './arguments.js';
import { BatchError, Status, statusName, type BatchEntryResult } from './errors.js';
import type { Pointer } from './native/functions.js';
import { closeWithOwner, Handle } from './native/handle.js';
import type { Library } from './native/library.js';
import { kinds, withOptions } from './native/options.js';
import type { Take } from './native/results.js';
import type { EntryOptions } from './options.js';

/** The numbers of the merge operations. */
export const MERGES = {
  addInt64: 1,
  minInt64: 2,
  maxInt64: 3,
  addFloat64: 4,
  minFloat64: 5,
  maxFloat64: 6,
  append: 7,
} as const;

/**
 * What a merge does with the value and its operand. All but `'append'`, which puts the operand behind the value, work
 * on numbers as decimal text. Without a value adding begins at 0, the least and the greatest at the operand.
 */
export type MergeOperation = keyof typeof MERGES;

/**
 * Writes to be sent together, each with a result of its own: a batch is not atomic. Entries for the same key take
 * effect in the order in which they were added. A batch may be written several times, and to several keyspaces.
 */
export class Batch {
  readonly #library: Library;
  readonly #handle: Handle;

  /** @internal */
  constructor(library: Library) {
    const { fn, call } = library;
    library.check(fn.vasto_batch_create(call.out, call.error));
    this.#library = library;
    this.#handle = new Handle('batch', call.word(), fn.vasto_batch_destroy);
    closeWithOwner(this, this.#handle);
  }

  /** @internal */
  static pointerOf(batch: Batch): Pointer {
    return batch.#handle.pointer;
  }

  /** The number of entries. */
  get count(): number {
    return this.#library.fn.vasto_batch_count(this.#handle.pointer);
  }

  /**
   * Adds a put; the bytes are copied. Without options the entry takes those of the write. `TOO_LARGE`: over a limit.
   */
  put(key: Key, value: Bytes, options?: EntryOptions): this {
    const { fn, call } = this.#library;
    const bytes = bytesOf(value, 'value');
    return this.#add(key, options, (k, o) =>
      fn.vasto_batch_put(this.#handle.pointer, k, bytes, bytes.length, o, call.error),
    );
  }

  /** Adds a delete; otherwise as {@link Batch.put}. */
  delete(key: Key, options?: EntryOptions): this {
    const { fn, call } = this.#library;
    return this.#add(key, options, (k, o) => fn.vasto_batch_delete(this.#handle.pointer, k, o, call.error));
  }

  /** Adds a merge; otherwise as {@link Batch.put}. */
  merge(key: Key, operation: MergeOperation, operand: Bytes, options?: EntryOptions): this {
    const { fn, call } = this.#library;
    const bytes = bytesOf(operand, 'operand');
    const number = choiceOf(operation, 'operation', MERGES);
    return this.#add(key, options, (k, o) =>
      fn.vasto_batch_merge(this.#handle.pointer, k, number, bytes, bytes.length, o, call.error),
    );
  }

  #add(key: Key, options: EntryOptions | undefined, add: (key: Pointer, options: Pointer | null) => number): this {
    const library = this.#library;
    withOptions(library, kinds.entry, options, (o) => {
      library.check(add(library.key.only(key), o));
    });
    return this;
  }

  /** Removes all entries, for the next round. */
  clear(): void {
    this.#library.fn.vasto_batch_clear(this.#handle.pointer);
  }

  /** Frees the entries. A write of the batch that is running is not affected. */
  close(): void {
    this.#handle.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Takes the versions of the entries of a batch. */
export const takeBatch: Take<bigint[]> = (results, index) => {
  const { library } = results;
  const { fn, call } = library;
  const status = fn.vasto_future_take_batch_result(results.future(index), call.out, call.error);
  const failure = status === Status.OK ? undefined : library.errorDetails(status);
  const result = call.word();
  const entries: BatchEntryResult[] = [];
  const count = result === 0n ? 0 : fn.vasto_batch_result_count(result);
  for (let i = 0; i < count; i += 1) {
    const code = fn.vasto_batch_result_code(result, i);
    entries.push({ code: statusName(code), status: code, version: BigInt(fn.vasto_batch_result_version(result, i)) });
  }
  fn.vasto_batch_result_destroy(result);
  if (failure !== undefined) {
    throw new BatchError(failure.message, failure.details, entries);
  }
  return entries.map((entry) => entry.version);
};
