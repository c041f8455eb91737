// SPDX-License-Identifier: Apache-2.0

import { VastoError, type Change, type Watch } from 'vasto';

import { bytesOf, Mismatch, shown, type Fields } from './format.js';

const DEADLINE_MS = 20_000;

/** A change as text that can be compared: what it made of its key. */
const outcomeOf = (change: Change): string =>
  change.deleted ? 'deleted' : `=${change.value?.toString('latin1') ?? ''}`;
const wantedOf = (fields: Fields): string =>
  fields.deleted === true ? 'deleted' : `=${bytesOf(fields.value).toString('latin1')}`;

function byKey<T>(items: readonly T[], key: (item: T) => string, outcome: (item: T) => string): Map<string, string[]> {
  const keys = new Map<string, string[]>();
  for (const item of items) {
    keys.set(key(item), [...(keys.get(key(item)) ?? []), outcome(item)]);
  }
  return keys;
}

/** Whether the wanted changes came in their order, others between them, and the last one last. */
function came(wanted: readonly string[], got: readonly string[]): boolean {
  let next = 0;
  for (const outcome of got) {
    if (outcome === wanted[next]) {
      next += 1;
    }
  }
  return next === wanted.length && got.at(-1) === wanted.at(-1);
}

/** Takes changes until those that are expected came. */
export async function takeChanges(watch: Watch, expected: readonly Fields[]): Promise<void> {
  const wanted = byKey(expected, (fields) => bytesOf(fields.key).toString('latin1'), wantedOf);
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const changes: Change[] = [];
  for (;;) {
    const got = byKey(changes, (change) => change.key.toString('latin1'), outcomeOf);
    if ([...wanted].every(([key, outcomes]) => came(outcomes, got.get(key) ?? []))) {
      return;
    }
    try {
      changes.push(...(await watch.next({ signal })));
    } catch (error) {
      if (signal.aborted) {
        throw new Mismatch(`wanted ${shown([...wanted])}, got ${shown([...got])}`);
      }
      if (!(error instanceof VastoError && error.retryable)) {
        throw error;
      }
    }
  }
}
