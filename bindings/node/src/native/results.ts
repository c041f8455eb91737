// SPDX-License-Identifier: Apache-2.0

import koffi from 'koffi';

import { Status, type VastoError } from '../errors.js';
import type { Pointer } from './functions.js';
import type { Library } from './library.js';
import { copyOut, numberAt, WORD } from './memory.js';
import { RowArray } from './rows.js';

/** Futures that are done, taken out of a queue many at a time: each with what it brought. */
export class Results {
  static readonly CAPACITY = 512;

  readonly library: Library;

  /** Of a get or stat its value, of a write its version. */
  readonly rows = new RowArray(Results.CAPACITY);

  readonly #queue: Pointer;
  readonly #words: BigUint64Array; // the count, the tags, the futures
  readonly #halves: Uint32Array;
  readonly #codes: Int32Array;
  readonly #count: Pointer;
  readonly #tags: Pointer;
  readonly #futures: Pointer;
  readonly #codesAt: Pointer;

  constructor(library: Library, queue: Pointer) {
    const words = new ArrayBuffer((2 * Results.CAPACITY + 1) * WORD);
    const codes = new ArrayBuffer(Results.CAPACITY * 4);
    this.library = library;
    this.#queue = queue;
    this.#words = new BigUint64Array(words);
    this.#halves = new Uint32Array(words);
    this.#codes = new Int32Array(codes);
    this.#count = koffi.address(words);
    this.#tags = this.#count + BigInt(WORD);
    this.#futures = this.#tags + BigInt(Results.CAPACITY * WORD);
    this.#codesAt = koffi.address(codes);
  }

  /** Takes what is done now: how many. Each may be read until `end`, which must come before the next `take`. */
  take(): number {
    const { fn, call } = this.library;
    const status = fn.vasto_queue_next_results(
      this.#queue,
      0,
      this.#futures,
      this.#tags,
      this.#codesAt,
      this.rows.address,
      Results.CAPACITY,
      this.#count,
      call.error,
    );
    if (status !== Status.OK) {
      call.takeError();
      return 0;
    }
    return numberAt(this.#halves, 0);
  }

  /** Ends the futures that were taken. */
  end(count: number): void {
    this.library.fn.vasto_future_destroy_block(this.#futures, count);
  }

  tag(index: number): number {
    return numberAt(this.#halves, 1 + index);
  }

  future(index: number): Pointer {
    return this.#words[1 + Results.CAPACITY + index] ?? 0n;
  }

  code(index: number): number {
    return this.#codes[index] ?? 0;
  }

  /** Why the operation failed, which it did. */
  error(index: number): VastoError {
    const { fn, call } = this.library;
    return this.library.error(fn.vasto_future_status(this.future(index), call.error));
  }

  /** Throws the error of an operation that failed. */
  check(index: number): void {
    if (this.code(index) !== Status.OK) {
      throw this.error(index);
    }
  }

  /** A copy of the bytes of a value. */
  data(index: number): Buffer {
    return copyOut(this.library.fn, this.rows.value(index), this.rows.valueSize(index));
  }
}

/** What comes out of the result `index`; throws its error. */
export type Take<T> = (results: Results, index: number) => T;

/** Takes nothing but how the operation ended. */
export const takeStatus: Take<void> = (results, index) => {
  results.check(index);
};

/** Takes the version that a write got. */
export const takeVersion: Take<bigint> = (results, index) => {
  results.check(index);
  return results.rows.version(index);
};
