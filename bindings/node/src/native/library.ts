// SPDX-License-Identifier: Apache-2.0

import koffi, { type LibraryHandle } from 'koffi';

import { Status, LibraryError, VastoError, type VastoErrorDetails } from '../errors.js';
import { KOFFI_TYPES, SIGNATURES, type Functions, type NativeFunction, type Pointer } from './functions.js';
import { CallMemory, KeyMemory } from './memory.js';

/** The interface version that this package was written for: the same major, and not an older minor and patch. */
const WANTED = { major: 1, minor: 1, patch: 0 } as const;

const DEFAULT_NAME = 'libvasto.so.1';
const INLINE_KEY_BYTES = 4096;

const ADVICE = 'install libvasto 1.1 or newer (cmake --install), or set VASTO_LIBRARY to the path of libvasto.so.1';

/** The version of an interface. */
export interface LibraryVersion {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

/** libvasto, loaded, with memory for the calls that do not wait. One for each path and thread. */
export class Library {
  /** What was loaded: a path, or a name that the dynamic linker resolved. */
  readonly path: string;
  readonly fn: Functions;
  readonly version: LibraryVersion;

  /** Out arguments of calls that return at once. */
  readonly call = new CallMemory();

  /** The key of calls that take one. */
  readonly key = new KeyMemory(1, INLINE_KEY_BYTES);

  readonly #handle: LibraryHandle;

  constructor(path: string) {
    this.path = path;
    try {
      this.#handle = koffi.load(path);
    } catch (error) {
      throw new LibraryError(`cannot load ${path} (${messageOf(error)}): ${ADVICE}`, path, { cause: error });
    }
    this.version = this.#checkVersion();
    const functions = Object.keys(SIGNATURES).map((name) => [name, this.#bind(name, SIGNATURES)] as const);
    this.fn = Object.fromEntries(functions) as unknown as Functions;
  }

  #bind(name: string, table: Readonly<Record<string, readonly (keyof typeof KOFFI_TYPES)[]>>): unknown {
    const [result = 'void', ...types] = table[name] ?? [];
    try {
      return this.#handle.func(
        name,
        KOFFI_TYPES[result],
        types.map((type) => KOFFI_TYPES[type]),
      );
    } catch (error) {
      throw new LibraryError(`${this.path} is too old, it has no function ${name}: ${ADVICE}`, this.path, {
        cause: error,
      });
    }
  }

  #checkVersion(): LibraryVersion {
    const version = this.#bind('vasto_version', SIGNATURES) as NativeFunction<[Int32Array, Pointer, Pointer], void>;
    const numbers = new Int32Array(new ArrayBuffer(12));
    const address = koffi.address(numbers);
    version(numbers, address + 4n, address + 8n);
    const [major = 0, minor = 0, patch = 0] = numbers;
    const old = minor < WANTED.minor || (minor === WANTED.minor && patch < WANTED.patch);
    if (major !== WANTED.major || old) {
      const found = `${String(major)}.${String(minor)}.${String(patch)}`;
      throw new LibraryError(`${this.path} has interface version ${found}: ${ADVICE}`, this.path);
    }
    return { major, minor, patch };
  }

  /** Throws the error of a call that did not return OK. */
  check(status: number, memory: CallMemory = this.call): void {
    if (status !== Status.OK) {
      throw this.error(status, memory);
    }
  }

  /** The error that a call returned with `status`. */
  error(status: number, memory: CallMemory = this.call): VastoError {
    const { message, details } = this.errorDetails(status, memory);
    return new VastoError(message, details);
  }

  /** What the error object that a call left says; made up from `status` if it left none. */
  errorDetails(status: number, memory: CallMemory = this.call): { message: string; details: VastoErrorDetails } {
    const error = memory.takeError();
    const retryable = this.fn.vasto_status_is_retryable(status);
    if (error === 0n) {
      const message = this.fn.vasto_status_name(status) ?? 'INTERNAL';
      return { message, details: { status, retryable } };
    }
    const message = this.fn.vasto_error_message(error) ?? '';
    const origin = this.fn.vasto_error_origin(error) ?? '';
    const inDoubt = this.fn.vasto_error_is_in_doubt(error);
    this.fn.vasto_error_destroy(error);
    return { message, details: { status, origin, retryable, inDoubt } };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const libraries = new Map<string, Library>();

/** The library at `path`, else at VASTO_LIBRARY, else the one that the dynamic linker finds. */
export function libraryAt(path?: string): Library {
  const fromEnvironment = process.env.VASTO_LIBRARY ?? '';
  const wanted = path ?? (fromEnvironment === '' ? DEFAULT_NAME : fromEnvironment);
  let library = libraries.get(wanted);
  if (library === undefined) {
    library = new Library(wanted);
    libraries.set(wanted, library);
  }
  return library;
}
