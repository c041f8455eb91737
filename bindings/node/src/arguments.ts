// SPDX-License-Identifier: Apache-2.0

// Checks of what callers hand in: a wrong type or number is a TypeError or RangeError that names the argument,
// and never reaches the library.

import { isUint8Array } from 'node:util/types';

/** Some bytes. A Buffer is a Uint8Array; text has to be encoded, as by `Buffer.from(text)`. */
export type Bytes = Uint8Array;

/** A key that lives where `partitionHash` says; every access to it must give the same hash. */
export interface KeyInPartition {
  readonly key: Bytes;

  /** {@link partitionHash} of whatever is to stay together; `undefined`: the hash of the key itself. */
  readonly partitionHash?: bigint | undefined;
}

/** A key: its bytes, or its bytes with an explicit partition hash. A row of a scan can be given as it is. */
export type Key = Bytes | KeyInPartition;

const MAX_U32 = 2 ** 32 - 1;
const MAX_U64 = 2n ** 64n - 1n;

function describe(value: unknown): string {
  if (value === null || value === undefined) {
    return String(value);
  }
  if (typeof value === 'object') {
    return `a ${value.constructor?.name || 'object'}`;
  }
  return `a ${typeof value}`;
}

/** `value` if it is some bytes. */
export function bytesOf(value: unknown, what: string): Bytes {
  if (isUint8Array(value)) {
    return value;
  }
  const hint = typeof value === 'string' ? '; use Buffer.from(text)' : '';
  throw new TypeError(`${what} must be a Buffer or Uint8Array, not ${describe(value)}${hint}`);
}

/** The same for what may be left out, which stands for no bytes. */
export function bytesOrNone(value: unknown, what: string): Bytes {
  return value === undefined ? new Uint8Array() : bytesOf(value, what);
}

/** The bytes of a key. */
export function keyBytes(key: Key): Bytes {
  if (isUint8Array(key)) {
    return key;
  }
  if (typeof key === 'object' && (key as unknown) !== null && 'key' in key) {
    return bytesOf(key.key, 'key');
  }
  return bytesOf(key, 'key');
}

/** The explicit partition hash of a key, if it has one. */
export function keyPartition(key: Key): bigint | undefined {
  if (isUint8Array(key) || key.partitionHash === undefined) {
    return undefined;
  }
  return u64Of(key.partitionHash, 'partitionHash');
}

/** `value` if it is a whole number from 0 to `max`. */
export function countOf(value: unknown, what: string, max: number = Number.MAX_SAFE_INTEGER): number {
  if (typeof value !== 'number') {
    throw new TypeError(`${what} must be a number, not ${describe(value)}`);
  }
  if (!Number.isInteger(value) || value < 0 || value > max) {
    throw new RangeError(`${what} must be a whole number from 0 to ${String(max)}, not ${String(value)}`);
  }
  return value;
}

/** `value` if it fits a uint32_t. */
export function u32Of(value: unknown, what: string): number {
  return countOf(value, what, MAX_U32);
}

/** `value` if it is a bigint that fits a uint64_t. */
export function u64Of(value: unknown, what: string): bigint {
  if (typeof value !== 'bigint') {
    throw new TypeError(`${what} must be a bigint, not ${describe(value)}`);
  }
  if (value < 0n || value > MAX_U64) {
    throw new RangeError(`${what} must be from 0n to 2n ** 64n - 1n, not ${String(value)}n`);
  }
  return value;
}

/** `value` if it is a boolean. */
export function booleanOf(value: unknown, what: string): boolean {
  if (typeof value !== 'boolean') {
    throw new TypeError(`${what} must be a boolean, not ${describe(value)}`);
  }
  return value;
}

/** `value` if it is text that C can take, which ends at the first NUL. */
export function textOf(value: unknown, what: string): string {
  if (typeof value !== 'string') {
    throw new TypeError(`${what} must be a string, not ${describe(value)}`);
  }
  if (value.includes('\0')) {
    throw new TypeError(`${what} must not contain a NUL character`);
  }
  return value;
}

/** The number that `table` has for the name `value`. */
export function choiceOf<T extends string>(value: unknown, what: string, table: Readonly<Record<T, number>>): number {
  if (typeof value === 'string' && Object.hasOwn(table, value)) {
    return table[value as T];
  }
  const names = Object.keys(table).map((name) => `'${name}'`);
  throw new TypeError(`${what} must be one of ${names.join(', ')}, not ${String(value)}`);
}

/** `value` if it is an AbortSignal. */
export function signalOf(value: unknown): AbortSignal | undefined {
  if (value === undefined || value instanceof AbortSignal) {
    return value;
  }
  throw new TypeError(`signal must be an AbortSignal, not ${describe(value)}`);
}
