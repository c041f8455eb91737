// SPDX-License-Identifier: Apache-2.0

import { choiceOf, textOf } from './arguments.js';
import { Status, VastoError } from './errors.js';
import type { NativeFunction, Pointer, PointerLike } from './native/functions.js';
import { closeWithOwner, Handle, inPool, unlessAborted } from './native/handle.js';
import type { Library } from './native/library.js';
import { CallMemory } from './native/memory.js';
import { kinds, liveSignal, withOptionsAsync } from './native/options.js';
import type { KeyspaceOptions, OperationOptions } from './options.js';
import { consumeBytes } from './value.js';
import type { SignalOptions } from './client.js';

const DESCRIPTIONS = { status: 0, stores: 1, keyspaces: 2, keyspace: 3, usage: 4 } as const;
const WAIT_SLICE_MS = 250;

/** What can be described: the cluster, its stores, its keyspaces, one of these, or how full it is. */
export type Description = keyof typeof DESCRIPTIONS;

/** How full a cluster is, or what one keyspace may use and uses; some seconds old. */
export interface Usage {
  /** Bytes of disk in all. */
  capacityBytes: number;

  /** Free bytes. */
  freeBytes: number;

  /** Bytes of data, replicas counted once each. */
  usedBytes: number;

  /** The estimated number of keys, replicas not counted. */
  keys: number;
}

/** How far an operation is. */
export interface Progress {
  /** Steps that are done. */
  done: number;

  /** Steps in all; 0: not known yet. */
  total: number;

  /** Whether it is over. */
  finished: boolean;
}

/**
 * Keyspaces and the cluster. These calls wait on a thread of libuv's pool, which has four unless UV_THREADPOOL_SIZE
 * says otherwise; aborting a signal gives them up, and what was asked for may happen all the same.
 */
export class Admin {
  readonly #library: Library;
  readonly #client: object; // keeps it open
  readonly #handle: Handle;

  /** @internal */
  constructor(library: Library, client: object, handle: Handle) {
    this.#library = library;
    this.#client = client;
    this.#handle = handle;
  }

  /**
   * Starts to create a keyspace; when the operation is done every open finds it. `ALREADY_EXISTS`, `INVALID_ARGUMENT`
   * (no possible name or shape, more replicas than stores that fit), `UNAVAILABLE`.
   */
  createKeyspace(name: string, shape?: KeyspaceOptions, options?: SignalOptions): Promise<AdminOperation> {
    const { fn } = this.#library;
    return this.#begin(options, (client, memory) => {
      const text = textOf(name, 'name');
      return withOptionsAsync(this.#library, kinds.keyspace, shape, (o) =>
        inPool(fn.vasto_admin_create_keyspace, client, text, o, memory.out, memory.error),
      );
    });
  }

  /** Starts to delete a keyspace with all its data, for ever. `NOT_FOUND`. */
  deleteKeyspace(name: string, options?: SignalOptions): Promise<AdminOperation> {
    return this.#beginNamed(this.#library.fn.vasto_admin_delete_keyspace, name, options);
  }

  /** Starts to drop what is deleted or expired from the disks of a keyspace's replicas. `NOT_FOUND`. */
  compactKeyspace(name: string, options?: SignalOptions): Promise<AdminOperation> {
    return this.#beginNamed(this.#library.fn.vasto_admin_compact_keyspace, name, options);
  }

  #beginNamed(
    call: NativeFunction<[PointerLike, string | null, PointerLike, PointerLike], number>,
    name: string,
    options: SignalOptions | undefined,
  ): Promise<AdminOperation> {
    return this.#begin(options, async (client, memory) =>
      inPool(call, client, textOf(name, 'name'), memory.out, memory.error),
    );
  }

  async #begin(
    options: SignalOptions | undefined,
    call: (client: Pointer, memory: CallMemory) => Promise<number>,
  ): Promise<AdminOperation> {
    const library = this.#library;
    const memory = new CallMemory();
    const begin = async (): Promise<Pointer> => {
      library.check(await this.#handle.use((client) => call(client, memory)), memory);
      return memory.word();
    };
    const op = await unlessAborted(begin, liveSignal(options), (late) => {
      library.fn.vasto_admin_op_destroy(late);
    });
    return new AdminOperation(library, this.#client, op);
  }

  /**
   * Describes the cluster or a part of it: the object that vasto.h describes at vasto_admin_describe, with its names.
   * `name`: the keyspace, for `'keyspace'` and, if given, for `'usage'`. `NOT_FOUND`: there is no such keyspace.
   */
  async describe(what: Description, name?: string, options?: OperationOptions): Promise<Record<string, unknown>> {
    const library = this.#library;
    const number = choiceOf(what, 'what', DESCRIPTIONS);
    const text = name === undefined ? null : textOf(name, 'name');
    const memory = new CallMemory();
    const describe = (): Promise<Buffer> =>
      withOptionsAsync(library, kinds.read, options, async (o) => {
        const call = library.fn.vasto_admin_describe;
        const status = await this.#handle.use((c) => inPool(call, c, number, text, o, memory.out, memory.error));
        library.check(status, memory);
        return consumeBytes(library, memory.word());
      });
    const json = await unlessAborted(describe, liveSignal(options), () => undefined);
    return JSON.parse(json.toString()) as Record<string, unknown>;
  }

  /** How full the cluster is, or what the keyspace `name` may use and uses. `NOT_FOUND`. */
  async usage(name?: string, options?: OperationOptions): Promise<Usage> {
    const library = this.#library;
    const text = name === undefined ? null : textOf(name, 'name');
    const memory = new CallMemory();
    const [capacity, free, used, keys] = [0, 1, 2, 3].map((i) => memory.outAt(i)) as [
      Pointer,
      Pointer,
      Pointer,
      Pointer,
    ];
    const ask = (): Promise<void> =>
      withOptionsAsync(library, kinds.read, options, async (o) => {
        const call = library.fn.vasto_admin_usage;
        const status = await this.#handle.use((c) =>
          inPool(call, c, text, o, capacity, free, used, keys, memory.error),
        );
        library.check(status, memory);
      });
    await unlessAborted(ask, liveSignal(options), () => undefined);
    return {
      capacityBytes: Number(memory.word(0)),
      freeBytes: Number(memory.word(1)),
      usedBytes: Number(memory.word(2)),
      keys: Number(memory.word(3)),
    };
  }
}

/** An administrative operation, which goes on in the cluster whether or not anybody waits for it. */
export class AdminOperation {
  readonly #library: Library;
  readonly #handle: Handle;

  /** @internal */
  constructor(library: Library, client: object, operation: Pointer) {
    const { fn } = library;
    this.#library = library;
    this.#handle = new Handle('operation', operation, fn.vasto_admin_op_destroy);
    closeWithOwner(this, this.#handle, client);
  }

  /** The number of the operation as text, to show to people. */
  get id(): string {
    return this.#library.fn.vasto_admin_op_id(this.#handle.pointer) ?? '';
  }

  /** Asks how far the operation is. Rejects with its error once it has failed. */
  async progress(options?: SignalOptions): Promise<Progress> {
    const library = this.#library;
    const memory = new CallMemory();
    const ask = (): Promise<number> =>
      this.#handle.use((op) =>
        inPool(library.fn.vasto_admin_op_progress, op, memory.outAt(0), memory.outAt(1), memory.error),
      );
    const status = await unlessAborted(ask, liveSignal(options), () => undefined);
    const running = status === Status.BUSY && isPlain(library, status, memory);
    if (status !== Status.BUSY) {
      library.check(status, memory);
    }
    return { done: Number(memory.word(0)), total: Number(memory.word(1)), finished: !running };
  }

  /** Waits for the end of the operation. Rejects with its error if it fails; aborting the signal only ends the wait. */
  async wait(options?: SignalOptions): Promise<void> {
    const library = this.#library;
    const memory = new CallMemory();
    const signal = liveSignal(options);
    // In slices, so that a wait that was given up frees its thread of the pool soon.
    const slice = (): Promise<number> =>
      this.#handle.use((op) => inPool(library.fn.vasto_admin_op_wait, op, WAIT_SLICE_MS, memory.error));
    for (;;) {
      const status = await unlessAborted(slice, signal, () => undefined);
      if (status !== Status.TIMEOUT || !isPlain(library, status, memory)) {
        library.check(status, memory);
        return;
      }
    }
  }

  /** Ends the handle; the operation goes on. */
  close(): void {
    this.#handle.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Whether the code is a plain answer; throws the error if it came with one. */
function isPlain(library: Library, status: number, memory: CallMemory): boolean {
  const { message, details } = library.errorDetails(status, memory);
  if (details.origin !== undefined) {
    throw new VastoError(message, details);
  }
  return true;
}
