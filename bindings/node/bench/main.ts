// SPDX-License-Identifier: Apache-2.0

// Measures the package, and ioredis beside it: main.js WHAT IN_FLIGHT COUNT, in the environment of
// tests/bench/bindings. The last line is {"per_second": N}, or {"grown_bytes": N} for memory.

import { readFileSync } from 'node:fs';

import { openRedis } from './redis.js';
import { openVasto } from './vasto.js';
import { environment, keyOf, run, type Store } from './workload.js';

const USAGE = 'usage: bench get|put|scan|redis_get|redis_put|memory IN_FLIGHT COUNT';
const WARM_UP = 20_000;
const REDIS_KEYS = 100_000;
const REDIS_FILLERS = 50;
const PAGE_BYTES = 4096;

function residentBytes(): number {
  const pages = readFileSync('/proc/self/statm', 'latin1').split(' ')[1];
  return Number(pages) * PAGE_BYTES;
}

function collectGarbage(): void {
  if (globalThis.gc === undefined) {
    throw new Error('memory needs node --expose-gc');
  }
  globalThis.gc();
}

const randomKey = (keys: number): Buffer => keyOf(Math.floor(Math.random() * keys));

interface Job {
  readonly store: Store;
  readonly keys: number;
  readonly inFlight: number;
  readonly count: number;
}

async function measure(job: Job, what: 'get' | 'put'): Promise<object> {
  const { store, keys, inFlight, count } = job;
  const operation = (): Promise<void> => store[what](randomKey(keys));
  await run(Math.min(WARM_UP, count), inFlight, operation);
  return perSecond(async () => {
    await run(count, inFlight, operation);
    return count;
  });
}

async function perSecond(work: () => Promise<number>): Promise<object> {
  const begin = performance.now();
  const done = await work();
  return { per_second: Math.round((done * 1000) / (performance.now() - begin)) };
}

async function growth({ store, keys, inFlight, count }: Job): Promise<object> {
  const operation = (number: number): Promise<void> => {
    const key = randomKey(keys);
    return number % 2 === 0 ? store.get(key) : store.put(key);
  };
  const first = Math.floor(count / 10);
  await run(first, inFlight, operation);
  collectGarbage();
  const before = residentBytes();
  await run(count - first, inFlight, operation);
  collectGarbage();
  return { grown_bytes: residentBytes() - before };
}

async function perform(what: string, job: Job): Promise<object> {
  switch (what) {
    case 'get':
    case 'put':
      return measure(job, what);
    case 'scan':
      return perSecond(() => job.store.scan());
    case 'redis_get': {
      const keys = Math.min(REDIS_KEYS, job.keys);
      await run(keys, REDIS_FILLERS, (number) => job.store.put(keyOf(number)));
      return measure({ ...job, keys }, 'get');
    }
    case 'redis_put':
      return measure(job, 'put');
    case 'memory':
      return growth(job);
    default:
      throw new Error(USAGE);
  }
}

async function main([what = '', ...numbers]: readonly string[]): Promise<void> {
  const [inFlight = 0, count = 0] = numbers.map(Number);
  const keys = Number(environment('VASTO_BENCH_KEYS'));
  if (numbers.length !== 2 || ![inFlight, count, keys].every((n) => Number.isInteger(n) && n > 0)) {
    throw new Error(USAGE);
  }
  const store = await (what.startsWith('redis_') ? openRedis() : openVasto());
  try {
    console.log(JSON.stringify(await perform(what, { store, keys, inFlight, count })));
  } finally {
    await store.close();
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
