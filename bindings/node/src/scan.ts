// SPDX-License-Identifier: Apache-2.0

import { bytesOrNone, countOf } from './arguments.js';
import { Cursor } from './cursor.js';
import { Status, VastoError } from './errors.js';
import type { Completions, Start } from './native/completions.js';
import type { Pointer } from './native/functions.js';
import { closeWithOwner, Handle } from './native/handle.js';
import type { Library } from './native/library.js';
import { kinds, liveSignal, withOptions } from './native/options.js';
import { takeStatus } from './native/results.js';
import type { ScanOptions } from './options.js';
import { RowMemory, type Row } from './rows.js';
import { takeToken } from './token.js';

const BLOCK_ROWS = 512;
const MAX_BLOCK_ROWS = 4096;

/**
 * A running scan: rows in the order of their keys, compared as unsigned bytes. It is iterated over once, by rows or by
 * {@link Scan.blocks}; leaving the loop early ends it. After an error that is `retryable` the scan is still there, and
 * another loop over it goes on without losing a row; any other error ends it.
 *
 * Errors: `NOT_FOUND` (the keyspace is gone), `INVALID_ARGUMENT` (the token is of another scan), `BUSY`, `CLOSED`, and
 * those of the network.
 */
export class Scan implements AsyncIterable<Row> {
  readonly #library: Library;
  readonly #completions: Completions;
  readonly #handle: Handle;
  readonly #memory: RowMemory;
  readonly #signal: AbortSignal | undefined;
  readonly #cursor: Cursor<Row>;
  #lastToken: Buffer | undefined;

  /** @internal */
  constructor(library: Library, completions: Completions, owner: object, keyspace: Pointer, options: ScanOptions) {
    const capacity = countOf(options.blockRows ?? BLOCK_ROWS, 'blockRows', MAX_BLOCK_ROWS);
    if (capacity === 0) {
      throw new RangeError('blockRows must be at least 1');
    }
    this.#library = library;
    this.#completions = completions;
    this.#signal = liveSignal(options);
    this.#memory = new RowMemory(library, capacity);
    const iter = withOptions(library, kinds.scan, options, (o) => startScan(library, keyspace, options, o));
    this.#handle = new Handle('scan', iter, library.fn.vasto_iter_destroy);
    closeWithOwner(this, this.#handle, owner);
    this.#cursor = new Cursor(
      () => this.#fetch(),
      () => {
        this.close();
      },
    );
  }

  async #fetch(): Promise<Row[] | undefined> {
    if (this.#handle.closed) {
      return undefined;
    }
    try {
      return await this.#fetchBlock();
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

  async #fetchBlock(): Promise<Row[] | undefined> {
    const { fn, call } = this.#library;
    this.#signal?.throwIfAborted();
    const ready: Start = (out, error) => fn.vasto_iter_ready_async(this.#handle.pointer, out, error);
    await this.#completions.track(ready, takeStatus, this, this.#signal);
    const { address, capacity } = this.#memory;
    const status = fn.vasto_iter_next_block(this.#handle.pointer, address, capacity, call.out, call.error);
    if (status === Status.END) {
      this.close();
      return undefined;
    }
    this.#library.check(status);
    return this.#memory.rows(Number(call.word()));
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Row> {
    return this.#cursor.items();
  }

  /** The rows in the blocks in which they come from the library, which is faster than one by one. */
  blocks(): AsyncIterableIterator<Row[]> {
    return this.#cursor.blocks();
  }

  /**
   * Where the scan stands, as bytes for the `resumeToken` of a scan of the same prefix or range, in any process: behind
   * the last row of the last block. Throws when rows of that block were not handed out yet: iterate over
   * {@link Scan.blocks}, end with `limit`, or set `blockRows: 1` to have a token behind every row.
   */
  resumeToken(): Buffer {
    if (!this.#cursor.atBlockEnd) {
      throw new Error('there is no token inside a block of rows: use blocks(), limit or blockRows');
    }
    if (!this.#handle.closed) {
      return takeToken(this.#library, this.#library.fn.vasto_iter_resume_token, this.#handle.pointer);
    }
    if (this.#lastToken === undefined) {
      throw new VastoError('the scan is closed', { status: Status.CLOSED });
    }
    return Buffer.from(this.#lastToken);
  }

  /** Ends the scan, wherever it stands; {@link Scan.resumeToken} still says where. */
  close(): void {
    if (this.#handle.closed) {
      return;
    }
    try {
      this.#lastToken = takeToken(this.#library, this.#library.fn.vasto_iter_resume_token, this.#handle.pointer);
    } catch {
      this.#lastToken = undefined; // it is waiting for rows, so there is no token
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

function startScan(library: Library, keyspace: Pointer, given: ScanOptions, options: Pointer | null): Pointer {
  const { fn, call } = library;
  if (given.start === undefined && given.end === undefined) {
    const prefix = bytesOrNone(given.prefix, 'prefix');
    library.check(fn.vasto_scan_prefix(keyspace, prefix, prefix.length, options, call.out, call.error));
  } else {
    if (given.prefix !== undefined) {
      throw new TypeError('prefix excludes start and end');
    }
    const start = bytesOrNone(given.start, 'start');
    const end = bytesOrNone(given.end, 'end');
    library.check(fn.vasto_scan_range(keyspace, start, start.length, end, end.length, options, call.out, call.error));
  }
  return call.word();
}
