// SPDX-License-Identifier: Apache-2.0

// What callers do wrong ends with an error that says so.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import {
  Client,
  Config,
  LibraryError,
  MultiGetError,
  VastoError,
  libraryInfo,
  type Keyspace,
  type Session,
} from 'vasto';

import { bytes, control, failsWith, master, openClient, openKeyspace, withoutAnswers } from './cluster.js';

const wrong = (value: unknown): never => value as never;

/** A library made of this C source. */
function compile(t: TestContext, source: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'vasto-'));
  t.after(() => {
    rmSync(folder, { recursive: true });
  });
  const path = join(folder, 'libvasto.so.1');
  writeFileSync(join(folder, 'stub.c'), source);
  execFileSync('cc', ['-shared', '-fPIC', '-o', path, join(folder, 'stub.c')]);
  return path;
}

const versionSource = (major: number, minor: number): string =>
  `void vasto_version(int* a, int* b, int* c) { *a = ${String(major)}; *b = ${String(minor)}; *c = 0; }`;

const refusal = (path: string, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof LibraryError);
  assert.equal(error.path, path);
  assert.match(error.message, message);
  assert.ok(error.message.includes(path));
  assert.match(error.message, /install libvasto 1\.1 or newer \(cmake --install\), or set VASTO_LIBRARY/);
  return true;
};

test('a library that is not there is named', async () => {
  const path = '/nowhere/libvasto.so.1';
  assert.throws(() => libraryInfo(path), refusal(path, /cannot load/));
  await assert.rejects(Client.open({ masters: master }, { library: path }), refusal(path, /cannot load/));
});

test('VASTO_LIBRARY is looked at, and a path given in code comes first', (t) => {
  const path = process.env.VASTO_LIBRARY;
  t.after(() => {
    process.env.VASTO_LIBRARY = path;
  });
  process.env.VASTO_LIBRARY = '/elsewhere/libvasto.so.1';
  assert.throws(() => libraryInfo(), refusal('/elsewhere/libvasto.so.1', /cannot load/));
  assert.equal(libraryInfo(path).path, path);
});

test('without a path it is the library that the dynamic linker finds', () => {
  // In another process: here the linker would find the one that is loaded.
  const index = JSON.stringify(createRequire(import.meta.url).resolve('vasto'));
  const source = `try { require(${index}).libraryInfo(); } catch (error) { console.log(error.path, error.message); }`;
  const env = { ...process.env };
  delete env.VASTO_LIBRARY;
  const output = execFileSync(process.execPath, ['-e', source], { env, encoding: 'utf8' });
  assert.match(output, /^(libvasto\.so\.1 cannot load libvasto\.so\.1 .*install libvasto|$)/);
});

test('a library of another version, or without a function, is refused', (t) => {
  for (const [major, minor] of [
    [0, 9],
    [1, 0],
    [2, 0],
  ] as const) {
    const path = compile(t, versionSource(major, minor));
    assert.throws(
      () => libraryInfo(path),
      refusal(path, new RegExp(`version ${String(major)}\\.${String(minor)}\\.0`)),
    );
  }
  const bare = compile(t, versionSource(1, 1));
  assert.throws(() => libraryInfo(bare), refusal(bare, /has no function vasto_/));
  const empty = compile(t, 'int nothing;');
  assert.throws(() => libraryInfo(empty), refusal(empty, /has no function vasto_version/));
});

test('a cluster that cannot be reached is unavailable', async () => {
  const settings = { masters: '127.0.0.1:1', connect_timeout_ms: 300 };
  await assert.rejects(Client.open(settings), failsWith('UNAVAILABLE', { retryable: true }));
  await assert.rejects(Client.open({}), failsWith('INVALID_ARGUMENT'));
  await assert.rejects(Client.open({ colour: 'red' }), failsWith('NOT_FOUND'));
  await assert.rejects(Client.open(wrong('127.0.0.1:9333')), TypeError);
  await assert.rejects(Client.open(wrong(null)), TypeError);
  const signal = AbortSignal.timeout(100);
  const slow = { masters: '127.0.0.1:1', connect_timeout_ms: 2000 };
  await assert.rejects(Client.open(slow, { signal }), { name: 'TimeoutError' });
});

test('keys and values that are no bytes are type errors', async (t) => {
  const { client, keyspace } = await openKeyspace(t);
  const good = bytes('k');
  for (const bad of ['text', 5, 5n, null, undefined, {}, [1, 2], new Uint16Array(2), new ArrayBuffer(2)]) {
    await assert.rejects(keyspace.get(wrong(bad)), TypeError);
    await assert.rejects(keyspace.put(good, wrong(bad)), TypeError);
    await assert.rejects(keyspace.put(wrong(bad), good), TypeError);
    await assert.rejects(keyspace.multiGet([good, wrong(bad)]), TypeError);
    await assert.rejects(keyspace.merge(good, 'append', wrong(bad)), TypeError);
    assert.throws(() => keyspace.createBatch().put(good, wrong(bad)), TypeError);
    assert.throws(() => keyspace.scan({ start: good, end: wrong(bad === undefined ? 5 : bad) }), TypeError);
    await assert.rejects(keyspace.get(wrong({ key: bad })), TypeError);
  }
  await assert.rejects(
    keyspace.get(wrong('text')),
    /key must be a Buffer or Uint8Array, not a string; use Buffer.from/,
  );
  await assert.rejects(keyspace.get({ key: good, partitionHash: wrong(5) }), TypeError);
  await assert.rejects(keyspace.get({ key: good, partitionHash: 2n ** 64n }), RangeError);
  await assert.rejects(keyspace.multiGet(wrong(good)), TypeError);
  await assert.rejects(keyspace.write(wrong({})), TypeError);
  assert.equal(client.inFlight, 0);
});

test('options that there are not, or that are out of range, are refused', async (t) => {
  const { client, keyspace, name } = await openKeyspace(t);
  const key = bytes('k');
  const put = (options: object): Promise<bigint> => keyspace.put(key, key, options);
  await assert.rejects(put({ ttl: 5 }), /there is no option ttl/);
  await assert.rejects(put({ ttlSeconds: -1 }), RangeError);
  await assert.rejects(put({ ttlSeconds: 1.5 }), RangeError);
  await assert.rejects(put({ ttlSeconds: '5' }), TypeError);
  await assert.rejects(put({ updatedAtNs: 5 }), TypeError);
  await assert.rejects(put({ updatedAtNs: -1n }), RangeError);
  await assert.rejects(put({ valueType: 2 ** 32 }), RangeError);
  await assert.rejects(put({ valueType: 63 }), failsWith('INVALID_ARGUMENT'));
  await assert.rejects(put({ acks: 'most' }), TypeError);
  await assert.rejects(put({ acks: 'toString' }), TypeError);
  await assert.rejects(put({ ifAbsent: true, ifVersion: 1n }), TypeError);
  await assert.rejects(put({ ttlSeconds: 1, expiresAtNs: 1n }), TypeError);
  await assert.rejects(put({ session: {} }), TypeError);
  await assert.rejects(put({ signal: {} }), TypeError);
  await assert.rejects(keyspace.put(key, key, wrong(5)), TypeError);
  await assert.rejects(keyspace.get(key, { replica: wrong('some') }), TypeError);
  await assert.rejects(keyspace.get(key, { hedge: wrong(1) }), TypeError);
  await assert.rejects(keyspace.touch(key, wrong('5')), TypeError);
  await assert.rejects(keyspace.merge(key, wrong('multiply'), key), TypeError);
  assert.throws(() => keyspace.scan({ prefix: key, start: key }), TypeError);
  assert.throws(() => keyspace.scan({ blockRows: 0 }), RangeError);
  assert.throws(() => keyspace.scan({ blockRows: 5000 }), RangeError);
  assert.throws(() => keyspace.scan(wrong({ reverse: true })), TypeError);
  await assert.rejects(keyspace.watch(wrong({ prefix: 'text' })), TypeError);
  await assert.rejects(client.keyspace(wrong(5)), TypeError);
  await assert.rejects(client.keyspace(`${name}\0`), TypeError);
  await assert.rejects(client.keyspace('a b'), failsWith('INVALID_ARGUMENT'));
  await assert.rejects(client.admin.createKeyspace('x', wrong({ shard: 1 })), TypeError);
  await assert.rejects(client.admin.createKeyspace('x', { tags: wrong('ssd') }), TypeError);
  await assert.rejects(client.admin.describe(wrong('all')), TypeError);
  assert.throws(() => new Config({ masters: wrong({}) }), TypeError);
});

test('what is over a limit is too large', async (t) => {
  const { keyspace } = await openKeyspace(t);
  const big = Buffer.alloc((64 << 20) + 1);
  await assert.rejects(keyspace.put(bytes('k'), big), failsWith('TOO_LARGE', { inDoubt: false, retryable: false }));
  await assert.rejects(keyspace.get(Buffer.alloc(65537)), failsWith('TOO_LARGE'));
});

async function everyOperation(keyspace: Keyspace, session: Session): Promise<void> {
  const key = bytes('k');
  const gone = failsWith('CLOSED');
  await assert.rejects(keyspace.get(key), gone);
  await assert.rejects(keyspace.stat(key), gone);
  await assert.rejects(keyspace.multiGet([key]), gone);
  await assert.rejects(keyspace.put(key, key, { session }), gone);
  await assert.rejects(keyspace.delete(key), gone);
  await assert.rejects(keyspace.touch(key, 1), gone);
  await assert.rejects(keyspace.merge(key, 'append', key), gone);
  await assert.rejects(keyspace.watch(), gone);
}

test('what is closed says so', async (t) => {
  const { client, keyspace, name } = await openKeyspace(t);
  const second = await client.keyspace(name);
  const session = keyspace.createSession();
  const batch = keyspace.createBatch().put(bytes('k'), bytes('v'));
  second.close();
  second.close();
  await everyOperation(second, session);
  assert.throws(() => second.name, failsWith('CLOSED'));
  assert.throws(() => second.scan(), failsWith('CLOSED'));
  assert.throws(() => second.createSession(), failsWith('CLOSED'));

  const scan = keyspace.scan();
  const watch = await keyspace.watch();
  const waiting = watch.next();
  const operation = await client.admin.compactKeyspace(name);
  await Promise.all([
    client.close(),
    client.close(),
    assert.rejects(waiting, (error: unknown) => error instanceof VastoError),
  ]);
  await client.close();
  assert.equal(client.inFlight, 0);
  await everyOperation(keyspace, session);
  await assert.rejects(keyspace.write(batch), failsWith('CLOSED'));
  await assert.rejects(watch.next(), failsWith('CLOSED'));
  await assert.rejects(scan.blocks().next());
  await assert.rejects(client.keyspace(name), failsWith('CLOSED'));
  await assert.rejects(client.admin.describe('status'), failsWith('CLOSED'));
  await assert.rejects(operation.wait(), failsWith('CLOSED'));
  assert.equal(keyspace.name, name);
  batch.close();
  assert.throws(() => batch.count, failsWith('CLOSED'));
});

test('a keyspace that was deleted under its handle is an error, not an absent key', async (t) => {
  const { keyspace, name } = await openKeyspace(t, { shards: 2 }, { timeout_ms: 5000 });
  const key = bytes('k');
  await keyspace.put(key, key);
  await control('delete', { keyspace: name });
  const gone = failsWith('NOT_FOUND');
  await assert.rejects(keyspace.put(key, key), gone);
  await assert.rejects(keyspace.get(key), gone);
  await assert.rejects(keyspace.stat(key), gone);
  await assert.rejects(keyspace.multiGet([key, bytes('absent')]), (error: unknown) => {
    assert.ok(error instanceof MultiGetError);
    assert.equal(error.results.length, 2);
    return error.results.every(gone) && gone(error);
  });
  await assert.rejects(keyspace.write(keyspace.createBatch().put(key, key)), gone);
  await assert.rejects(keyspace.scan().blocks().next(), gone);
  await assert.rejects(keyspace.watch(), gone);
});

test('a deadline that passes is a timeout, in doubt for a write', { timeout: 120_000 }, async (t) => {
  const { keyspace } = await openKeyspace(t);
  await keyspace.put(bytes('k'), bytes('v'));
  await withoutAnswers(keyspace, async () => {
    const put = keyspace.put(bytes('k'), bytes('w'), { timeoutMs: 300 });
    await assert.rejects(put, (error: unknown) => {
      assert.match((error as VastoError).origin, /^127\.0\.0\.1:\d+$/); // the store that is silent
      return failsWith('TIMEOUT', { inDoubt: true, retryable: true })(error);
    });
    await assert.rejects(keyspace.get(bytes('k'), { timeoutMs: 300 }), failsWith('TIMEOUT', { inDoubt: false }));
  });
});

test('a client is opened with an explicit path of the library', async (t) => {
  const client = await Client.open({ masters: master }, { library: process.env.VASTO_LIBRARY });
  t.after(() => client.close());
  assert.ok('health' in (await client.admin.describe('status')));
  assert.equal((await openClient(t)).inFlight, 0);
});
