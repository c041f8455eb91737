// SPDX-License-Identifier: Apache-2.0

import koffi from 'koffi';

import { Status, VastoError } from '../errors.js';
import type { Pointer } from './functions.js';
import type { Library } from './library.js';
import { wakerFor, type Waker } from './waker.js';

/** Takes the result out of a future that is done; throws its error. */
export type Take<T> = (library: Library, future: Pointer) => T;

/** An operation in flight. */
class Operation<T = unknown> {
  readonly future: Pointer;
  readonly owner: object; // what the operation was started on lives until it is done
  readonly signal: AbortSignal | undefined;
  readonly #take: Take<T>;
  readonly #resolve: (result: T) => void;
  readonly #reject: (error: Error) => void;

  constructor(
    future: Pointer,
    take: Take<T>,
    owner: object,
    signal: AbortSignal | undefined,
    resolve: (result: T) => void,
    reject: (error: Error) => void,
  ) {
    this.future = future;
    this.owner = owner;
    this.signal = signal;
    this.#take = take;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Settles the promise with what is in the future, which is done, and ends the future. */
  settle(library: Library): void {
    try {
      const take = this.#take;
      this.#resolve(take(library, this.future));
    } catch (error) {
      const cancelled = error instanceof VastoError && error.status === Status.CANCELLED;
      this.#reject(cancelled && this.signal?.aborted ? (this.signal.reason as Error) : (error as Error));
    } finally {
      library.fn.vasto_future_destroy(this.future);
    }
  }
}

const CAPACITY = 512;

/** Cancels futures when their signal aborts: with one listener for a signal, however many futures have it. */
class Aborts {
  readonly #library: Library;
  readonly #futures = new Map<AbortSignal, Set<Pointer>>();
  readonly #onAbort = (event: Event): void => {
    for (const future of this.#futures.get(event.target as AbortSignal) ?? []) {
      this.#library.fn.vasto_future_cancel(future);
    }
  };

  constructor(library: Library) {
    this.#library = library;
  }

  add(signal: AbortSignal, future: Pointer): void {
    let futures = this.#futures.get(signal);
    if (futures === undefined) {
      futures = new Set();
      this.#futures.set(signal, futures);
      signal.addEventListener('abort', this.#onAbort);
    }
    futures.add(future);
  }

  remove(signal: AbortSignal, future: Pointer): void {
    const futures = this.#futures.get(signal);
    futures?.delete(future);
    if (futures?.size === 0) {
      this.#futures.delete(signal);
      signal.removeEventListener('abort', this.#onAbort);
    }
  }
}

/**
 * The operations of one client that are in flight. The library puts futures that are done into a queue; its descriptor
 * wakes the event loop up, and each wake-up takes all that is there. While nothing is in flight the process may end.
 */
export class Completions {
  readonly #library: Library;
  readonly #aborts: Aborts;
  readonly #queue: Pointer;
  readonly #waker: Waker;
  readonly #operations: (Operation | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #memory = new ArrayBuffer((2 * CAPACITY + 1) * 8); // words: the count, the tags, the futures
  readonly #halves = new Uint32Array(this.#memory); // of the words, the lower one first; neither count nor tag is large
  readonly #tags: Pointer;
  readonly #count: Pointer;
  readonly #futures: Pointer;
  #inFlight = 0;
  #closed = false;

  constructor(library: Library) {
    const { fn, call } = library;
    library.check(fn.vasto_queue_create(call.out, call.error));
    this.#library = library;
    this.#aborts = new Aborts(library);
    this.#queue = call.word();
    this.#count = koffi.address(this.#memory);
    this.#tags = this.#count + 8n;
    this.#futures = this.#tags + BigInt(CAPACITY * 8);
    this.#waker = wakerFor(library, fn.vasto_queue_fd(this.#queue), () => {
      this.drain();
    });
  }

  /** How many operations are not done yet. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** What `take` finds in the future when it is done. The future is owned by this from now on. */
  track<T>(future: Pointer, take: Take<T>, owner: object, signal?: AbortSignal): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#attach(new Operation(future, take, owner, signal, resolve, reject));
    });
  }

  #attach<T>(operation: Operation<T>): void {
    const { fn, call } = this.#library;
    const { future, signal } = operation;
    if (this.#closed) {
      fn.vasto_future_destroy(future);
      throw new VastoError('the client is closed', { status: Status.CLOSED });
    }
    const tag = this.#free.pop() ?? this.#operations.length;
    const status = fn.vasto_queue_attach(this.#queue, future, tag, call.error);
    if (status !== Status.OK) {
      this.#free.push(tag);
      fn.vasto_future_destroy(future);
      throw this.#library.error(status);
    }
    this.#operations[tag] = operation as Operation;
    this.#inFlight += 1;
    if (this.#inFlight === 1) {
      this.#waker.start();
    }
    if (signal !== undefined) {
      this.#aborts.add(signal, future);
    }
  }

  /** Settles all operations that are done. */
  drain(): void {
    const { fn, call } = this.#library;
    let count = CAPACITY;
    while (count === CAPACITY && !this.#closed) {
      const { error } = call;
      const status = fn.vasto_queue_next_block(this.#queue, 0, this.#futures, this.#tags, CAPACITY, this.#count, error);
      if (status !== Status.OK) {
        call.takeError();
        break;
      }
      count = this.#halves[0] ?? 0;
      for (let i = 1; i <= count; i += 1) {
        this.#settle(this.#halves[2 * i] ?? 0);
      }
    }
    if (this.#inFlight === 0 && !this.#closed) {
      this.#waker.stop();
    }
  }

  #settle(tag: number): void {
    const operation = this.#operations[tag];
    this.#operations[tag] = undefined;
    this.#free.push(tag);
    this.#inFlight -= 1;
    if (operation?.signal !== undefined) {
      this.#aborts.remove(operation.signal, operation.future);
    }
    operation?.settle(this.#library);
  }

  /** Ends the queue; the client must be closed, so that everything in flight is done. */
  close(): void {
    if (this.#closed) {
      return;
    }
    for (const operation of this.#operations) {
      if (operation !== undefined) {
        this.#library.fn.vasto_future_cancel(operation.future);
      }
    }
    this.drain();
    this.#closed = true;
    this.#waker.close();
    this.#library.fn.vasto_queue_destroy(this.#queue);
  }
}

/** Takes nothing but how the operation ended. */
export const takeStatus: Take<void> = (library, future) => {
  library.check(library.fn.vasto_future_status(future, library.call.error));
};

/** Takes the version that a write got. */
export const takeVersion: Take<bigint> = (library, future) => {
  library.check(library.fn.vasto_future_status(future, library.call.error));
  return BigInt(library.fn.vasto_future_version(future));
};
