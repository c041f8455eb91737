// SPDX-License-Identifier: Apache-2.0

import koffi from 'koffi';

import { textOf } from './arguments.js';
import { VastoError, Status } from './errors.js';
import type { Pointer } from './native/functions.js';
import { closeWithOwner, Handle } from './native/handle.js';
import { libraryAt, type Library } from './native/library.js';

/** The value of a setting: text, or what is written as text. */
export type Setting = string | number | boolean;

/**
 * What a client is opened with, as names and values: `masters` (`host:port[,host:port...]`), `timeout_ms`,
 * `connect_timeout_ms`, `connections_per_store`, `io_threads`, `unix_sockets`. A name that there is not is
 * `NOT_FOUND`, a value that does not parse `INVALID_ARGUMENT`, both at once.
 */
export class Config {
  readonly #library: Library;
  readonly #handle: Handle;

  /** `library`: the path of libvasto.so.1, instead of VASTO_LIBRARY and the dynamic linker's. */
  constructor(settings: Readonly<Record<string, Setting>> = {}, library?: string) {
    this.#library = libraryAt(library);
    const { fn, call } = this.#library;
    this.#library.check(fn.vasto_config_create(call.out, call.error));
    this.#handle = new Handle('config', call.word(), fn.vasto_config_destroy);
    closeWithOwner(this, this.#handle);
    for (const [name, value] of Object.entries(settings)) {
      this.set(name, value);
    }
  }

  /** The names that can be set. */
  static names(library?: string): string[] {
    const { fn } = libraryAt(library);
    const names: string[] = [];
    for (let name = fn.vasto_config_key_at(0); name !== null; name = fn.vasto_config_key_at(names.length)) {
      names.push(name);
    }
    return names;
  }

  /** @internal */
  static libraryOf(config: Config): Library {
    return config.#library;
  }

  /** @internal */
  static use<T>(config: Config, call: (config: Pointer) => Promise<T>): Promise<T> {
    return config.#handle.use(call);
  }

  /** Sets one value. */
  set(name: string, value: Setting): this {
    const { fn, call } = this.#library;
    const plain = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
    const text = textOf(plain, `the value of ${name}`);
    this.#library.check(fn.vasto_config_set(this.#handle.pointer, textOf(name, 'name'), text, call.error));
    return this;
  }

  /** The value of a name. `NOT_FOUND`: there is no such name. */
  get(name: string): string {
    const { fn, call } = this.#library;
    const status = fn.vasto_config_get(this.#handle.pointer, textOf(name, 'name'), call.out, call.error);
    if (status === Status.NOT_FOUND) {
      const { details } = this.#library.errorDetails(status);
      throw new VastoError(`there is no setting ${name}`, details);
    }
    this.#library.check(status);
    return koffi.decode.string(call.word());
  }

  /** Sets every `name = value` line of a text file, or none. `IO_ERROR`: it cannot be read. Reads synchronously. */
  loadFile(path: string): this {
    const { fn, call } = this.#library;
    this.#library.check(fn.vasto_config_load_file(this.#handle.pointer, textOf(path, 'path'), call.error));
    return this;
  }

  /** Ends the configuration; clients opened with it are not affected. */
  close(): void {
    this.#handle.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
