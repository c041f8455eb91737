// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  BatchError,
  NEVER,
  VastoError,
  partitionHash,
  versionTimeNs,
  type ReadOptions,
  type WriteOptions,
} from 'vasto';

import { bytes, failsWith, openKeyspace } from './cluster.js';

test('a value is put, read, described and deleted', async (t) => {
  const { keyspace } = await openKeyspace(t, { shards: 4 });
  const version = await keyspace.put(bytes('k'), bytes('hello'), { valueType: 77 });
  const value = await keyspace.get(bytes('k'));
  assert.ok(value);
  assert.deepEqual(value.data, bytes('hello'));
  assert.equal(value.version, version);
  assert.equal(value.type, 77);
  assert.equal(value.expiresAtNs, 0n);
  assert.equal(versionTimeNs(version), value.updatedAtNs);
  assert.ok(Math.abs(Number(value.updatedAtNs / 1_000_000n) - Date.now()) < 60_000);
  const { data, ...stat } = value;
  assert.equal(data.length, stat.size);
  assert.deepEqual(await keyspace.stat(bytes('k')), stat);
  assert.ok((await keyspace.delete(bytes('k'))) > version);
  assert.equal(await keyspace.get(bytes('k')), undefined);
  assert.equal(await keyspace.stat(bytes('k')), undefined);
});

test('empty keys and values, long keys and values, and any bytes come back whole', async (t) => {
  const { keyspace } = await openKeyspace(t, { shards: 2 });
  const everyByte = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  const keys = [Buffer.alloc(0), everyByte, Buffer.alloc(4097, 'k'), Buffer.alloc(65536, 'k')];
  for (const key of keys) {
    for (const value of [Buffer.alloc(0), everyByte, Buffer.alloc(3 << 20, 'v')]) {
      await keyspace.put(key, value);
      assert.ok((await keyspace.get(key))?.data.equals(value));
    }
  }
});

test('memory of every kind is taken as bytes', async (t) => {
  const { keyspace } = await openKeyspace(t);
  const shared = new Uint8Array(new SharedArrayBuffer(6000)).fill(7);
  const middle = new Uint8Array([0, 1, 2, 3, 4]).subarray(1, 4);
  for (const data of [new Uint8Array([1, 2, 3]), middle, shared, Buffer.from('pooled')]) {
    await keyspace.put(data, data);
    assert.deepEqual(Uint8Array.from((await keyspace.get(data))?.data ?? []), Uint8Array.from(data));
  }
});

test('what was put is what was there when put was called', async (t) => {
  const { keyspace } = await openKeyspace(t);
  const data = bytes('before');
  const put = keyspace.put(data, data);
  data.fill(0);
  await put;
  assert.deepEqual((await keyspace.get(bytes('before')))?.data, bytes('before'));
});

test('many keys are read at once', async (t) => {
  const { keyspace } = await openKeyspace(t, { shards: 4 });
  const keys = Array.from({ length: 300 }, (_, i) => bytes(`m${String(i)}-${'x'.repeat(i)}`));
  await Promise.all(keys.map(async (key, i) => i % 3 !== 0 && (await keyspace.put(key, bytes(String(i))))));
  const values = await keyspace.multiGet(keys);
  assert.deepEqual(
    values.map((value) => value?.data.toString()),
    keys.map((_, i) => (i % 3 === 0 ? undefined : String(i))),
  );
  assert.deepEqual(await keyspace.multiGet([]), []);
});

test('conditions decide whether a write happens', async (t) => {
  const { keyspace } = await openKeyspace(t);
  const key = bytes('c');
  const first = await keyspace.put(key, bytes('1'), { ifAbsent: true });
  await assert.rejects(
    keyspace.put(key, bytes('2'), { ifAbsent: true }),
    failsWith('ALREADY_EXISTS', { inDoubt: false, retryable: false, status: 15 }),
  );
  await assert.rejects(keyspace.put(key, bytes('2'), { ifVersion: 0n }), failsWith('ALREADY_EXISTS'));
  const second = await keyspace.put(key, bytes('2'), { ifVersion: first, ifAbsent: false });
  await assert.rejects(keyspace.delete(key, { ifVersion: first }), failsWith('STALE_WRITE'));
  await keyspace.delete(key, { ifVersion: second });
});

test('values expire, and touch gives them another expiry', async (t) => {
  const { keyspace } = await openKeyspace(t);
  const key = bytes('e');
  const left = async (): Promise<number> => Number((await keyspace.get(key))?.expiresAtNs) / 1e6 - Date.now();
  await keyspace.put(key, key, { ttlSeconds: 3600 });
  assert.ok(Math.abs((await left()) - 3_600_000) < 60_000);
  await keyspace.touch(key, 7200);
  assert.ok(Math.abs((await left()) - 7_200_000) < 60_000);
  await keyspace.touch(key, 0);
  assert.equal((await keyspace.stat(key))?.expiresAtNs, 0n);
  await keyspace.put(key, key, { expiresAtNs: 1_000_000_000n });
  assert.equal(await keyspace.get(key), undefined);
  await keyspace.put(key, key, { expiresAtNs: NEVER });
  assert.equal((await keyspace.stat(key))?.expiresAtNs, 0n);
  await assert.rejects(keyspace.touch(bytes('not there'), 5), failsWith('NOT_FOUND'));
});

test('the last event time wins', async (t) => {
  const { keyspace } = await openKeyspace(t);
  const key = bytes('t');
  await keyspace.put(key, bytes('new'), { updatedAtNs: 1_700_000_000_000_001_000n });
  await assert.rejects(
    keyspace.put(key, bytes('old'), { updatedAtNs: 1_700_000_000_000_000_000n }),
    failsWith('STALE_WRITE'),
  );
  assert.equal((await keyspace.get(key))?.updatedAtNs, 1_700_000_000_000_001_000n);
});

test('numbers are merged and bytes appended', async (t) => {
  const { keyspace } = await openKeyspace(t);
  await Promise.all(Array.from({ length: 50 }, () => keyspace.merge(bytes('n'), 'addInt64', bytes('2'))));
  assert.equal((await keyspace.get(bytes('n')))?.data.toString(), '100');
  await keyspace.merge(bytes('f'), 'maxFloat64', bytes('2.5'));
  await keyspace.merge(bytes('f'), 'maxFloat64', bytes('-1'));
  assert.equal((await keyspace.get(bytes('f')))?.data.toString(), '2.5');
  await keyspace.merge(bytes('a'), 'append', bytes('one'));
  await keyspace.merge(bytes('a'), 'append', bytes('two'));
  assert.equal((await keyspace.get(bytes('a')))?.data.toString(), 'onetwo');
  await assert.rejects(keyspace.merge(bytes('n'), 'addInt64', bytes('x')), failsWith('INVALID_ARGUMENT'));
});

test('a batch has a result for each entry', async (t) => {
  const { keyspace } = await openKeyspace(t, { shards: 4 });
  using batch = keyspace.createBatch();
  batch.put(bytes('a'), bytes('1')).delete(bytes('b')).merge(bytes('c'), 'addInt64', bytes('5'));
  assert.equal(batch.count, 3);
  const versions = await keyspace.write(batch);
  assert.equal(versions[0], (await keyspace.get(bytes('a')))?.version);
  assert.equal(versions.length, 3);

  batch.clear();
  batch.put(bytes('a'), bytes('2'), { ifAbsent: true }).put(bytes('d'), bytes('4'));
  const failure = await keyspace.write(batch).catch((error: unknown) => error);
  assert.ok(failure instanceof BatchError && failure instanceof VastoError);
  assert.equal(failure.code, 'ALREADY_EXISTS');
  assert.deepEqual(
    failure.results.map(({ code, status, version }) => [code, status, version !== 0n]),
    [
      ['ALREADY_EXISTS', 15, false],
      ['OK', 0, true],
    ],
  );
  assert.throws(() => batch.put(bytes('x'), Buffer.alloc((64 << 20) + 1)), failsWith('TOO_LARGE'));
  assert.equal(batch.count, 2);
  batch.clear();
  assert.deepEqual(await keyspace.write(batch), []);
});

test('a key lives where its partition hash says', async (t) => {
  const { keyspace } = await openKeyspace(t, { shards: 8 });
  assert.equal(partitionHash(bytes('abc')), 8696274497037089104n);
  const hash = partitionHash(bytes('customer 7'));
  const keys = Array.from({ length: 20 }, (_, i) => ({ key: bytes(`p${String(i)}`), partitionHash: hash }));
  assert.equal(new Set(keys.map((key) => keyspace.shardOf(key))).size, 1);
  await Promise.all(keys.map((key) => keyspace.put(key, key.key)));
  const rows = [];
  for await (const row of keyspace.scan({ prefix: bytes('p') })) {
    assert.equal(row.partitionHash, hash);
    rows.push(row);
  }
  assert.equal(rows.length, 20);
  assert.deepEqual(
    (await keyspace.multiGet(rows)).map((value) => value?.data),
    rows.map((row) => row.key),
  );
});

test('every option of reads and writes is accepted', async (t) => {
  const { keyspace } = await openKeyspace(t, { shards: 2, replicas: 3 });
  using session = keyspace.createSession();
  const signal = new AbortController().signal;
  const write: WriteOptions = { acks: 'all', timeoutMs: 20_000, session, signal, ttlSeconds: undefined };
  await keyspace.put(bytes('o'), bytes('x'), write);
  for (const replica of ['primary', 'any', 'nearest'] as const) {
    const read: ReadOptions = { replica, maxStalenessMs: 5000, hedge: true, timeoutMs: 20_000, session, signal };
    assert.equal((await keyspace.get(bytes('o'), read))?.data.toString(), 'x');
    assert.equal((await keyspace.stat(bytes('o'), read))?.size, 1);
    assert.equal((await keyspace.multiGet([bytes('o')], read))[0]?.size, 1);
  }
});

test('ten thousand operations in flight all end', async (t) => {
  const { client, keyspace } = await openKeyspace(t, { shards: 4 });
  const keys = Array.from({ length: 10_000 }, (_, i) => bytes(`q${String(i)}`));
  const puts = keys.map((key) => keyspace.put(key, key));
  assert.equal(client.inFlight, 10_000);
  await Promise.all(puts);
  const values = await Promise.all(keys.map((key) => keyspace.get(key)));
  assert.ok(values.every((value, i) => value?.data.equals(keys[i] ?? Buffer.alloc(0))));
  assert.equal(client.inFlight, 0);
});
