// SPDX-License-Identifier: Apache-2.0

/**
 * Hands out, one by one or block by block, what comes in blocks. Iterations share the cursor: one that begins anew goes
 * on where the last one stopped, as after an error that may pass. Leaving a loop early closes the source.
 */
export class Cursor<T> {
  readonly #fetch: () => Promise<T[] | undefined>;
  readonly #close: () => void;
  #block: T[] = [];
  #next = 0;
  #fetching: Promise<boolean> | undefined;

  /** `fetch` gives a block that is not empty, or `undefined` at the end. */
  constructor(fetch: () => Promise<T[] | undefined>, close: () => void) {
    this.#fetch = fetch;
    this.#close = close;
  }

  /** Whether all of the block that came last has been handed out. */
  get atBlockEnd(): boolean {
    return this.#next === this.#block.length;
  }

  /** Fetches a block if there is nothing left; whether there is something then. Calls at once share the fetch. */
  #fill(): Promise<boolean> {
    this.#fetching ??= this.#fetch()
      .then((block) => {
        this.#block = block ?? [];
        this.#next = 0;
        return block !== undefined;
      })
      .finally(() => {
        this.#fetching = undefined;
      });
    return this.#fetching;
  }

  /** All that is left of the block, or the next block; `undefined` at the end. */
  async takeBlock(): Promise<T[] | undefined> {
    while (this.atBlockEnd) {
      if (!(await this.#fill())) {
        return undefined;
      }
    }
    const rest = this.#next === 0 ? this.#block : this.#block.slice(this.#next);
    this.#next = this.#block.length;
    return rest;
  }

  async #takeOne(): Promise<IteratorResult<T, undefined>> {
    while (this.atBlockEnd) {
      if (!(await this.#fill())) {
        return { done: true, value: undefined };
      }
    }
    return { done: false, value: this.#block[this.#next++] as T };
  }

  #iterator<R>(next: () => Promise<IteratorResult<R, undefined>>): AsyncIterableIterator<R> {
    const iterator = {
      next,
      return: (): Promise<IteratorReturnResult<undefined>> => {
        this.#close();
        return Promise.resolve({ done: true, value: undefined });
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  items(): AsyncIterableIterator<T> {
    return this.#iterator(() => {
      if (this.#next < this.#block.length) {
        return Promise.resolve({ done: false, value: this.#block[this.#next++] as T });
      }
      return this.#takeOne();
    });
  }

  blocks(): AsyncIterableIterator<T[]> {
    return this.#iterator(async () => {
      const block = await this.takeBlock();
      return block === undefined ? { done: true, value: undefined } : { done: false, value: block };
    });
  }
}
