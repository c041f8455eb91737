// SPDX-License-Identifier: Apache-2.0

// Memory that JavaScript and the library both see. It is made of whole ArrayBuffers, which V8 never moves, so
// their addresses are asked for once.

import koffi from 'koffi';

import type { Key } from '../arguments.js';
import { keyBytes, keyPartition } from '../arguments.js';
import type { Functions, Pointer } from './functions.js';

const WORD = 8;

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
const HAS_PARTITION_HASH = 1n;

/** Some vasto_key_t with room for the bytes of their keys. */
export class KeyMemory {
  readonly address: Pointer;
  readonly #words: BigUint64Array;
  readonly #bytes: Uint8Array;
  #used = 0;

  constructor(keys: number, capacity: number) {
    const buffer = new ArrayBuffer(keys * KEY_SIZE + capacity);
    this.address = koffi.address(buffer);
    this.#words = new BigUint64Array(buffer, 0, keys * KEY_WORDS);
    this.#bytes = new Uint8Array(buffer, keys * KEY_SIZE);
  }

  /**
   * Writes `key` as the key number `index`. Bytes for which there is no room stay where they are, and the key may
   * only be used as long as they do: for the call that comes next.
   */
  set(index: number, key: Key): void {
    const bytes = keyBytes(key);
    const partition = keyPartition(key);
    let data: Pointer;
    if (bytes.length <= this.#bytes.length - this.#used) {
      this.#bytes.set(bytes, this.#used);
      data = this.address + BigInt(this.#bytes.byteOffset + this.#used);
      this.#used += bytes.length;
    } else {
      data = koffi.address(bytes);
    }
    const at = index * KEY_WORDS;
    this.#words[at] = data;
    this.#words[at + 1] = BigInt(bytes.length);
    this.#words[at + 2] = partition ?? 0n;
    this.#words[at + 3] = partition === undefined ? 0n : HAS_PARTITION_HASH;
  }

  /** Writes `key` as the only key; its address. */
  only(key: Key): Pointer {
    this.#used = 0;
    this.set(0, key);
    return this.address;
  }
}

/** A copy of `size` bytes of native memory. */
export function copyOut(fn: Functions, data: Pointer | null, size: number): Buffer {
  if (data === null || size === 0) {
    return Buffer.alloc(0);
  }
  const bytes = Buffer.allocUnsafe(size);
  fn.memcpy(bytes, data, size);
  return bytes;
}
