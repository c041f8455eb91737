// SPDX-License-Identifier: Apache-2.0

import { Status, MultiGetError, VastoError } from './errors.js';
import type { Pointer } from './native/functions.js';
import type { Library } from './native/library.js';
import { copyOut } from './native/memory.js';
import type { Results, Take } from './native/results.js';

/** Everything about a stored value but its bytes. */
export interface Stat {
  /** The number of bytes of the value. */
  size: number;

  /** The label stored with it: 0 for plain bytes, 64 and above are the application's. */
  type: number;

  /** The version, for `ifVersion`: different for each write of a key, and larger for a later one. */
  version: bigint;

  /** The event time, in nanoseconds since 1970-01-01 UTC. */
  updatedAtNs: bigint;

  /** When the value expires, in nanoseconds since 1970-01-01 UTC; `0n`: never. */
  expiresAtNs: bigint;
}

/** A value that was read. */
export interface Value extends Stat {
  /** The bytes: a copy that belongs to the caller. */
  data: Buffer;
}

/** The bytes of `value`, which ends here. */
export function consumeBytes(library: Library, value: Pointer): Buffer {
  const { fn } = library;
  try {
    return copyOut(fn, fn.vasto_value_data(value), fn.vasto_value_size(value));
  } finally {
    fn.vasto_value_destroy(value);
  }
}

function consumeValue(library: Library, value: Pointer): Value {
  const { fn } = library;
  try {
    const size = fn.vasto_value_size(value);
    return {
      data: copyOut(fn, fn.vasto_value_data(value), size),
      size,
      type: fn.vasto_value_type(value),
      version: BigInt(fn.vasto_value_version(value)),
      updatedAtNs: BigInt(fn.vasto_value_updated_at_ns(value)),
      expiresAtNs: BigInt(fn.vasto_value_expires_at_ns(value)),
    };
  } finally {
    fn.vasto_value_destroy(value);
  }
}

/** Whether there is a value; throws why it could not be read. That a keyspace is gone is an error. */
function found(results: Results, index: number): boolean {
  const code = results.code(index);
  if (code === Status.NOT_FOUND) {
    const { fn, call } = results.library;
    const { message, details } = results.library.errorDetails(
      fn.vasto_future_status(results.future(index), call.error),
    );
    if (details.origin === undefined) {
      return false; // a plain answer has no error object
    }
    throw new VastoError(message, details);
  }
  results.check(index);
  return true;
}

/** Takes the value of a get. */
export const takeValue: Take<Value | undefined> = (results, index) => {
  if (!found(results, index)) {
    return undefined;
  }
  const { rows } = results;
  return {
    data: results.data(index),
    size: rows.valueSize(index),
    type: rows.type(index),
    version: rows.version(index),
    updatedAtNs: rows.updatedAtNs(index),
    expiresAtNs: rows.expiresAtNs(index),
  };
};

/** Takes the value of a stat. */
export const takeStat: Take<Stat | undefined> = (results, index) => {
  if (!found(results, index)) {
    return undefined;
  }
  const { rows } = results;
  return {
    size: rows.valueSize(index),
    type: rows.type(index),
    version: rows.version(index),
    updatedAtNs: rows.updatedAtNs(index),
    expiresAtNs: rows.expiresAtNs(index),
  };
};

/** Takes the values of a multiGet of `count` keys. */
export function takeValues(count: number): Take<(Value | undefined)[]> {
  return (results, index) => {
    const { library } = results;
    const { fn, call } = library;
    const values = new BigUint64Array(new ArrayBuffer(count * 8));
    const codes = new Int32Array(new ArrayBuffer(count * 4));
    const status = fn.vasto_future_take_values(results.future(index), values, codes, count, call.error);
    const failure = status === Status.OK ? undefined : library.errorDetails(status);
    const taken = Array.from(codes, (code, i): Value | undefined | VastoError => {
      const value = values[i] ?? 0n;
      if (value !== 0n) {
        return consumeValue(library, value);
      }
      return code === Status.NOT_FOUND && status !== Status.NOT_FOUND ? undefined : library.error(code);
    });
    if (failure !== undefined) {
      throw new MultiGetError(failure.message, failure.details, taken);
    }
    return taken as (Value | undefined)[];
  };
}
