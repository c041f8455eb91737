// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Change, Watch } from 'vasto';

import { alone, bytes, control, failsWith, openKeyspace } from './cluster.js';

const DEADLINE = { timeout: 120_000 };

/** Takes changes until one of `key` has `value` (undefined: a delete). Errors that pass are waited out. */
async function changesUntil(watch: Watch, key: string, value: string | undefined): Promise<Change[]> {
  const changes: Change[] = [];
  for (;;) {
    try {
      changes.push(...(await watch.next()));
    } catch (error) {
      if (!(error as { retryable?: boolean }).retryable) {
        throw error;
      }
    }
    const found = changes.some((c) => c.key.toString() === key && c.value?.toString() === value);
    if (found) {
      return changes;
    }
  }
}

const plain = (change: Change): (string | undefined)[] => [change.key.toString(), change.value?.toString()];

test('a watch gives puts, deletes and merges of its prefix', DEADLINE, async (t) => {
  const { keyspace } = await openKeyspace(t, { shards: 2 });
  await using watch = await keyspace.watch({ prefix: bytes('w/'), timeoutMs: 20_000 });
  const version = await keyspace.put(bytes('w/a'), bytes('1'), { valueType: 70 });
  await keyspace.put(bytes('other'), bytes('x'));
  await keyspace.delete(bytes('w/a'));
  const changes = await changesUntil(watch, 'w/a', undefined);
  assert.deepEqual(changes.map(plain), [
    ['w/a', '1'],
    ['w/a', undefined],
  ]);
  assert.deepEqual(
    changes.map((change) => change.deleted),
    [false, true],
  );
  assert.equal(changes[0]?.version, version);
  assert.equal(changes[0].type, 70);
  await keyspace.merge(bytes('w/n'), 'addInt64', bytes('5'));
  assert.deepEqual((await changesUntil(watch, 'w/n', '5')).map(plain), [['w/n', '5']]);
});

test('a loop over a watch takes change by change, and leaving it ends the watch', DEADLINE, async (t) => {
  const { client, keyspace } = await openKeyspace(t);
  const watch = await keyspace.watch();
  await Promise.all(Array.from({ length: 20 }, (_, i) => keyspace.put(bytes(`l${String(i)}`), bytes('x'))));
  const keys = new Set<string>();
  for await (const change of watch) {
    keys.add(change.key.toString());
    if (keys.size === 20) {
      break;
    }
  }
  assert.equal(keys.size, 20);
  await assert.rejects(watch.next(), failsWith('CLOSED'));
  assert.equal(client.inFlight, 0);
});

test('a watch goes on at its token, which is never ahead of what was handed out', DEADLINE, async (t) => {
  const { keyspace } = await openKeyspace(t);
  const watch = await keyspace.watch();
  using batch = keyspace.createBatch();
  for (let i = 10; i < 90; i += 1) {
    batch.put(bytes(`t${String(i)}`), bytes('x'));
  }
  await keyspace.write(batch);
  for await (const change of watch) {
    if (change.key.toString() === 't49') {
      break;
    }
  }
  const again = await keyspace.watch({ resumeToken: watch.resumeToken() });
  await keyspace.put(bytes('t90'), bytes('x'));
  const changes = await changesUntil(again, 't90', 'x');
  const keys = changes.map((change) => change.key.toString());
  assert.deepEqual(
    keys.slice(-41),
    Array.from({ length: 41 }, (_, i) => `t${String(50 + i)}`),
  );
  again.close();
  await assert.rejects(keyspace.watch({ resumeToken: bytes('nonsense') }), failsWith('INVALID_ARGUMENT'));
});

test('a wait is ended by a signal, and the watch goes on', DEADLINE, async (t) => {
  const { client, keyspace } = await openKeyspace(t);
  await using watch = await keyspace.watch();
  await assert.rejects(watch.next({ signal: AbortSignal.timeout(50) }), { name: 'TimeoutError' });
  assert.equal(client.inFlight, 0);
  const waiting = watch.next();
  await assert.rejects(watch.next(), failsWith('BUSY'));
  await keyspace.put(bytes('a'), bytes('1'));
  assert.deepEqual((await waiting).map(plain), [['a', '1']]);
});

test('a watch whose signal aborts is over', DEADLINE, async (t) => {
  const { client, keyspace } = await openKeyspace(t);
  const abort = new AbortController();
  const watch = await keyspace.watch({ signal: abort.signal });
  const waiting = watch.next();
  abort.abort();
  await assert.rejects(waiting, { name: 'AbortError' });
  await assert.rejects(watch.next(), { name: 'AbortError' });
  assert.deepEqual(await watch[Symbol.asyncIterator]().next(), { done: true, value: undefined });
  await assert.rejects(keyspace.watch({ signal: abort.signal }), { name: 'AbortError' });
  assert.equal(client.inFlight, 0);
});

test('a watch that is closed ends its loop without an error', DEADLINE, async (t) => {
  const { keyspace } = await openKeyspace(t);
  const watch = await keyspace.watch();
  const first = watch[Symbol.asyncIterator]().next();
  watch.close();
  watch.close();
  assert.deepEqual(await first, { done: true, value: undefined });
});

test('a watch outlives the restart of all stores', DEADLINE, async (t) => {
  await alone(async () => {
    const { keyspace } = await openKeyspace(t, { replicas: 3 });
    await using watch = await keyspace.watch();
    await keyspace.put(bytes('1'), bytes('before'));
    await changesUntil(watch, '1', 'before');
    await control('restart');
    await keyspace.put(bytes('2'), bytes('after'), { timeoutMs: 30_000 });
    await changesUntil(watch, '2', 'after');
  });
});
