// SPDX-License-Identifier: Apache-2.0

import { Admin } from './admin.js';
import { countOf, textOf } from './arguments.js';
import { Config, type Setting } from './config.js';
import { Keyspace } from './keyspace.js';
import { Completions } from './native/completions.js';
import type { Pointer } from './native/functions.js';
import { closeWithOwner, Handle, inPool, unlessAborted } from './native/handle.js';
import type { Library } from './native/library.js';
import { CallMemory } from './native/memory.js';
import { liveSignal } from './native/options.js';

const CLOSE_TIMEOUT_MS = 1000;

/** Options of calls that may only be given up. */
export interface SignalOptions {
  /** Aborting it rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** How a client is opened. */
export interface OpenOptions extends SignalOptions {
  /**
   * The path of libvasto.so.1, instead of VASTO_LIBRARY and the dynamic linker's. Not together with a {@link Config}.
   */
  library?: string | undefined;
}

/** How a client is closed. */
export interface CloseOptions {
  /** How long running operations may take to finish, in milliseconds; the rest ends with `CLOSED`. Default 1000. */
  timeoutMs?: number | undefined;
}

function destroyer(library: Library, completions: Completions): (client: Pointer) => void {
  return (client) => {
    library.fn.vasto_client_destroy(client);
    completions.close();
  };
}

/**
 * A connection to a cluster, for one thread: a worker opens its own. While operations are in flight it keeps the
 * process alive; otherwise it does not.
 */
export class Client {
  readonly #library: Library;
  readonly #completions: Completions;
  readonly #handle: Handle;
  #closing: Promise<void> | undefined;

  /** Keyspaces and the cluster; needs a master. */
  readonly admin: Admin;

  private constructor(library: Library, client: Pointer, completions: Completions) {
    this.#library = library;
    this.#completions = completions;
    this.#handle = new Handle('client', client, destroyer(library, completions));
    closeWithOwner(this, this.#handle);
    this.admin = new Admin(library, this, this.#handle);
  }

  /**
   * Connects to the cluster whose `masters` are in the configuration and learns its map. `INVALID_ARGUMENT`: no
   * masters, or a value that does not parse. `UNAVAILABLE`: no master answered. `NOT_FOUND`: no such setting.
   */
  static async open(config: Config | Readonly<Record<string, Setting>>, options: OpenOptions = {}): Promise<Client> {
    const signal = liveSignal(options);
    const path = options.library === undefined ? undefined : textOf(options.library, 'library');
    if (typeof config !== 'object' || (config as unknown) === null) {
      throw new TypeError('config must be a Config or an object with settings');
    }
    const made = config instanceof Config ? config : new Config(config, path);
    const library = Config.libraryOf(made);
    const memory = new CallMemory();
    const open = async (): Promise<Pointer> => {
      const call = library.fn.vasto_client_open;
      const status = await Config.use(made, (pointer) => inPool(call, pointer, memory.out, memory.error));
      library.check(status, memory);
      return memory.word();
    };
    const client = await unlessAborted(open, signal, (late) => {
      library.fn.vasto_client_destroy(late);
    });
    try {
      return new Client(library, client, new Completions(library));
    } catch (error) {
      library.fn.vasto_client_destroy(client);
      throw error;
    }
  }

  /** How many operations have been started and are not done yet. */
  get inFlight(): number {
    return this.#completions.inFlight;
  }

  /** Opens the keyspace `name`. `NOT_FOUND`: there is none. `INVALID_ARGUMENT`: no possible name. */
  async keyspace(name: string, options: SignalOptions = {}): Promise<Keyspace> {
    const library = this.#library;
    const text = textOf(name, 'name');
    const signal = liveSignal(options);
    const memory = new CallMemory();
    const open = (): Promise<Pointer> =>
      this.#handle.use(async (client) => {
        const status = await inPool(library.fn.vasto_keyspace_open, client, text, memory.out, memory.error);
        library.check(status, memory);
        return memory.word();
      });
    const keyspace = await unlessAborted(open, signal, (late) => {
      library.fn.vasto_keyspace_destroy(late);
    });
    return new Keyspace(this, library, this.#completions, keyspace);
  }

  /**
   * Refuses new operations, lets running ones finish for a while, and ends the rest with `CLOSED`. Values in hand stay
   * valid. Closing again does nothing.
   */
  close(options: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(countOf(options.timeoutMs ?? CLOSE_TIMEOUT_MS, 'timeoutMs'));
    return this.#closing;
  }

  async #close(timeoutMs: number): Promise<void> {
    const memory = new CallMemory();
    const library = this.#library;
    const call = library.fn.vasto_client_close;
    this.#completions.flush();
    await this.#handle.use(async (client) => {
      library.check(await inPool(call, client, timeoutMs, memory.error), memory);
      this.#completions.drain();
    });
    this.#handle.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
