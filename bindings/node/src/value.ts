// SPDX-License-Identifier: Apache-2.0

import { Status, MultiGetError, VastoError } from './errors.js';
import type { Take } from './native/completions.js';
import type { Pointer } from './native/functions.js';
import type { Library } from './native/library.js';
import { copyOut } from './native/memory.js';

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

function statOf(library: Library, value: Pointer): Stat {
  const { fn } = library;
  return {
    size: fn.vasto_value_size(value),
    type: fn.vasto_value_type(value),
    version: BigInt(fn.vasto_value_version(value)),
    updatedAtNs: BigInt(fn.vasto_value_updated_at_ns(value)),
    expiresAtNs: BigInt(fn.vasto_value_expires_at_ns(value)),
  };
}

function consume<T>(library: Library, value: Pointer, read: () => T): T {
  try {
    return read();
  } finally {
    library.fn.vasto_value_destroy(value);
  }
}

/** The bytes of `value`, which ends here. */
export function consumeBytes(library: Library, value: Pointer): Buffer {
  const { fn } = library;
  return consume(library, value, () => copyOut(fn, fn.vasto_value_data(value), fn.vasto_value_size(value)));
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

/** The value in the future, or 0n for a key that is not there. That a keyspace is gone is an error. */
function takePointer(library: Library, future: Pointer): Pointer {
  const { fn, call } = library;
  const status = fn.vasto_future_take_value(future, call.out, call.error);
  if (status === Status.NOT_FOUND) {
    const { message, details } = library.errorDetails(status);
    if (details.origin === undefined) {
      return 0n; // a plain answer has no error object
    }
    throw new VastoError(message, details);
  }
  library.check(status);
  return call.word();
}

/** Takes the value of a get. */
export const takeValue: Take<Value | undefined> = (library, future) => {
  const value = takePointer(library, future);
  return value === 0n ? undefined : consumeValue(library, value);
};

/** Takes the value of a stat. */
export const takeStat: Take<Stat | undefined> = (library, future) => {
  const value = takePointer(library, future);
  return value === 0n ? undefined : consume(library, value, () => statOf(library, value));
};

/** Takes the values of a multiGet of `count` keys. */
export function takeValues(count: number): Take<(Value | undefined)[]> {
  return (library, future) => {
    const { fn, call } = library;
    const values = new BigUint64Array(new ArrayBuffer(count * 8));
    const codes = new Int32Array(new ArrayBuffer(count * 4));
    const status = fn.vasto_future_take_values(future, values, codes, count, call.error);
    const failure = status === Status.OK ? undefined : library.errorDetails(status);
    const results = Array.from(codes, (code, i): Value | undefined | VastoError => {
      const value = values[i] ?? 0n;
      if (value !== 0n) {
        return consumeValue(library, value);
      }
      return code === Status.NOT_FOUND && status !== Status.NOT_FOUND ? undefined : library.error(code);
    });
    if (failure !== undefined) {
      throw new MultiGetError(failure.message, failure.details, results);
    }
    return results as (Value | undefined)[];
  };
}
