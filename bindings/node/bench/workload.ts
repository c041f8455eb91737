// SPDX-License-Identifier: Apache-2.0

// What is asked of every store that is measured.

export const VALUE_SIZE = 100;

/** A store with values of VALUE_SIZE bytes. */
export interface Store {
  get(key: Buffer): Promise<void>;
  put(key: Buffer): Promise<void>;

  /** Reads all rows; how many there were. */
  scan(): Promise<number>;
  close(): Promise<void>;
}

/** The value of the environment variable. */
export function environment(name: string): string {
  const value = process.env[name];
  if (!value) {
    throw new Error(`${name} is not set: tests/bench/bindings calls this`);
  }
  return value;
}

/** The key with this number. */
export function keyOf(number: number): Buffer {
  return Buffer.from(`key:${String(number).padStart(12, '0')}`, 'latin1');
}

/** Throws unless these are the bytes of a whole value. */
export function checkValue(value: Buffer | null | undefined): void {
  if (value?.length !== VALUE_SIZE) {
    throw new Error(`a value has ${String(value?.length)} bytes`);
  }
}

/** Runs `operation` for each number below `count`, `inFlight` of them at once. */
export async function run(
  count: number,
  inFlight: number,
  operation: (number: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const one = async (): Promise<void> => {
    while (next < count) {
      await operation(next++);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, one));
}
