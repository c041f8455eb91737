// SPDX-License-Identifier: Apache-2.0

import type { Waker } from './waker.js';

/** What a waker wakes up. */
export interface Sleeper {
  /** Takes what is there. */
  drain(): void;

  /** How many operations are waited for. */
  inFlight(): number;
}

// A store that slept answers within that, also where it takes long to wake a thread up.
const LOOK_MS = 0.2;
// So many failures in a row are chance: the processor was somebody else's for a moment.
const PATIENCE = 4;
const MOST_SKIPPED = 31;

/**
 * Looks for the result of an operation that is alone in flight, turn by turn of the event loop, before it leaves the
 * waiting to another waker: the answer is often there before a thread that sleeps would have been woken up. Where it is
 * not, time after time, the next times are skipped: twice as many after each that was in vain.
 */
export class LookingWaker implements Waker {
  readonly #sleeper: Sleeper;
  readonly #patient: Waker;
  #looking = false;
  #scheduled = false;
  #end = 0;
  #failures = 0; // in a row, up to PATIENCE
  #skip = 0;
  #skipped = 0;

  constructor(sleeper: Sleeper, patient: Waker) {
    this.#sleeper = sleeper;
    this.#patient = patient;
  }

  start(): void {
    if (this.#skipped < this.#skip) {
      this.#skipped += 1;
      this.#patient.start();
      return;
    }
    this.#looking = true;
    this.#end = performance.now() + LOOK_MS;
    this.#schedule();
  }

  stop(): void {
    if (this.#looking) {
      this.#looking = false;
      this.#failures = 0;
      this.#skip = 0;
    } else {
      this.#patient.stop();
    }
  }

  close(): void {
    this.#looking = false;
    this.#patient.close();
  }

  #schedule(): void {
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(this.#look);
    }
  }

  readonly #look = (): void => {
    this.#scheduled = false;
    if (this.#looking) {
      this.#sleeper.drain();
    }
    if (!this.#looking) {
      return;
    }
    const alone = this.#sleeper.inFlight() === 1;
    if (alone && performance.now() < this.#end) {
      this.#schedule();
      return;
    }
    if (alone && this.#failures < PATIENCE) {
      this.#failures += 1;
    } else if (alone) {
      this.#skip = Math.min(2 * this.#skip + 1, MOST_SKIPPED);
      this.#skipped = 0;
    }
    this.#looking = false;
    this.#patient.start();
  };
}
