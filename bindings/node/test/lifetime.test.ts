// SPDX-License-Identifier: Apache-2.0

// Nothing is left behind: not by cancelling, not by forgetting, not by workers, not by a store that dies.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';

import { Client, VastoError, type Keyspace } from 'vasto';

import {
  alone,
  bytes,
  control,
  failsWith,
  master,
  openClient,
  openKeyspace,
  resources,
  until,
  withoutAnswers,
} from './cluster.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const DEADLINE = { timeout: 180_000 };

test('a signal ends operations, and leaves nothing', DEADLINE, async (t) => {
  const { client, keyspace } = await openKeyspace(t);
  await keyspace.put(bytes('k'), bytes('v'));
  const before = resources();
  await withoutAnswers(keyspace, async () => {
    const abort = new AbortController();
    const options = { signal: abort.signal, timeoutMs: 60_000 };
    const results = Array.from({ length: 500 }, (_, i) =>
      i % 2 === 0 ? keyspace.get(bytes('k'), options) : keyspace.put(bytes('k'), bytes('w'), options),
    );
    assert.equal(client.inFlight, 500);
    const ended = Promise.all(results.map((result) => assert.rejects(result, /not needed/)));
    abort.abort(new Error('not needed any more'));
    await ended;
    assert.equal(client.inFlight, 0);
  });
  assert.ok(await keyspace.get(bytes('k'), { signal: new AbortController().signal, timeoutMs: 60_000 }));
  const after = resources();
  assert.equal(after.threads, before.threads);
  assert.ok(after.descriptors < before.descriptors + 10, 'the client may have connected anew, but no more');
  await assert.rejects(keyspace.get(bytes('k'), { signal: AbortSignal.abort() }), { name: 'AbortError' });
});

test('clients that are closed give back descriptors and threads', DEADLINE, async (t) => {
  const { keyspace, name } = await openKeyspace(t);
  await keyspace.put(bytes('k'), bytes('v'));
  const round = async (): Promise<void> => {
    await using client = await Client.open({ masters: master });
    using other = await client.keyspace(name);
    await other.get(bytes('k'));
    using scan = other.scan();
    scan[Symbol.asyncIterator]()
      .next()
      .catch(() => undefined);
    using watch = await other.watch();
    watch.next().catch(() => undefined);
    other.get(bytes('k')).catch(() => undefined);
  };
  await round();
  const before = resources();
  for (let i = 0; i < 10; i += 1) {
    await round();
  }
  await until('all is given back', () => {
    const { descriptors, threads } = resources();
    return descriptors <= before.descriptors && threads <= before.threads;
  });
});

async function forget(name: string): Promise<void> {
  const client = await Client.open({ masters: master });
  const keyspace = await client.keyspace(name);
  await keyspace.put(bytes('k'), bytes('v'));
  const scan = keyspace.scan();
  await scan[Symbol.asyncIterator]().next();
  await keyspace.watch();
  keyspace.createSession();
  keyspace.createBatch().put(bytes('k'), bytes('v'));
  void keyspace.get(bytes('k'));
}

test('what is forgotten is collected, in whatever order', DEADLINE, async (t) => {
  const { name } = await openKeyspace(t);
  const before = resources();
  for (let i = 0; i < 5; i += 1) {
    await forget(name);
  }
  assert.ok(resources().descriptors > before.descriptors);
  await until('forgotten clients are closed', () => {
    collectGarbage();
    return resources().descriptors <= before.descriptors && resources().threads <= before.threads;
  });
});

test('a keyspace keeps its client open', DEADLINE, async (t) => {
  const { name } = await openKeyspace(t);
  const keyspace = await Client.open({ masters: master }).then((client) => client.keyspace(name));
  for (let i = 0; i < 5; i += 1) {
    collectGarbage();
    await keyspace.put(bytes('k'), bytes(String(i)));
  }
  assert.equal((await keyspace.get(bytes('k')))?.data.toString(), '4');
});

test('closing ends what is in flight with CLOSED', DEADLINE, async (t) => {
  const { client, keyspace } = await openKeyspace(t);
  await withoutAnswers(keyspace, async () => {
    const gets = Array.from({ length: 100 }, () => keyspace.get(bytes('k'), { timeoutMs: 60_000 }));
    const ended = Promise.all(gets.map((get) => assert.rejects(get, failsWith('CLOSED'))));
    await client.close({ timeoutMs: 10 });
    await ended;
    assert.equal(client.inFlight, 0);
  });
});

interface Outcome {
  key: Buffer;
  error: unknown;
  elapsedMs: number;
}

async function putTimed(keyspace: Keyspace, key: Buffer, timeoutMs: number): Promise<Outcome> {
  const start = Date.now();
  const error = await keyspace.put(key, key, { timeoutMs }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { key, error, elapsedMs: Date.now() - start };
}

test('a store that dies under ten thousand operations loses none', DEADLINE, async (t) => {
  await alone(async () => {
    const { client, keyspace, name } = await openKeyspace(t, { shards: 2, replicas: 3, acks: 'quorum' });
    const timeoutMs = 20_000;
    const store = await control('primary', { keyspace: name });
    const puts: Promise<Outcome>[] = [];
    for (let i = 0; i < 10_000; i += 1) {
      puts.push(putTimed(keyspace, bytes(`d${String(i)}`), timeoutMs));
      if (i === 2000) {
        void control('kill', { store });
      }
      if (i % 100 === 99) {
        await puts[i - 99];
      }
    }
    const outcomes = await Promise.all(puts);
    await control('start', { store });
    assert.equal(client.inFlight, 0);
    assert.equal(outcomes.length, 10_000);
    for (const { error, elapsedMs } of outcomes) {
      assert.ok(
        error === undefined || (error instanceof VastoError && (error.inDoubt || error.retryable)),
        String(error),
      );
      assert.ok(elapsedMs < timeoutMs + 10_000);
    }
    const acknowledged = outcomes.filter(({ error }) => error === undefined).map(({ key }) => key);
    assert.ok(acknowledged.length > 2000);
    const values = await keyspace.multiGet(acknowledged, { timeoutMs: 30_000 });
    assert.ok(values.every((value, i) => value?.data.equals(acknowledged[i] ?? Buffer.alloc(0))));
  });
});

const WORKER = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { Client } = require('vasto');
  (async () => {
    const client = await Client.open({ masters: workerData.master });
    const keyspace = await client.keyspace(workerData.name);
    const key = Buffer.from('from worker ' + workerData.number);
    await keyspace.put(key, key);
    for (let i = 0; i < 200; i += 1) {
      const values = await Promise.all(Array.from({ length: 10 }, () => keyspace.get(key)));
      if (!values.every((value) => value.data.equals(key))) throw new Error('another value');
    }
    for (let i = 0; i < 200; i += 1) {
      const value = await keyspace.get(key);
      if (!value.data.equals(key)) throw new Error('another value');
    }
    parentPort.postMessage('done');
    while (workerData.end === 'forever') {
      await Promise.race(Array.from({ length: 50 }, () => keyspace.get(key)));
    }
    if (workerData.end === 'close') await client.close();
    if (workerData.end === 'exit') process.exit(0);
  })();
`;

function startWorker(name: string, number: number, end: string): Worker {
  // It is evaluated, so that it has no file: it finds this package from the folder that it runs in.
  const filename = createRequire(import.meta.url).resolve('vasto');
  const source = WORKER.replace("require('vasto')", `require(${JSON.stringify(filename)})`);
  return new Worker(source, { eval: true, workerData: { master, name, number, end } });
}

test('workers have clients of their own, and may end in any way', DEADLINE, async (t) => {
  const { keyspace, name } = await openKeyspace(t, { shards: 2 });
  const ends = ['close', 'leave', 'exit', 'forever', 'close', 'forever'];
  await Promise.all(
    ends.map(async (end, number) => {
      const worker = startWorker(name, number, end);
      const exited = once(worker, 'exit');
      assert.deepEqual(await once(worker, 'message'), ['done']);
      if (end === 'forever') {
        await keyspace.get(bytes('k')); // so that it is amid its work
        await worker.terminate();
      }
      assert.deepEqual(await exited, [end === 'forever' ? 1 : 0]);
    }),
  );
  const values = await keyspace.multiGet(ends.map((_, i) => bytes(`from worker ${String(i)}`)));
  assert.ok(values.every((value) => value !== undefined));
});

const PROGRAM = `
  import { Client } from 'vasto';
  globalThis.client = await Client.open({ masters: process.env.VASTO_TEST_MASTER }); // so that it is not collected
  const keyspace = await client.keyspace(process.argv[1]);
  const key = Buffer.from('k');
  await keyspace.put(key, key);
  if (process.argv[2] === 'busy') {
    await keyspace.watch().then((watch) => void watch.next());
    for (let i = 0; i < 1000; i += 1) void keyspace.get(key);
    setTimeout(() => process.exit(), 5);
  }
`;

test('an open client does not keep the process alive, and operations in flight do not hold its exit up', async (t) => {
  const { name } = await openKeyspace(t);
  const folder = fileURLToPath(new URL('.', import.meta.url));
  for (const how of ['idle', 'busy', 'busy', 'busy']) {
    const options = { cwd: folder, timeout: 30_000 } as const;
    const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM, name, how], options);
    assert.deepEqual(await once(child, 'exit'), [0, null], how);
  }
});

test('the package can be required', () => {
  const required = createRequire(import.meta.url)('vasto') as { Client: unknown };
  assert.equal(required.Client, Client);
});

test('the event loop is free while clients wait', DEADLINE, async (t) => {
  const client = await openClient(t);
  const unreachable = Client.open({ masters: '127.0.0.1:1', connect_timeout_ms: 1000 });
  let ticks = 0;
  const ticking = setInterval(() => {
    ticks += 1;
  }, 10);
  await assert.rejects(unreachable, failsWith('UNAVAILABLE'));
  clearInterval(ticking);
  assert.ok(ticks > 10);
  assert.equal(client.inFlight, 0);
});
