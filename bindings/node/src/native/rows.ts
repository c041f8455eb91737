// SPDX-License-Identifier: Apache-2.0

import koffi from 'koffi';

import type { Pointer } from './functions.js';
import { numberAt, WORD } from './memory.js';

const ROW_SIZE = 72; // sizeof(vasto_kv_t)
const WORDS = ROW_SIZE / WORD;

// Where the members are, in words.
const KEY = 0;
const KEY_SIZE = 1;
const VALUE = 2;
const VALUE_SIZE = 3;
const PARTITION_HASH = 4;
const VERSION = 5;
const UPDATED_AT = 6;
const EXPIRES_AT = 7;
const TYPE = 8; // the lower half, and the upper one has the flags

/** Some vasto_kv_t, which the library writes. */
export class RowArray {
  readonly address: Pointer;
  readonly #words: BigUint64Array;
  readonly #halves: Uint32Array;

  constructor(capacity: number) {
    const buffer = new ArrayBuffer(capacity * ROW_SIZE);
    this.address = koffi.address(buffer);
    this.#words = new BigUint64Array(buffer);
    this.#halves = new Uint32Array(buffer);
  }

  #number(row: number, member: number): number {
    return numberAt(this.#halves, row * WORDS + member);
  }

  #word(row: number, member: number): bigint {
    return this.#words[row * WORDS + member] ?? 0n;
  }

  key(row: number): number {
    return this.#number(row, KEY);
  }

  keySize(row: number): number {
    return this.#number(row, KEY_SIZE);
  }

  /** Where the bytes of the value are; 0: they are not there. */
  value(row: number): number {
    return this.#number(row, VALUE);
  }

  valueSize(row: number): number {
    return this.#number(row, VALUE_SIZE);
  }

  partitionHash(row: number): bigint {
    return this.#word(row, PARTITION_HASH);
  }

  version(row: number): bigint {
    return this.#word(row, VERSION);
  }

  updatedAtNs(row: number): bigint {
    return this.#word(row, UPDATED_AT);
  }

  expiresAtNs(row: number): bigint {
    return this.#word(row, EXPIRES_AT);
  }

  type(row: number): number {
    return this.#halves[2 * (row * WORDS + TYPE)] ?? 0;
  }

  flags(row: number): number {
    return this.#halves[2 * (row * WORDS + TYPE) + 1] ?? 0;
  }
}
