// SPDX-License-Identifier: Apache-2.0

// Rows of scans and watches, read from the vasto_kv_t that the library wrote.

import koffi from 'koffi';

import type { KeyInPartition } from './arguments.js';
import type { Pointer } from './native/functions.js';
import type { Library } from './native/library.js';

/**
 * One row of a scan. The bytes of the rows that were taken together share one block of memory: copy those of a single
 * row that is kept for long.
 */
export interface Row extends KeyInPartition {
  key: Buffer;

  /** The bytes; `undefined` in a scan of keys only. */
  value: Buffer | undefined;

  /** The number of bytes of the value, also in a scan of keys only. */
  size: number;

  /** The explicit partition hash, if the key has one: it is part of the key. */
  partitionHash: bigint | undefined;

  /** As in {@link Stat}. */
  type: number;

  /** As in {@link Stat}. */
  version: bigint;

  /** As in {@link Stat}. */
  updatedAtNs: bigint;

  /** As in {@link Stat}. */
  expiresAtNs: bigint;
}

/** One change that a watch gives. */
export interface Change extends Row {
  /** Whether the key was deleted: there is no value then. */
  deleted: boolean;
}

const ROW_SIZE = 72; // sizeof(vasto_kv_t)
const WORDS = ROW_SIZE / 8;
const HALVES = ROW_SIZE / 4;

// Where the members are, in words of 64 bits. Addresses and sizes are read as two halves, the lower one first as on
// every machine that koffi has a binary for: numbers are several times cheaper than bigints.
const VALUE = 2;
const PARTITION_HASH = 4;
const VERSION = 5;
const UPDATED_AT = 6;
const EXPIRES_AT = 7;
const TYPE = 8;

const HAS_PARTITION_HASH = 1;
const DELETED = 2;
const UPPER = 2 ** 32;

/** Memory for the rows of one call, and what reads them from there. */
export class RowMemory {
  readonly capacity: number;
  readonly address: Pointer;
  readonly #library: Library;
  readonly #words: BigUint64Array;
  readonly #halves: Uint32Array;

  constructor(library: Library, capacity: number) {
    const buffer = new ArrayBuffer(capacity * ROW_SIZE);
    this.capacity = capacity;
    this.address = koffi.address(buffer);
    this.#library = library;
    this.#words = new BigUint64Array(buffer);
    this.#halves = new Uint32Array(buffer);
  }

  #number(word: number): number {
    return (this.#halves[2 * word] ?? 0) + (this.#halves[2 * word + 1] ?? 0) * UPPER;
  }

  #word(word: number): bigint {
    return this.#words[word] ?? 0n;
  }

  /** Copies the bytes of `count` rows into one buffer, neighbours with one call. Values may be missing. */
  #copy(count: number): Buffer {
    let total = 0;
    for (let i = 0; i < count; i += 1) {
      total += this.#number(i * WORDS + 1) + this.#presentSize(i);
    }
    const bytes = Buffer.allocUnsafeSlow(total);
    const target = total === 0 ? 0 : Number(koffi.address(bytes));
    let written = 0;
    let from = 0;
    let size = 0;
    const add = (data: number, more: number): void => {
      if (data !== from + size) {
        this.#flush(target + written, from, size);
        written += size;
        from = data;
        size = 0;
      }
      size += more;
    };
    for (let i = 0; i < count; i += 1) {
      add(this.#number(i * WORDS), this.#number(i * WORDS + 1));
      const value = this.#presentSize(i);
      if (value > 0) {
        add(this.#number(i * WORDS + VALUE), value);
      }
    }
    this.#flush(target + written, from, size);
    return bytes;
  }

  #flush(to: number, from: number, size: number): void {
    if (size > 0) {
      this.#library.fn.memcpy(to, from, size);
    }
  }

  #presentSize(row: number): number {
    const value = row * WORDS + VALUE;
    return this.#number(value) === 0 ? 0 : this.#number(value + 1);
  }

  /** The first `count` rows. */
  rows(count: number): Row[] {
    return this.#read(count, (row) => row);
  }

  /** The first `count` rows as changes. */
  changes(count: number): Change[] {
    return this.#read(count, (row, flags) => ({ ...row, deleted: (flags & DELETED) !== 0 }));
  }

  #read<T>(count: number, make: (row: Row, flags: number) => T): T[] {
    const bytes = this.#copy(count);
    const rows = new Array<T>(count);
    let at = 0;
    for (let i = 0; i < count; i += 1) {
      const word = i * WORDS;
      const keyEnd = at + this.#number(word + 1);
      const valueEnd = keyEnd + this.#presentSize(i);
      const flags = this.#halves[i * HALVES + 2 * TYPE + 1] ?? 0;
      rows[i] = make(
        {
          key: bytes.subarray(at, keyEnd),
          value: this.#number(word + VALUE) === 0 ? undefined : bytes.subarray(keyEnd, valueEnd),
          size: this.#number(word + VALUE + 1),
          partitionHash: (flags & HAS_PARTITION_HASH) === 0 ? undefined : this.#word(word + PARTITION_HASH),
          type: this.#halves[i * HALVES + 2 * TYPE] ?? 0,
          version: this.#word(word + VERSION),
          updatedAtNs: this.#word(word + UPDATED_AT),
          expiresAtNs: this.#word(word + EXPIRES_AT),
        },
        flags,
      );
      at = valueEnd;
    }
    return rows;
  }
}
