// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Keyspace, Row, Scan } from 'vasto';

import { bytes, failsWith, openKeyspace } from './cluster.js';

async function fill(keyspace: Keyspace, count: number): Promise<string[]> {
  using batch = keyspace.createBatch();
  const keys = Array.from({ length: count }, (_, i) => `s${String(i).padStart(6, '0')}`);
  for (const [i, key] of keys.entries()) {
    batch.put(bytes(key), bytes('v'.repeat(i % 50)));
  }
  await keyspace.write(batch);
  return keys;
}

async function keysOf(rows: AsyncIterable<Row>): Promise<string[]> {
  const keys: string[] = [];
  for await (const row of rows) {
    keys.push(row.key.toString());
  }
  return keys;
}

async function some(scan: Scan, count: number): Promise<string[]> {
  const keys: string[] = [];
  for await (const row of scan) {
    keys.push(row.key.toString());
    if (keys.length === count) {
      break;
    }
  }
  return keys;
}

test('a scan gives all rows with all that belongs to them', async (t) => {
  const { keyspace } = await openKeyspace(t, { shards: 4 });
  const keys = await fill(keyspace, 3000);
  await keyspace.put(bytes('s000007'), bytes('typed'), { valueType: 99, ttlSeconds: 3600 });
  const rows: Row[] = [];
  for await (const block of keyspace.scan({ prefix: bytes('s') }).blocks()) {
    rows.push(...block);
  }
  assert.deepEqual(
    rows.map((row) => row.key.toString()),
    keys,
  );
  assert.ok(rows.every((row, i) => i === 7 || row.value?.toString() === 'v'.repeat(i % 50)));
  const value = await keyspace.get(bytes('s000007'));
  const { key, value: data, partitionHash, ...stat } = rows[7] ?? assert.fail();
  assert.equal(partitionHash, undefined);
  assert.deepEqual({ key, data, ...stat }, { key: bytes('s000007'), ...value });
});

test('ranges, limits, small pages and small blocks', async (t) => {
  const { keyspace } = await openKeyspace(t, { shards: 3 });
  const keys = await fill(keyspace, 100);
  const [start, end] = [bytes('s000010'), bytes('s000020')];
  assert.deepEqual(await keysOf(keyspace.scan({ start, end })), keys.slice(10, 20));
  assert.deepEqual(await keysOf(keyspace.scan({ start })), keys.slice(10));
  assert.deepEqual(await keysOf(keyspace.scan({ end })), keys.slice(0, 20));
  assert.deepEqual(await keysOf(keyspace.scan({ limit: 7 })), keys.slice(0, 7));
  assert.deepEqual(await keysOf(keyspace.scan({ pageBytes: 100, blockRows: 3, timeoutMs: 20_000 })), keys);
  assert.deepEqual(await keysOf(keyspace.scan({ prefix: bytes('nothing') })), []);
});

test('a scan of keys only has the sizes of the values', async (t) => {
  const { keyspace } = await openKeyspace(t);
  await fill(keyspace, 60);
  let index = 0;
  for await (const row of keyspace.scan({ keysOnly: true })) {
    assert.equal(row.value, undefined);
    assert.equal(row.size, index % 50);
    index += 1;
  }
  assert.equal(index, 60);
});

test('a scan goes on at its token', async (t) => {
  const { keyspace } = await openKeyspace(t, { shards: 4 });
  const keys = await fill(keyspace, 1500);

  const limited = keyspace.scan({ limit: 40 });
  assert.deepEqual(await keysOf(limited), keys.slice(0, 40));
  assert.deepEqual(await keysOf(keyspace.scan({ resumeToken: limited.resumeToken() })), keys.slice(40));

  const single = keyspace.scan({ blockRows: 1 });
  assert.deepEqual(await some(single, 3), keys.slice(0, 3));
  assert.deepEqual(await keysOf(keyspace.scan({ resumeToken: single.resumeToken() })), keys.slice(3));

  let seen = 0;
  const blocks = keyspace.scan({ blockRows: 100 });
  for await (const block of blocks.blocks()) {
    seen += block.length;
    const rest = await keysOf(keyspace.scan({ resumeToken: blocks.resumeToken() }));
    assert.deepEqual(rest, keys.slice(seen));
    if (seen > 700) {
      break;
    }
  }

  const inside = keyspace.scan({ blockRows: 10 });
  await some(inside, 3);
  assert.throws(() => inside.resumeToken(), /no token inside a block/);
});

test('a token of another scan is refused', async (t) => {
  const { keyspace } = await openKeyspace(t);
  await fill(keyspace, 10);
  const scan = keyspace.scan({ limit: 2 });
  await keysOf(scan);
  const resumeToken = scan.resumeToken();
  await assert.rejects(keysOf(keyspace.scan({ prefix: bytes('x'), resumeToken })), failsWith('INVALID_ARGUMENT'));
  assert.throws(() => keyspace.scan({ resumeToken: Buffer.alloc(0) }), RangeError);
});

test('a scan that was left, closed or aborted is over', async (t) => {
  const { client, keyspace } = await openKeyspace(t);
  const keys = await fill(keyspace, 100);
  const left = keyspace.scan();
  assert.deepEqual(await some(left, 2), keys.slice(0, 2));

  const closed = keyspace.scan();
  closed.close();
  closed.close();
  assert.deepEqual(await keysOf(closed), []);

  const waiting = keyspace.scan();
  const first = waiting[Symbol.asyncIterator]().next();
  waiting.close();
  assert.deepEqual(await first, { done: true, value: undefined });

  const abort = new AbortController();
  const aborted = keyspace.scan({ signal: abort.signal, blockRows: 5 });
  await assert.rejects(async () => {
    for await (const row of aborted) {
      if (row.key.toString() === keys[2]) {
        abort.abort(new Error('enough'));
      }
    }
  }, /enough/);
  assert.equal(client.inFlight, 0);
});

test('rows asked for at once come in order', async (t) => {
  const { keyspace } = await openKeyspace(t);
  const keys = await fill(keyspace, 5);
  const rows = keyspace.scan({ blockRows: 2 })[Symbol.asyncIterator]();
  const results = await Promise.all(Array.from({ length: 7 }, () => rows.next()));
  assert.deepEqual(
    results.map((result) => (result.done ? undefined : result.value.key.toString())),
    [...keys, undefined, undefined],
  );
});
