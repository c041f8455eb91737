// SPDX-License-Identifier: Apache-2.0

import { isMainThread } from 'node:worker_threads';

import koffi, { type node } from 'koffi';

import type { Library } from './library.js';
import { LookingWaker, type Sleeper } from './looking.js';

/** Calls back on the event loop while a descriptor is readable. */
export interface Waker {
  /** There is something to wait for: the event loop is kept alive. */
  start(): void;

  /** There is not any more. */
  stop(): void;

  /** Never calls back again. The descriptor may be closed then. */
  close(): void;
}

/** Lets libuv poll the descriptor, together with all else that the event loop waits for. */
class LoopWaker implements Waker {
  readonly #poll: node.PollHandle;

  constructor(descriptor: number, wake: () => void) {
    this.#poll = koffi.node.poll(descriptor, { readable: true }, wake);
    this.#poll.unref();
  }

  start(): void {
    this.#poll.ref();
  }

  stop(): void {
    this.#poll.unref();
  }

  close(): void {
    this.#poll.close();
  }
}

const WAIT_MS = 100;
const POLLIN = 1;

/** Polls on a thread of libuv's pool, and only while there is something to wait for. */
class PoolWaker implements Waker {
  readonly #library: Library;
  readonly #wake: () => void;
  readonly #memory: Uint8Array; // one struct pollfd
  #wanted = false;
  #waiting = false;

  constructor(library: Library, descriptor: number, wake: () => void) {
    const buffer = new ArrayBuffer(8);
    new Int32Array(buffer)[0] = descriptor;
    new Int16Array(buffer)[2] = POLLIN;
    this.#library = library;
    this.#wake = wake;
    this.#memory = new Uint8Array(buffer);
  }

  start(): void {
    this.#wanted = true;
    if (!this.#waiting) {
      this.#waiting = true;
      this.#library.fn.poll.async(this.#memory, 1, WAIT_MS, () => {
        this.#waiting = false;
        if (this.#wanted) {
          this.#wake();
        }
        if (this.#wanted) {
          this.start();
        }
      });
    }
  }

  stop(): void {
    this.#wanted = false;
  }

  close(): void {
    this.stop();
  }
}

/**
 * What wakes this thread's event loop up. A worker may be terminated at any moment, and a poll handle of koffi that
 * becomes readable then aborts the whole process (koffi 3.3); its calls in the pool do not.
 */
export function wakerFor(library: Library, descriptor: number, sleeper: Sleeper): Waker {
  const wake = (): void => {
    sleeper.drain();
  };
  const patient = isMainThread ? new LoopWaker(descriptor, wake) : new PoolWaker(library, descriptor, wake);
  return new LookingWaker(sleeper, patient);
}
