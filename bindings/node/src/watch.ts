// SPDX-License-Identifier: Apache-2.0

import { bytesOrNone } from './arguments.js';
import { Cursor } from './cursor.js';
import { Status, VastoError } from './errors.js';
import type { Completions, Start } from './native/completions.js';
import type { Pointer } from './native/functions.js';
import { closeWithOwner, Handle, inPool } from './native/handle.js';
import type { Library } from './native/library.js';
import { CallMemory } from './native/memory.js';
import { kinds, liveSignal, withOptionsAsync } from './native/options.js';
import { takeStatus } from './native/results.js';
import type { WatchOptions } from './options.js';
import { RowMemory, type Change } from './rows.js';
import { takeToken } from './token.js';

const CAPACITY = 512;

/** Opens a watch on a thread of the pool; its pointer. */
export function openWatch(library: Library, keyspace: Pointer, options: WatchOptions): Promise<Pointer> {
  const prefix = Buffer.from(bytesOrNone(options.prefix, 'prefix'));
  const memory = new CallMemory();
  const open = library.fn.vasto_watch_open;
  return withOptionsAsync(library, kinds.watch, options, async (o) => {
    library.check(await inPool(open, keyspace, prefix, prefix.length, o, memory.out, memory.error), memory);
    return memory.word();
  });
}

/** Options of one wait for changes. */
export interface NextOptions {
  /** Aborting it ends the wait, which rejects with the signal's reason. The watch goes on. */
  signal?: AbortSignal | undefined;
}

/**
 * A running watch: every change that is acknowledged after it was opened, or behind its token, is given at least once;
 * those of a key come in order. It is iterated over change by change, or asked with {@link Watch.next}. Leaving the
 * loop early ends it. An error that is `retryable` (a shard cannot be reached now) does not: another loop or call goes
 * on.
 *
 * Errors: `TOO_OLD` (what comes next is not remembered: read the keyspace by a scan, and open a new watch before
 * that), `NOT_FOUND` and `RESIZING` (the keyspace is gone, or has another number of shards), `BUSY` (a wait is running
 * already), `UNAVAILABLE`, `TIMEOUT`, `CLOSED`.
 */
export class Watch implements AsyncIterable<Change> {
  readonly #library: Library;
  readonly #completions: Completions;
  readonly #handle: Handle;
  readonly #memory: RowMemory;
  readonly #signal: AbortSignal | undefined;
  readonly #cursor: Cursor<Change>;
  #blockToken: Buffer | undefined;
  #lastToken: Buffer | undefined;

  /** @internal */
  constructor(library: Library, completions: Completions, owner: object, watch: Pointer, signal?: AbortSignal) {
    this.#library = library;
    this.#completions = completions;
    this.#signal = signal;
    this.#memory = new RowMemory(library, CAPACITY);
    this.#handle = new Handle('watch', watch, library.fn.vasto_watch_destroy);
    closeWithOwner(this, this.#handle, owner);
    this.#cursor = new Cursor(
      () => this.#fetch(),
      () => {
        this.close();
      },
    );
  }

  async #fetch(): Promise<Change[] | undefined> {
    if (this.#handle.closed) {
      return undefined;
    }
    try {
      return await this.#wait(this.#signal);
    } catch (error) {
      if (this.#handle.closed && error instanceof VastoError) {
        return undefined; // closed by somebody else while this waited
      }
      if (!(error instanceof VastoError && error.retryable)) {
        this.close();
      }
      throw error;
    }
  }

  async #wait(signal: AbortSignal | undefined): Promise<Change[]> {
    const { fn, call } = this.#library;
    const { address, capacity } = this.#memory;
    for (;;) {
      await this.#untilReady(signal);
      const before = this.#token();
      const status = fn.vasto_watch_next(this.#handle.pointer, address, capacity, 0, call.out, call.error);
      if (status === Status.OK) {
        this.#blockToken = before;
        return this.#memory.changes(Number(call.word()));
      }
      const { message, details } = this.#library.errorDetails(status);
      if (status !== Status.TIMEOUT || details.origin !== undefined) {
        throw new VastoError(message, details);
      }
    }
  }

  async #untilReady(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    const ready: Start = (out, error) => this.#library.fn.vasto_watch_ready_async(this.#handle.pointer, out, error);
    await this.#completions.track(ready, takeStatus, this, signal);
  }

  #token(): Buffer {
    return takeToken(this.#library, this.#library.fn.vasto_watch_resume_token, this.#handle.pointer);
  }

  /** Waits for the next changes: one at least. What a loop has left of a block comes first. */
  async next(options?: NextOptions): Promise<Change[]> {
    const signal = liveSignal(options);
    const rest = this.#cursor.atBlockEnd ? undefined : await this.#cursor.takeBlock();
    if (rest !== undefined) {
      return rest;
    }
    const signals = [this.#signal, signal].filter((s) => s !== undefined);
    try {
      return await this.#wait(signals.length === 2 ? AbortSignal.any(signals) : signals[0]);
    } catch (error) {
      if (this.#signal?.aborted) {
        this.close();
      }
      throw error;
    }
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Change> {
    return this.#cursor.items();
  }

  /**
   * Where the watch stands, as bytes for the `resumeToken` of another watch of the keyspace, in any process: behind the
   * last change that was handed out, or a little before it, so that some come again. `BUSY` while a wait is running.
   */
  resumeToken(): Buffer {
    if (!this.#cursor.atBlockEnd && this.#blockToken !== undefined) {
      return Buffer.from(this.#blockToken);
    }
    if (!this.#handle.closed) {
      return this.#token();
    }
    if (this.#lastToken === undefined) {
      throw new VastoError('the watch is closed', { status: Status.CLOSED });
    }
    return Buffer.from(this.#lastToken);
  }

  /** Ends the watch; a wait that is running ends with `CANCELLED`, a loop without an error. */
  close(): void {
    if (this.#handle.closed) {
      return;
    }
    try {
      this.#lastToken = this.#token();
    } catch {
      this.#lastToken = this.#blockToken; // a wait is running
    }
    this.#handle.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }
}
