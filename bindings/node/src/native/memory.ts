// SPDX-License-Identifier: Apache-2.0

// Memory that JavaScript and the library both see. It is made of whole ArrayBuffers, which V8 never moves, so
// their addresses are asked for once. Where speed matters, words are read and written as two halves, the lower one
// first as on every machine that koffi has a binary for: numbers are several times cheaper than bigints.

import koffi from 'koffi';

import type { Bytes, Key } from '../arguments.js';
import { keyBytes, keyPartition } from '../arguments.js';
import type { Functions, Pointer } from './functions.js';

export const WORD = 8;
const UPPER = 2 ** 32;

/** The word `index` as a number, which it must fit, as addresses and sizes do. */
export function numberAt(halves: Uint32Array, index: number): number {
  return (halves[2 * index] ?? 0) + (halves[2 * index + 1] ?? 0) * UPPER;
}

/** Writes the word `index`. */
export function setNumber(halves: Uint32Array, index: number, value: number): void {
  halves[2 * index] = value; // of which it takes the lower half
  halves[2 * index + 1] = value / UPPER;
}

/** Places for the out arguments of one call at a time: some words, and the pointer to the error. */
export class CallMemory {
  static readonly WORDS = 4;

  readonly words: BigUint64Array;

  /** Where the first out argument goes. */
  readonly out: Pointer;

  /** Where the error goes. */
  readonly error: Pointer;

  constructor() {
    const buffer = new ArrayBuffer((CallMemory.WORDS + 1) * WORD);
    this.words = new BigUint64Array(buffer);
    this.out = koffi.address(buffer);
    this.error = this.out + BigInt(CallMemory.WORDS * WORD);
  }

  /** Where the out argument `index` goes, from 0. */
  outAt(index: number): Pointer {
    return this.out + BigInt(index * WORD);
  }

  /** What the call wrote to out argument `index`. */
  word(index = 0): bigint {
    return this.words[index] ?? 0n;
  }

  /** The pointer to the error that the call left, or 0n; there is none afterwards. */
  takeError(): Pointer {
    const error = this.words[CallMemory.WORDS] ?? 0n;
    this.words[CallMemory.WORDS] = 0n;
    return error;
  }
}

const KEY_SIZE = 32; // sizeof(vasto_key_t): data, size, partition_hash, and flags with reserved
const KEY_WORDS = KEY_SIZE / WORD;
const SLICE_SIZE = 16; // sizeof(vasto_slice_t): data, size
const SLICE_WORDS = SLICE_SIZE / WORD;
const HAS_PARTITION_HASH = 1;

/**
 * Some vasto_key_t, and for each a vasto_slice_t, with room for copies of their bytes. Bytes for which there is no room
 * stay where they are, and may only be used as long as they do: for the call that comes next.
 */
export class KeyMemory {
  /** Where the keys are. */
  readonly address: Pointer;

  /** Where the slices are. */
  readonly slices: Pointer;

  readonly #halves: Uint32Array;
  readonly #words: BigUint64Array;
  readonly #bytes: Uint8Array;
  readonly #bytesAt: number;
  readonly #slicesFrom: number; // in words
  readonly #borrowed: Bytes[] = []; // so that the garbage collector leaves them alone
  #used = 0;

  constructor(keys: number, capacity: number) {
    const head = keys * (KEY_SIZE + SLICE_SIZE);
    const buffer = new ArrayBuffer(head + capacity);
    this.address = koffi.address(buffer);
    this.slices = this.address + BigInt(keys * KEY_SIZE);
    this.#halves = new Uint32Array(buffer, 0, head / 4);
    this.#words = new BigUint64Array(buffer, 0, head / WORD);
    this.#bytes = new Uint8Array(buffer, head);
    this.#bytesAt = Number(this.address) + head;
    this.#slicesFrom = keys * KEY_WORDS;
  }

  #setBytes(word: number, bytes: Bytes): boolean {
    const fits = bytes.length <= this.#bytes.length - this.#used;
    setNumber(this.#halves, word, fits ? this.#copyIn(bytes) : this.#borrow(bytes));
    setNumber(this.#halves, word + 1, bytes.length);
    return fits;
  }

  #copyIn(bytes: Bytes): number {
    const at = this.#used;
    this.#bytes.set(bytes, at);
    this.#used += bytes.length;
    return this.#bytesAt + at;
  }

  #borrow(bytes: Bytes): number {
    this.#borrowed.push(bytes);
    return Number(koffi.address(bytes));
  }

  /** Writes `key` as the key number `index`; whether its bytes were copied. */
  set(index: number, key: Key): boolean {
    const bytes = keyBytes(key);
    const partition = keyPartition(key);
    const word = index * KEY_WORDS;
    this.#words[word + 2] = partition ?? 0n;
    setNumber(this.#halves, word + 3, partition === undefined ? 0 : HAS_PARTITION_HASH);
    return this.#setBytes(word, bytes);
  }

  /** Writes `bytes` as the slice number `index`; whether they were copied. */
  setSlice(index: number, bytes: Bytes): boolean {
    return this.#setBytes(this.#slicesFrom + index * SLICE_WORDS, bytes);
  }

  /** Writes `key` as the only key; its address. */
  only(key: Key): Pointer {
    this.clear();
    this.set(0, key);
    return this.address;
  }

  /** Makes room: the bytes of all keys and slices are gone. */
  clear(): void {
    this.#used = 0;
    this.#borrowed.length = 0;
  }
}

/** A copy of `size` bytes of native memory. */
export function copyOut(fn: Functions, data: Pointer | number | null, size: number): Buffer {
  if (data === null || size === 0) {
    return Buffer.alloc(0);
  }
  const bytes = Buffer.allocUnsafe(size);
  fn.memcpy(bytes, data, size);
  return bytes;
}
