// SPDX-License-Identifier: Apache-2.0

// When a client looks for an answer before it sleeps until there is one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';

import { LookingWaker } from '#native/looking.js';

/** A client with one operation in flight, whose answer is there when it looks, or never. */
class Alone {
  answered = false;
  looks = 0;
  sleeps = 0;
  readonly #waker = new LookingWaker(
    {
      drain: () => {
        this.looks += 1;
        if (this.answered) {
          this.#waker.stop();
        }
      },
      inFlight: () => 1,
    },
    {
      start: () => {
        this.sleeps += 1;
      },
      stop: () => undefined,
      close: () => undefined,
    },
  );

  /** Whether it looked for one operation. */
  async looked(): Promise<boolean> {
    const { looks, sleeps } = this;
    this.#waker.start();
    while (this.sleeps === sleeps && !(this.answered && this.looks > looks)) {
      await turn();
    }
    if (!this.answered || this.sleeps > sleeps) {
      this.#waker.stop();
    }
    return this.looks > looks;
  }

  /** How many operations pass until it looks for one. */
  async passedOver(): Promise<number> {
    for (let passed = 0; ; passed += 1) {
      if (await this.looked()) {
        return passed;
      }
    }
  }
}

test('it looks more seldom where that does not pay', async () => {
  const alone = new Alone();
  const passed: number[] = [];
  for (let i = 0; i < 11; i += 1) {
    passed.push(await alone.passedOver());
  }
  assert.deepEqual(passed, [0, 0, 0, 0, 0, 1, 3, 7, 15, 31, 31]);
});

test('it looks each time once that pays again', async () => {
  const alone = new Alone();
  for (let i = 0; i < 7; i += 1) {
    await alone.passedOver();
  }
  alone.answered = true;
  assert.equal(await alone.passedOver(), 7);
  assert.equal(await alone.passedOver(), 0);
  alone.answered = false;
  for (let i = 0; i < 5; i += 1) {
    assert.equal(await alone.passedOver(), 0);
  }
  assert.equal(await alone.passedOver(), 1);
});
