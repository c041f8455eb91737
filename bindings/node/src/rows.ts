// SPDX-License-Identifier: Apache-2.0

// Rows of scans and watches, read from the vasto_kv_t that the library wrote.

import koffi from 'koffi';

import type { KeyInPartition } from './arguments.js';
import type { Pointer } from './native/functions.js';
import type { Library } from './native/library.js';
import { RowArray } from './native/rows.js';

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

const HAS_PARTITION_HASH = 1;
const DELETED = 2;

/** Memory for the rows of one call, and what reads them from there. */
export class RowMemory {
  readonly capacity: number;
  readonly #library: Library;
  readonly #rows: RowArray;

  constructor(library: Library, capacity: number) {
    this.capacity = capacity;
    this.#library = library;
    this.#rows = new RowArray(capacity);
  }

  get address(): Pointer {
    return this.#rows.address;
  }

  /** Copies the bytes of `count` rows into one buffer, neighbours with one call. Values may be missing. */
  #copy(count: number): Buffer {
    const rows = this.#rows;
    let total = 0;
    for (let i = 0; i < count; i += 1) {
      total += rows.keySize(i) + this.#presentSize(i);
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
      add(rows.key(i), rows.keySize(i));
      const value = this.#presentSize(i);
      if (value > 0) {
        add(rows.value(i), value);
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
    return this.#rows.value(row) === 0 ? 0 : this.#rows.valueSize(row);
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
    const rows = this.#rows;
    const made = new Array<T>(count);
    let at = 0;
    for (let i = 0; i < count; i += 1) {
      const keyEnd = at + rows.keySize(i);
      const valueEnd = keyEnd + this.#presentSize(i);
      const flags = rows.flags(i);
      made[i] = make(
        {
          key: bytes.subarray(at, keyEnd),
          value: rows.value(i) === 0 ? undefined : bytes.subarray(keyEnd, valueEnd),
          size: rows.valueSize(i),
          partitionHash: (flags & HAS_PARTITION_HASH) === 0 ? undefined : rows.partitionHash(i),
          type: rows.type(i),
          version: rows.version(i),
          updatedAtNs: rows.updatedAtNs(i),
          expiresAtNs: rows.expiresAtNs(i),
        },
        flags,
      );
      at = valueEnd;
    }
    return made;
  }
}
