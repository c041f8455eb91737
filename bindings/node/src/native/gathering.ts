// SPDX-License-Identifier: Apache-2.0

import koffi from 'koffi';

import type { Bytes, Key } from '../arguments.js';
import { Status, VastoError } from '../errors.js';
import type { Pointer } from './functions.js';
import type { Library } from './library.js';
import { KeyMemory, numberAt, setNumber, WORD } from './memory.js';
import type { Operation } from './operation.js';

// More at once would leave the stores without work in the meantime.
const CAPACITY = 16;
const BYTES = 1 << 16;

/** A get, or a put of `value`. */
export interface Request {
  readonly keyspace: Pointer;
  readonly options: Pointer | null; // free for use when the request has been added
  readonly key: Key;
  readonly value: Bytes | undefined;
}

/** Where operations are, from when they are gathered until they are done. */
export interface Tracker {
  /** The tag for the operation, which is in flight from now on. */
  admit(operation: Operation): number;

  /** The operation could not be started. */
  refuse(tag: number, error: VastoError): void;
}

/**
 * Starts gets and puts together that are called for in one turn of the event loop: in one call, and so that the
 * library can send their requests together. They are started in the order of the calls, whatever else the client
 * starts among them.
 */
export class Gathering {
  readonly #library: Library;
  readonly #queue: Pointer;
  readonly #tracker: Tracker;
  readonly #keys = new KeyMemory(CAPACITY, BYTES);
  readonly #halves: Uint32Array; // words: the tags, the futures
  readonly #words: BigUint64Array;
  readonly #tags: Pointer;
  readonly #futures: Pointer;
  readonly #operations: Operation[] = [];
  readonly #onEnd = (): void => {
    this.#scheduled = false;
    this.flush();
  };
  #scheduled = false;
  #keyspace: Pointer = 0n;
  #puts = false;

  constructor(library: Library, queue: Pointer, tracker: Tracker) {
    const words = new ArrayBuffer(2 * CAPACITY * WORD);
    this.#library = library;
    this.#queue = queue;
    this.#tracker = tracker;
    this.#halves = new Uint32Array(words);
    this.#words = new BigUint64Array(words);
    this.#tags = koffi.address(words);
    this.#futures = this.#tags + BigInt(CAPACITY * WORD);
  }

  /** Has the operation started at the end of this turn, or now if it cannot be started with others. */
  add(request: Request, operation: Operation): void {
    const { keyspace, options, key, value } = request;
    const puts = value !== undefined;
    if (options !== null || puts !== this.#puts || keyspace !== this.#keyspace) {
      this.flush();
      this.#puts = puts;
      this.#keyspace = keyspace;
    }
    const index = this.#operations.length;
    const keyCopied = this.#keys.set(index, key);
    const copied = value === undefined ? keyCopied : this.#keys.setSlice(index, value) && keyCopied;
    setNumber(this.#halves, index, this.#tracker.admit(operation));
    this.#operations.push(operation);
    if (options !== null || !copied || index === CAPACITY - 1) {
      this.#start(options);
    } else if (!this.#scheduled) {
      this.#scheduled = true;
      process.nextTick(this.#onEnd);
    }
  }

  /** Starts what has been gathered. */
  flush(): void {
    if (this.#operations.length > 0) {
      this.#start(null);
    }
  }

  #start(options: Pointer | null): void {
    const operations = this.#operations.splice(0);
    const status = this.#call(operations.length, options);
    this.#keys.clear();
    const failure = status === Status.OK ? undefined : this.#library.errorDetails(status);
    for (const [i, operation] of operations.entries()) {
      operation.future = this.#words[CAPACITY + i] ?? 0n;
      if (failure !== undefined && operation.future === 0n) {
        this.#tracker.refuse(numberAt(this.#halves, i), new VastoError(failure.message, failure.details));
      }
    }
  }

  #call(count: number, options: Pointer | null): number {
    const { fn, call } = this.#library;
    const { address, slices } = this.#keys;
    return this.#puts
      ? fn.vasto_queue_start_puts(
          this.#queue,
          this.#keyspace,
          address,
          slices,
          this.#tags,
          count,
          options,
          this.#futures,
          call.error,
        )
      : fn.vasto_queue_start_gets(
          this.#queue,
          this.#keyspace,
          address,
          this.#tags,
          count,
          options,
          this.#futures,
          call.error,
        );
  }
}
