// SPDX-License-Identifier: Apache-2.0

// What the files under tests/vectors are made of: see their README.

/** Bytes: characters U+0000 to U+00FF, or some of them repeated. */
export type VectorBytes = string | { repeat: string; count: number };

export type VectorKey = VectorBytes | { key: VectorBytes; partition: string };

export type Fields = Record<string, unknown>;

export interface Step extends Fields {
  op: string;
  expect?: Fields;
}

export interface Vector {
  vector: string;
  steps: Step[];
  own_client?: boolean;
}

/** Why a vector failed. */
export class Mismatch extends Error {}

export function bytesOf(value: unknown): Buffer {
  if (typeof value === 'string') {
    return Buffer.from(value, 'latin1');
  }
  const { repeat, count } = value as { repeat: string; count: number };
  if (typeof repeat !== 'string' || typeof count !== 'number') {
    throw new Mismatch(`no bytes: ${JSON.stringify(value)}`);
  }
  return Buffer.from(repeat.repeat(count), 'latin1');
}

export function keyOf(value: unknown): Buffer | { key: Buffer; partitionHash: bigint } {
  if (typeof value === 'object' && value !== null && 'key' in value && 'partition' in value) {
    return { key: bytesOf(value.key), partitionHash: BigInt(value.partition as string) };
  }
  return bytesOf(value);
}

/** For messages: a value short enough to be read. */
export function shown(value: unknown): string {
  const plain = Buffer.isBuffer(value) ? value.toString('latin1') : value;
  const text = JSON.stringify(plain, (_, v: unknown) => (typeof v === 'bigint' ? v.toString() : v)) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 80)}... (${String(text.length)} characters)` : text;
}

export function want(what: string, wanted: unknown, got: unknown): void {
  const same = Buffer.isBuffer(wanted) && Buffer.isBuffer(got) ? wanted.equals(got) : wanted === got;
  if (!same) {
    throw new Mismatch(`wanted ${what} ${shown(wanted)}, got ${shown(got)}`);
  }
}
