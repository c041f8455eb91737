// SPDX-License-Identifier: Apache-2.0

// What is called for in one turn of the event loop is started together, and nobody can tell.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';

import { Client, type Keyspace } from 'vasto';

import { bytes, failsWith, master, openKeyspace, withoutAnswers } from './cluster.js';

const TOO_LONG = Buffer.alloc(65_537, 'k');

test('a key that is refused fails alone', async (t) => {
  const { client, keyspace } = await openKeyspace(t);
  await keyspace.put(bytes('k'), bytes('v'));
  const gets = [bytes('k'), TOO_LONG, bytes('none'), bytes('k')].map((key) => keyspace.get(key));
  const [first, refused, absent, last] = await Promise.allSettled(gets);
  for (const good of [first, last]) {
    assert.ok(good?.status === 'fulfilled');
    assert.deepEqual(good.value?.data, bytes('v'));
  }
  assert.ok(refused?.status === 'rejected');
  assert.ok(failsWith('TOO_LARGE')(refused.reason));
  assert.deepEqual(absent, { status: 'fulfilled', value: undefined });
  const puts = [keyspace.put(bytes('a'), bytes('1')), keyspace.put(TOO_LONG, bytes('2'))];
  await assert.rejects(Promise.all(puts), failsWith('TOO_LARGE'));
  assert.deepEqual((await keyspace.get(bytes('a')))?.data, bytes('1'));
  assert.equal(client.inFlight, 0);
});

test('a key that is no key rejects alone, at once', async (t) => {
  const { client, keyspace } = await openKeyspace(t);
  const before = keyspace.put(bytes('a'), bytes('1'));
  await assert.rejects(keyspace.put('b' as never, bytes('2')), TypeError);
  assert.equal(client.inFlight, 1);
  const after = keyspace.put(bytes('c'), bytes('3'));
  await Promise.all([before, after]);
  const values = await keyspace.multiGet([bytes('a'), bytes('c')]);
  assert.deepEqual(
    values.map((value) => value?.data.toString()),
    ['1', '3'],
  );
});

test('one that is cancelled before it was started ends alone', { timeout: 60_000 }, async (t) => {
  const { client, keyspace } = await openKeyspace(t, {}, { timeout_ms: 1000 });
  await withoutAnswers(keyspace, async () => {
    const abort = new AbortController();
    const [first, cancelled, last] = [undefined, abort.signal, undefined].map((signal) =>
      keyspace.get(bytes('k'), { signal }),
    );
    assert.equal(client.inFlight, 3);
    const ended = [
      assert.rejects(first as Promise<unknown>, failsWith('TIMEOUT')),
      assert.rejects(cancelled as Promise<unknown>, /not needed any more/),
      assert.rejects(last as Promise<unknown>, failsWith('TIMEOUT')),
    ];
    abort.abort(new Error('not needed any more'));
    await Promise.all(ended);
    assert.equal(client.inFlight, 0);
  });
});

test('operations of all kinds are started in the order of their calls', async (t) => {
  const { keyspace } = await openKeyspace(t);
  const key = bytes('k');
  const versions = await Promise.all(
    Array.from({ length: 300 }, (_, i) => {
      switch (i % 5) {
        case 1:
          return keyspace.delete(key);
        case 3:
          return keyspace.put(key, bytes(String(i)), { timeoutMs: 30_000 });
        default:
          return keyspace.put(key, bytes(String(i)));
      }
    }),
  );
  assert.deepEqual(
    versions,
    versions.toSorted((a, b) => (a < b ? -1 : 1)),
  );
});

test('more than is started in one call, of any size and of several keyspaces, comes back whole', async (t) => {
  const { client, keyspace } = await openKeyspace(t, { shards: 2 });
  const { name } = await openKeyspace(t);
  const other = await client.keyspace(name);
  const sizes = [0, 1, 100, 5000, 70_000, 200_000];
  const entries = Array.from({ length: 1000 }, (_, i) => {
    const data = Buffer.alloc(i < 600 ? 10 : (sizes[i % sizes.length] ?? 0), i);
    return { keyspace: i < 600 || i % 7 < 5 ? keyspace : other, key: bytes(`k${String(i)}`), data };
  });
  const copies = entries.map(({ data }) => Buffer.from(data));
  const puts = entries.map(({ keyspace: where, key, data }) => {
    const put = where.put(key, data);
    data.fill(255); // it was copied
    return put;
  });
  assert.equal(client.inFlight, entries.length);
  await Promise.all(puts);
  const values = await Promise.all(entries.map(({ keyspace: where, key }) => where.get(key)));
  assert.ok(values.every((value, i) => value?.data.equals(copies[i] ?? Buffer.alloc(0))));
  const inOther = await other.multiGet(entries.map(({ key }) => key));
  assert.ok(inOther.every((value, i) => (value !== undefined) === (entries[i]?.keyspace === other)));
});

async function reopened(name: string): Promise<{ client: Client; keyspace: Keyspace }> {
  const client = await Client.open({ masters: master });
  return { client, keyspace: await client.keyspace(name) };
}

test('what was called for before a close is started', async (t) => {
  const { keyspace, name } = await openKeyspace(t);
  await keyspace.put(bytes('k'), bytes('v'));
  const first = await reopened(name);
  const get = first.keyspace.get(bytes('k'));
  first.keyspace.close();
  await assert.rejects(first.keyspace.get(bytes('k')), failsWith('CLOSED'));
  assert.deepEqual((await get)?.data, bytes('v'));
  await first.client.close();
  const second = await reopened(name);
  const put = second.keyspace.put(bytes('k'), bytes('w'));
  await second.client.close();
  assert.ok((await put) > 0n);
  await assert.rejects(second.keyspace.get(bytes('k')), failsWith('CLOSED'));
});

test('one operation alone leaves the event loop and the processor free', { timeout: 60_000 }, async (t) => {
  const { client, keyspace } = await openKeyspace(t);
  const gets = 20;
  const timeoutMs = 50;
  await withoutAnswers(keyspace, async () => {
    const cpu = process.cpuUsage();
    let turns = 0;
    for (let i = 0; i < gets; i += 1) {
      const ended = assert.rejects(keyspace.get(bytes('k'), { timeoutMs }), failsWith('TIMEOUT'));
      const began = performance.now();
      while (performance.now() < began + 1) {
        await turn();
        turns += 1;
      }
      await ended;
    }
    assert.ok(turns > 2 * gets, `${String(turns)} turns of the event loop`);
    const { user, system } = process.cpuUsage(cpu);
    assert.ok(user + system < (gets * timeoutMs * 1000) / 5, `${String(user + system)} microseconds`);
  });
  for (let i = 0; i < 200; i += 1) {
    assert.equal(await keyspace.get(bytes('none')), undefined);
  }
  assert.equal(client.inFlight, 0);
});
