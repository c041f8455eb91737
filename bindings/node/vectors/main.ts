// SPDX-License-Identifier: Apache-2.0

// Plays vector files: main.js async:FILE=KEYSPACE...

import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Client } from 'vasto';

import { Mismatch, type Vector } from './format.js';
import { World } from './steps.js';

const FOLDER = new URL('../../../../tests/vectors/', import.meta.url);
const USAGE = 'usage: main.js async:FILE=KEYSPACE... (this package has no synchronous calls)';

async function openClient(): Promise<Client> {
  return Client.open({ masters: process.env.VASTO_TEST_MASTER ?? '' });
}

/** Plays a vector; why it failed. */
async function play(vector: Vector, shared: Client, name: string): Promise<string | undefined> {
  const client = vector.own_client ? await openClient() : shared;
  let at = 'opening';
  try {
    using keyspace = await client.keyspace(name);
    const world = new World(client, keyspace);
    try {
      for (const [i, step] of vector.steps.entries()) {
        at = `step ${String(i + 1)} ${step.op}`;
        await world.take(step);
      }
    } finally {
      world.close();
    }
    return undefined;
  } catch (error) {
    const text = error instanceof Mismatch ? error.message : String(error);
    return `${at}: ${text}`;
  } finally {
    if (client !== shared) {
      await client.close();
    }
  }
}

async function main(runs: readonly string[]): Promise<void> {
  const parsed = runs.map((run) => /^async:(.+)=([^=]+)$/.exec(run));
  if (parsed.length === 0 || parsed.includes(null)) {
    throw new Error(USAGE);
  }
  await using client = await openClient();
  for (const match of parsed) {
    const [, given = '', keyspace = ''] = match ?? [];
    const file = basename(given, '.jsonl');
    const path = given.includes('/') ? given : fileURLToPath(new URL(`${file}.jsonl`, FOLDER));
    for (const line of (await readFile(path, 'utf8')).split('\n')) {
      if (line.trim() === '') {
        continue;
      }
      const vector = JSON.parse(line) as Vector;
      const why = await play(vector, client, keyspace);
      const result = { mode: 'async', file, vector: vector.vector, ok: why === undefined, ...(why && { why }) };
      console.log(JSON.stringify(result));
    }
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
