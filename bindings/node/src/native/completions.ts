// SPDX-License-Identifier: Apache-2.0

import { Status, VastoError } from '../errors.js';
import type { Pointer } from './functions.js';
import { Gathering, type Request } from './gathering.js';
import type { Library } from './library.js';
import { Aborts, Operation } from './operation.js';
import { Results, type Take } from './results.js';
import { wakerFor, type Waker } from './waker.js';

/** A call of the library that starts an operation: its future goes to `out`. */
export type Start = (out: Pointer, error: Pointer) => number;

/**
 * The operations of one client that are in flight. The library puts futures that are done into a queue; its descriptor
 * wakes the event loop up, and each wake-up takes all that is there. While nothing is in flight the process may end.
 */
export class Completions {
  readonly #library: Library;
  readonly #aborts: Aborts;
  readonly #queue: Pointer;
  readonly #waker: Waker;
  readonly #gathering: Gathering;
  readonly #results: Results;
  readonly #operations: (Operation | undefined)[] = []; // by tag
  readonly #free: number[] = []; // tags
  #inFlight = 0;
  #closed = false;

  constructor(library: Library) {
    const { fn, call } = library;
    library.check(fn.vasto_queue_create(call.out, call.error));
    this.#library = library;
    this.#queue = call.word();
    this.#results = new Results(library, this.#queue);
    this.#gathering = new Gathering(library, this.#queue, {
      admit: (operation) => this.#admit(operation),
      refuse: (tag, error) => {
        this.#land(tag)?.fail(error);
        this.#rest();
      },
    });
    this.#aborts = new Aborts(fn, () => {
      this.flush();
    });
    this.#waker = wakerFor(library, fn.vasto_queue_fd(this.#queue), {
      drain: () => {
        this.drain();
      },
      inFlight: () => this.#inFlight,
    });
  }

  /** How many operations are not done yet. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Starts a get or put, together with others; what `take` finds when it is done. `owner` lives until then. */
  request<T>(request: Request, take: Take<T>, owner: object, signal: AbortSignal | undefined): Promise<T> {
    this.#checkOpen();
    return new Promise<T>((resolve, reject) => {
      this.#gathering.add(request, new Operation(take, owner, signal, resolve, reject) as Operation);
    });
  }

  /** Starts any other operation; what `take` finds when it is done. Throws if it cannot be started. */
  track<T>(start: Start, take: Take<T>, owner: object, signal: AbortSignal | undefined): Promise<T> {
    const { call } = this.#library;
    this.#checkOpen();
    this.flush();
    this.#library.check(start(call.out, call.error));
    const future = call.word();
    return new Promise<T>((resolve, reject) => {
      this.#attach(future, new Operation(take, owner, signal, resolve, reject) as Operation);
    });
  }

  /** Starts what has been asked for and waits to be started with others. */
  flush(): void {
    this.#gathering.flush();
  }

  #checkOpen(): void {
    if (this.#closed) {
      throw new VastoError('the client is closed', { status: Status.CLOSED });
    }
  }

  #attach(future: Pointer, operation: Operation): void {
    const { fn, call } = this.#library;
    operation.future = future;
    const tag = this.#admit(operation);
    const status = fn.vasto_queue_attach(this.#queue, future, tag, call.error);
    if (status !== Status.OK) {
      fn.vasto_future_destroy(future);
      this.#land(tag)?.fail(this.#library.error(status));
      this.#rest();
    }
  }

  #admit(operation: Operation): number {
    const tag = this.#free.pop() ?? this.#operations.length;
    this.#operations[tag] = operation;
    this.#inFlight += 1;
    if (this.#inFlight === 1) {
      this.#waker.start();
    }
    if (operation.signal !== undefined) {
      this.#aborts.add(operation.signal, operation);
    }
    return tag;
  }

  /** The operation with the tag, which is in flight no longer. */
  #land(tag: number): Operation | undefined {
    const operation = this.#operations[tag];
    this.#operations[tag] = undefined;
    this.#free.push(tag);
    this.#inFlight -= 1;
    if (operation?.signal !== undefined) {
      this.#aborts.remove(operation.signal, operation);
    }
    return operation;
  }

  #rest(): void {
    if (this.#inFlight === 0 && !this.#closed) {
      this.#waker.stop();
    }
  }

  /** Settles all operations that are done. */
  drain(): void {
    const results = this.#results;
    let count = Results.CAPACITY;
    while (count === Results.CAPACITY && !this.#closed) {
      count = results.take();
      for (let i = 0; i < count; i += 1) {
        this.#land(results.tag(i))?.settle(results, i);
      }
      results.end(count);
    }
    this.#rest();
  }

  /** Ends the queue; the client must be closed, so that everything in flight is done. */
  close(): void {
    if (this.#closed) {
      return;
    }
    this.flush();
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
