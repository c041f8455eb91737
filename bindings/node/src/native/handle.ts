// SPDX-License-Identifier: Apache-2.0

import { Status, VastoError } from '../errors.js';
import type { NativeFunction, Pointer } from './functions.js';

/** A native object that is destroyed once: when it is closed and no call in the pool still uses it. */
export class Handle {
  readonly #what: string;
  readonly #destroy: (pointer: Pointer) => unknown;
  #pointer: Pointer;
  #users = 0;
  #closed = false;

  /** `destroy` must not refer to the owner of the handle, nor have been made in its constructor, which may. */
  constructor(what: string, pointer: Pointer, destroy: (pointer: Pointer) => unknown) {
    this.#what = what;
    this.#pointer = pointer;
    this.#destroy = destroy;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** The object, for a call that returns at once. */
  get pointer(): Pointer {
    if (this.#closed) {
      throw new VastoError(`the ${this.#what} is closed`, { status: Status.CLOSED });
    }
    return this.#pointer;
  }

  /** Runs a call that waits on another thread: the object outlives it. */
  async use<T>(call: (pointer: Pointer) => Promise<T>): Promise<T> {
    const pointer = this.pointer;
    this.#users += 1;
    try {
      return await call(pointer);
    } finally {
      this.#users -= 1;
      this.#destroyIfUnused();
    }
  }

  /** No call begins any more. Closing again does nothing. */
  close(): void {
    this.#closed = true;
    this.#destroyIfUnused();
  }

  #destroyIfUnused(): void {
    if (this.#closed && this.#users === 0 && this.#pointer !== 0n) {
      const pointer = this.#pointer;
      this.#pointer = 0n;
      this.#destroy(pointer);
    }
  }
}

const dropped = new FinalizationRegistry<Handle>((handle) => {
  handle.close();
});

const parents = new WeakMap<object, object>();

/**
 * Has the handle closed when nobody can reach `owner` any more; the handle must not refer to it. What the owner was
 * made from, its parent, stays as long as the owner: nobody's client is closed because only its keyspace is in use.
 */
export function closeWithOwner(owner: object, handle: Handle, parent?: object): void {
  dropped.register(owner, handle);
  if (parent !== undefined) {
    parents.set(owner, parent);
  }
}

/** Runs a call that waits on a thread of libuv's pool. What its arguments point to must outlive the call. */
export function inPool<A extends unknown[], R>(call: NativeFunction<A, R>, ...args: A): Promise<R> {
  return new Promise((resolve, reject) => {
    call.async(...args, (error: Error | null, result: R) => {
      if (error) {
        reject(error);
      } else {
        resolve(result);
      }
    });
  });
}

/**
 * What `work` gives, or the reason of the signal if that aborts first. A call in the pool cannot be stopped, so what
 * comes later is handed to `discard`.
 */
export function unlessAborted<T>(
  work: () => Promise<T>,
  signal: AbortSignal | undefined,
  discard: (late: T) => unknown,
): Promise<T> {
  if (signal === undefined) {
    return work();
  }
  return new Promise<T>((resolve, reject) => {
    signal.throwIfAborted();
    let aborted = false;
    const onAbort = (): void => {
      aborted = true;
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    work()
      .then((value) => {
        if (aborted) {
          discard(value);
        } else {
          resolve(value);
        }
      }, reject)
      .finally(() => {
        signal.removeEventListener('abort', onAbort);
      });
  });
}
