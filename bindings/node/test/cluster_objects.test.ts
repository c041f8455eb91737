// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { Client, Config, libraryInfo } from 'vasto';

import { bytes, failsWith, libraryPath, master, openClient, openKeyspace, until } from './cluster.js';

test('the library says what it is', () => {
  const info = libraryInfo();
  assert.equal(info.path, libraryPath);
  assert.equal(info.version.major, 1);
  assert.match(info.text, /^vasto .*abi 1\./);
});

test('a configuration is set by name, read back, and loaded from a file', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vasto-'));
  t.after(() => {
    rmSync(folder, { recursive: true });
  });
  const file = join(folder, 'client.conf');
  writeFileSync(file, `# a comment\n\nmasters = ${master}\ntimeout_ms = 7000\n`);
  using config = new Config({ timeout_ms: 2500, unix_sockets: false });
  assert.equal(config.get('timeout_ms'), '2500');
  assert.equal(config.get('unix_sockets'), 'false');
  assert.equal(config.loadFile(file).get('timeout_ms'), '7000');
  assert.ok(Config.names().includes('connect_timeout_ms'));
  assert.throws(() => config.set('colour', 'red'), failsWith('NOT_FOUND'));
  assert.throws(() => config.get('colour'), failsWith('NOT_FOUND'));
  assert.throws(() => config.set('timeout_ms', 'soon'), failsWith('INVALID_ARGUMENT'));
  assert.throws(() => config.loadFile(join(folder, 'missing')), failsWith('IO_ERROR'));
  assert.throws(() => config.set('masters', 'a\0b'), TypeError);
  const client = await Client.open(config);
  config.close();
  assert.throws(() => config.get('masters'), failsWith('CLOSED'));
  await client.close();
});

test('an open keyspace tells about itself', async (t) => {
  const { keyspace, name } = await openKeyspace(t, { shards: 4, replicas: 3 });
  assert.equal(keyspace.name, name);
  assert.match(keyspace.id, /^[0-9a-f-]{36}$/);
  assert.equal(keyspace.shardCount, 4);
  assert.equal(keyspace.replicaCount, 3);
  assert.ok(keyspace.shardOf(bytes('k')) < 4);
});

test('keyspaces are created, described, compacted and deleted', async (t) => {
  const client = await openClient(t);
  const name = `node-${randomUUID()}`;
  await until('a keyspace can be created', async () => {
    try {
      const shape = { shards: 2, replicas: 2, acks: 'quorum', sync: 'interval', ttlSeconds: 60, tags: [] } as const;
      using creating = await client.admin.createKeyspace(name, shape);
      assert.match(creating.id, /./);
      const before = await creating.progress();
      assert.ok(before.done <= before.total || before.total === 0);
      await creating.wait();
      assert.equal((await creating.progress()).finished, true);
      return true;
    } catch (error) {
      assert.equal((error as { retryable?: boolean }).retryable, true);
      return false;
    }
  });
  const keyspace = await client.keyspace(name);
  assert.equal(keyspace.shardCount, 2);
  const described = (await client.admin.describe('keyspace', name)) as { keyspace: Record<string, unknown> };
  assert.equal(described.keyspace.acks, 'quorum');
  assert.equal(described.keyspace.ttl_seconds, 60);
  assert.ok('stores' in (await client.admin.describe('stores')));
  await assert.rejects(client.admin.createKeyspace(name), failsWith('ALREADY_EXISTS'));
  await assert.rejects(client.admin.createKeyspace('a/b'), failsWith('INVALID_ARGUMENT'));

  const compacting = await client.admin.compactKeyspace(name);
  await compacting.wait();
  assert.equal((await compacting.progress()).finished, true);
  const usage = await client.admin.usage(name);
  assert.ok(usage.capacityBytes > 0 && usage.freeBytes > 0 && usage.keys >= 0);
  assert.ok((await client.admin.usage()).capacityBytes >= usage.capacityBytes);

  await (await client.admin.deleteKeyspace(name)).wait();
  await assert.rejects(client.keyspace(name), failsWith('NOT_FOUND'));
  await assert.rejects(client.admin.deleteKeyspace(name), failsWith('NOT_FOUND'));
  await assert.rejects(client.admin.describe('keyspace', name), failsWith('NOT_FOUND'));
  await assert.rejects(client.admin.usage(name), failsWith('NOT_FOUND'));
});

test('a session reads what it wrote, here and where its token goes', async (t) => {
  const { keyspace, name } = await openKeyspace(t, { shards: 4, replicas: 3 });
  using session = keyspace.createSession();
  const other = await (await openClient(t)).keyspace(name);
  for (let i = 0; i < 50; i += 1) {
    const key = bytes(`s${String(i)}`);
    await keyspace.put(key, bytes(String(i)), { session, acks: 'one' });
    using taken = other.createSession(session.token());
    assert.equal((await other.get(key, { session: taken, replica: 'any' }))?.data.toString(), String(i));
  }
  const late = keyspace.createSession();
  late.import(session.token());
  assert.throws(() => {
    late.import(bytes('nonsense'));
  }, failsWith('INVALID_ARGUMENT'));
  late.close();
  assert.throws(() => late.token(), failsWith('CLOSED'));
  await assert.rejects(keyspace.get(bytes('s1'), { session: late }), failsWith('CLOSED'));
  const { keyspace: foreign } = await openKeyspace(t);
  await assert.rejects(foreign.get(bytes('s1'), { session }), failsWith('INVALID_ARGUMENT'));
});
