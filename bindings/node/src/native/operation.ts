// SPDX-License-Identifier: Apache-2.0

import { Status, VastoError } from '../errors.js';
import type { Functions, Pointer } from './functions.js';
import type { Results, Take } from './results.js';

/** An operation in flight. */
export class Operation<T = unknown> {
  /** Its future, once it has been started. */
  future: Pointer = 0n;

  readonly owner: object; // what the operation was started on lives until it is done
  readonly signal: AbortSignal | undefined;
  readonly #take: Take<T>;
  readonly #resolve: (result: T) => void;
  readonly #reject: (error: Error) => void;

  constructor(
    take: Take<T>,
    owner: object,
    signal: AbortSignal | undefined,
    resolve: (result: T) => void,
    reject: (error: Error) => void,
  ) {
    this.owner = owner;
    this.signal = signal;
    this.#take = take;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Settles the promise with the result `index`. */
  settle(results: Results, index: number): void {
    try {
      const take = this.#take;
      this.#resolve(take(results, index));
    } catch (error) {
      this.fail(error as Error);
    }
  }

  fail(error: Error): void {
    const cancelled = error instanceof VastoError && error.status === Status.CANCELLED;
    this.#reject(cancelled && this.signal?.aborted ? (this.signal.reason as Error) : error);
  }
}

/** Cancels operations when their signal aborts: with one listener for a signal, however many operations have it. */
export class Aborts {
  readonly #operations = new Map<AbortSignal, Set<Operation>>();
  readonly #onAbort: (event: Event) => void;

  /** `flush` starts the operations that have no future yet. */
  constructor(fn: Functions, flush: () => void) {
    this.#onAbort = (event) => {
      flush();
      for (const { future } of this.#operations.get(event.target as AbortSignal) ?? []) {
        fn.vasto_future_cancel(future);
      }
    };
  }

  add(signal: AbortSignal, operation: Operation): void {
    let operations = this.#operations.get(signal);
    if (operations === undefined) {
      operations = new Set();
      this.#operations.set(signal, operations);
      signal.addEventListener('abort', this.#onAbort);
    }
    operations.add(operation);
  }

  remove(signal: AbortSignal, operation: Operation): void {
    const operations = this.#operations.get(signal);
    operations?.delete(operation);
    if (operations?.size === 0) {
      this.#operations.delete(signal);
      signal.removeEventListener('abort', this.#onAbort);
    }
  }
}
