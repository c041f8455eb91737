// SPDX-License-Identifier: Apache-2.0

// The cluster that the tests run against: see tests/bindings/with_cluster.py.

import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { Client, VastoError, type Keyspace, type Setting } from 'vasto';

const DEADLINE_MS = 60_000;

function environment(name: string): string {
  const value = process.env[name];
  if (!value) {
    throw new Error(`${name} is not set: run this with tests/bindings/with_cluster.py`);
  }
  return value;
}

export const master = environment('VASTO_TEST_MASTER');
export const libraryPath = environment('VASTO_LIBRARY');

/** Has something done to the cluster; the answer. */
export async function control(action: string, values: Record<string, string | number> = {}): Promise<string> {
  const url = new URL(`/${action}`, environment('VASTO_TEST_CONTROL'));
  for (const [name, value] of Object.entries(values)) {
    url.searchParams.set(name, String(value));
  }
  // Without an agent, so that no connection stays behind for tests that count descriptors.
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const [answer] = (await once(request(url, { method: 'POST', agent: false, signal }).end(), 'response')) as [
    IncomingMessage,
  ];
  const body = await text(answer);
  if (answer.statusCode !== 200) {
    throw new Error(`${action}: ${body}`);
  }
  return body;
}

/** Waits until `condition` holds. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + DEADLINE_MS;
  while (!(await condition())) {
    if (Date.now() > end) {
      throw new Error(`still not so: ${what}`);
    }
    await sleep(20);
  }
}

/** Creates a keyspace of its own name, once enough stores are up for it: another test may have killed one. */
export async function createKeyspace(shape: Record<string, string | number> = {}): Promise<string> {
  const keyspace = `node-${randomUUID()}`;
  await until('a keyspace can be created', () =>
    control('create', { keyspace, ...shape }).then(
      () => true,
      (error: unknown) => String(error).includes('ALREADY_EXISTS'),
    ),
  );
  return keyspace;
}

/** A client that the end of the test closes. */
export async function openClient(t: TestContext, settings: Record<string, Setting> = {}): Promise<Client> {
  const client = await Client.open({ masters: master, ...settings });
  t.after(() => client.close({ timeoutMs: 0 }));
  return client;
}

/** A keyspace of its own, open, that the end of the test deletes. */
export async function openKeyspace(
  t: TestContext,
  shape: Record<string, string | number> = {},
  settings: Record<string, Setting> = {},
): Promise<{ client: Client; keyspace: Keyspace; name: string }> {
  const name = await createKeyspace(shape);
  t.after(() => control('delete', { keyspace: name }).catch(() => undefined));
  const client = await openClient(t, settings);
  return { client, keyspace: await client.keyspace(name), name };
}

/** Runs `work` while no other test of any process has this lock: for what disturbs the whole cluster. */
export async function alone<T>(work: () => Promise<T>): Promise<T> {
  const port = new URL(environment('VASTO_TEST_CONTROL')).port;
  const server = createServer();
  await until(
    'the lock is free',
    () =>
      new Promise<boolean>((resolve) => {
        server.once('error', () => {
          resolve(false);
        });
        server.listen(`\0vasto-test-${port}`, () => {
          resolve(true);
        });
      }),
  );
  try {
    return await work();
  } finally {
    server.close();
  }
}

/** Runs `work` while the store that serves the only shard of `keyspace` answers nothing. */
export async function withoutAnswers(keyspace: Keyspace, work: () => Promise<void>): Promise<void> {
  await alone(async () => {
    const store = await control('primary', { keyspace: keyspace.name });
    await control('pause', { store });
    try {
      await until('the store is silent', () =>
        keyspace.get(bytes('k'), { timeoutMs: 100 }).then(
          () => false,
          () => true,
        ),
      );
      await work();
    } finally {
      await control('resume', { store });
    }
  });
}

/** How many descriptors and threads this process has. */
export function resources(): { descriptors: number; threads: number } {
  return { descriptors: readdirSync('/proc/self/fd').length, threads: readdirSync('/proc/self/task').length };
}

export const bytes = (text: string): Buffer => Buffer.from(text);

/** For assert.rejects and assert.throws: a VastoError with this code. */
export function failsWith(code: string, more: Partial<VastoError> = {}): (error: unknown) => boolean {
  return (error) => {
    const good = error instanceof VastoError && error.code === code;
    if (!good || Object.entries(more).some(([name, value]) => error[name as keyof VastoError] !== value)) {
      throw new Error(`wanted ${code} ${JSON.stringify(more)}`, { cause: error });
    }
    return true;
  };
}
