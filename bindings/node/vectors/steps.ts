// SPDX-License-Identifier: Apache-2.0

import { request, type IncomingMessage } from 'node:http';
import { once } from 'node:events';

import {
  BatchError,
  Client,
  Config,
  partitionHash,
  VastoError,
  type EntryOptions,
  type Keyspace,
  type KeyspaceOptions,
  type MergeOperation,
  type ReadOptions,
  type ScanOptions,
  type Session,
  type Stat,
  type Value,
  type Watch,
  type WriteOptions,
} from 'vasto';

import { bytesOf, keyOf, Mismatch, shown, want, type Fields, type Step } from './format.js';
import { takeChanges } from './watching.js';

const NO_TOKEN = Buffer.from([1]);

const MERGES: Readonly<Record<string, MergeOperation>> = {
  ADD_INT64: 'addInt64',
  MIN_INT64: 'minInt64',
  MAX_INT64: 'maxInt64',
  ADD_FLOAT64: 'addFloat64',
  MIN_FLOAT64: 'minFloat64',
  MAX_FLOAT64: 'maxFloat64',
  APPEND: 'append',
};

function known<T>(table: Readonly<Record<string, T>>, name: unknown): T {
  const found = table[name as string];
  if (found === undefined) {
    throw new Mismatch(`unknown: ${String(name)}`);
  }
  return found;
}

const lower = (name: unknown): string => (name as string).toLowerCase();

function found<T>(map: ReadonlyMap<string, T>, name: unknown): T {
  const value = map.get(name as string);
  if (value === undefined) {
    throw new Mismatch(`nothing of that name: ${String(name)}`);
  }
  return value;
}

/** What lives as long as one vector. */
export class World {
  readonly #saved = new Map<string, unknown>();
  readonly #sessions = new Map<string, Session>();
  readonly #watches = new Map<string, Watch>();
  readonly #client: Client;
  readonly #keyspace: Keyspace;

  constructor(client: Client, keyspace: Keyspace) {
    this.#client = client;
    this.#keyspace = keyspace;
  }

  close(): void {
    for (const closing of [...this.#sessions.values(), ...this.#watches.values()]) {
      closing.close();
    }
  }

  /** Takes a step, and throws a Mismatch if it does not go as expected. */
  async take(step: Step): Promise<void> {
    const expect = { ...step.expect };
    const code = (expect.code as string | undefined) ?? 'OK';
    delete expect.code;
    const run = known(STEPS, step.op);
    const fields = new FieldReader(step, this);
    try {
      await run.call(this, fields, expect);
      fields.allRead();
    } catch (error) {
      if (!(error instanceof VastoError)) {
        throw error;
      }
      if (error.code !== code) {
        throw new Mismatch(`wanted ${code}, got ${error.code} (${error.message})`);
      }
      if (expect.in_doubt !== undefined) {
        want('in_doubt', expect.in_doubt, error.inDoubt);
      }
      return;
    }
    want('code', code, 'OK');
  }

  get client(): Client {
    return this.#client;
  }

  get keyspace(): Keyspace {
    return this.#keyspace;
  }

  save(name: unknown, value: unknown): void {
    if (name !== undefined) {
      this.#saved.set(name as string, value);
    }
  }

  /** A number, or what was saved under the `$NAME` in its place. */
  number(value: unknown): bigint {
    if (typeof value === 'string' && value.startsWith('$')) {
      return this.#saved.get(value.slice(1)) as bigint;
    }
    return BigInt(value as string | number);
  }

  token(name: unknown): Buffer {
    return (this.#saved.get(name as string) as Buffer | undefined) ?? NO_TOKEN;
  }

  session(name: unknown): Session {
    return found(this.#sessions, name);
  }

  addSession(name: unknown, session: Session): void {
    this.#sessions.set(name as string, session);
  }

  watch(name: unknown): Watch {
    return found(this.#watches, name);
  }

  addWatch(name: unknown, watch: Watch): void {
    this.#watches.set(name as string, watch);
  }

  keyspaceName(name: unknown): string {
    return name === '@' ? this.#keyspace.name : `${this.#keyspace.name}-${name as string}`;
  }
}

/** The fields of a step or of an entry of a batch; all must be read in the end. */
class FieldReader {
  readonly #fields: Fields;
  readonly #world: World;
  readonly #unread: Set<string>;

  constructor(fields: Fields, world: World) {
    this.#fields = fields;
    this.#world = world;
    this.#unread = new Set(Object.keys(fields));
    this.#unread.delete('op');
    this.#unread.delete('expect');
  }

  get(name: string): unknown {
    this.#unread.delete(name);
    return this.#fields[name];
  }

  allRead(): void {
    if (this.#unread.size > 0) {
      throw new Mismatch(`unknown fields: ${[...this.#unread].join(', ')}`);
    }
  }

  #map<T>(name: string, convert: (value: unknown) => T): T | undefined {
    const value = this.get(name);
    return value === undefined ? undefined : convert(value);
  }

  bytes(name: string): Buffer | undefined {
    return this.#map(name, bytesOf);
  }

  number(name: string): number | undefined {
    return this.#map(name, Number);
  }

  bigint(name: string): bigint | undefined {
    return this.#map(name, (value) => this.#world.number(value));
  }

  token(name: string): Buffer | undefined {
    return this.#map(name, (value) => this.#world.token(value));
  }

  session(): Session | undefined {
    return this.#map('session', (name) => this.#world.session(name));
  }

  lower(name: string): string | undefined {
    return this.#map(name, lower);
  }

  entryOptions(): EntryOptions {
    return {
      ttlSeconds: this.number('ttl_seconds'),
      expiresAtNs: this.bigint('expires_at_ns'),
      updatedAtNs: this.bigint('updated_at_ns'),
      valueType: this.number('value_type'),
      ifAbsent: this.get('if_absent') as boolean | undefined,
      ifVersion: this.bigint('if_version'),
    };
  }

  writeOptions(): WriteOptions {
    return {
      ...this.entryOptions(),
      acks: this.lower('acks') as WriteOptions['acks'],
      timeoutMs: this.number('timeout_ms'),
      session: this.session(),
    };
  }

  readOptions(): ReadOptions {
    return {
      replica: this.lower('replica') as ReadOptions['replica'],
      maxStalenessMs: this.number('max_staleness_ms'),
      hedge: this.get('hedge') as boolean | undefined,
      timeoutMs: this.number('timeout_ms'),
      session: this.session(),
    };
  }
}

type Run = (this: World, fields: FieldReader, expect: Fields) => Promise<void>;

function checkStat(world: World, stat: Stat, expect: Fields): void {
  for (const [name, wanted] of Object.entries(expect)) {
    if (name === 'value') {
      want(name, bytesOf(wanted), (stat as Value).data);
    } else if (name === 'expires') {
      want(name, wanted, stat.expiresAtNs !== 0n);
    } else if (name === 'version') {
      want(name, world.number(wanted), stat.version);
    } else if (name === 'updated_at_ns') {
      want(name, world.number(wanted), stat.updatedAtNs);
    } else if (name === 'type' || name === 'size') {
      want(name, wanted, stat[name]);
    } else {
      throw new Mismatch(`unknown expectation: ${name}`);
    }
  }
}

function reading(
  read: (keyspace: Keyspace, key: ReturnType<typeof keyOf>, o: ReadOptions) => Promise<Stat | undefined>,
): Run {
  return async function (fields, expect) {
    const save = fields.get('save_version');
    const value = await read(this.keyspace, keyOf(fields.get('key')), fields.readOptions());
    if (value === undefined) {
      throw new VastoError('no such key', { status: 1 });
    }
    this.save(save, value.version);
    checkStat(this, value, expect);
  };
}

async function batch(this: World, fields: FieldReader, expect: Fields): Promise<void> {
  using writes = this.keyspace.createBatch();
  for (const entry of fields.get('entries') as Step[]) {
    const own = new FieldReader(entry, this);
    const key = keyOf(own.get('key'));
    if (entry.op === 'put') {
      writes.put(key, own.bytes('value') ?? Buffer.alloc(0), own.entryOptions());
    } else if (entry.op === 'delete') {
      writes.delete(key, own.entryOptions());
    } else {
      want('entry', 'merge', entry.op);
      writes.merge(
        key,
        known(MERGES, own.get('operation')),
        own.bytes('operand') ?? Buffer.alloc(0),
        own.entryOptions(),
      );
    }
    own.allRead();
  }
  const check = (codes: string[]): void => {
    if (expect.codes !== undefined) {
      want('codes', shown(expect.codes), shown(codes));
    }
  };
  try {
    check((await this.keyspace.write(writes, fields.writeOptions())).map(() => 'OK'));
  } catch (error) {
    if (error instanceof BatchError) {
      check(error.results.map((result) => result.code));
    }
    throw error;
  }
}

async function scan(this: World, fields: FieldReader, expect: Fields): Promise<void> {
  const take = fields.number('take');
  const save = fields.get('save_token');
  const options: ScanOptions = {
    prefix: fields.bytes('prefix'),
    start: fields.bytes('start'),
    end: fields.bytes('end'),
    limit: fields.number('limit'),
    keysOnly: fields.get('keys_only') as boolean | undefined,
    pageBytes: fields.number('page_bytes'),
    resumeToken: fields.token('resume'),
    blockRows: take === undefined ? undefined : 1,
  };
  const rows = [];
  const running = this.keyspace.scan(options);
  for await (const row of running) {
    rows.push(row);
    if (rows.length === take) {
      break;
    }
  }
  if (save !== undefined) {
    this.save(save, running.resumeToken());
  }
  const wanted = (expect.rows ?? []) as Fields[];
  want('number of rows', wanted.length, rows.length);
  for (const [i, row] of rows.entries()) {
    const { key, value, size } = wanted[i] ?? {};
    want('key', bytesOf(key), row.key);
    want('value', value === undefined ? undefined : bytesOf(value), size === undefined ? row.value : undefined);
    want('size', size ?? row.size, row.size);
  }
}

const STEPS: Readonly<Record<string, Run>> = {
  async put(fields) {
    const save = fields.get('save_version');
    const value = fields.bytes('value') ?? Buffer.alloc(0);
    this.save(save, await this.keyspace.put(keyOf(fields.get('key')), value, fields.writeOptions()));
  },
  async delete(fields) {
    const save = fields.get('save_version');
    this.save(save, await this.keyspace.delete(keyOf(fields.get('key')), fields.writeOptions()));
  },
  async touch(fields) {
    const save = fields.get('save_version');
    const seconds = fields.number('ttl_seconds') ?? 0;
    const options = { ...fields.writeOptions(), ttlSeconds: undefined };
    this.save(save, await this.keyspace.touch(keyOf(fields.get('key')), seconds, options));
  },
  async merge(fields) {
    const save = fields.get('save_version');
    const operation = known(MERGES, fields.get('operation'));
    const operand = fields.bytes('operand') ?? Buffer.alloc(0);
    const key = keyOf(fields.get('key'));
    this.save(save, await this.keyspace.merge(key, operation, operand, fields.writeOptions()));
  },
  get: reading((keyspace, key, options) => keyspace.get(key, options)),
  stat: reading((keyspace, key, options) => keyspace.stat(key, options)),
  async multi_get(fields, expect) {
    const keys = (fields.get('keys') as unknown[]).map(keyOf);
    const values = await this.keyspace.multiGet(keys, fields.readOptions());
    const wanted = (expect.results ?? []) as Fields[];
    want('number of results', wanted.length, values.length);
    for (const [i, { code, value }] of wanted.entries()) {
      want('code', code, values[i] === undefined ? 'NOT_FOUND' : 'OK');
      want('value', value === undefined ? undefined : bytesOf(value), values[i]?.data);
    }
  },
  batch,
  scan,
  async watch_open(fields) {
    const options = { prefix: fields.bytes('prefix'), resumeToken: fields.token('resume') };
    this.addWatch(fields.get('watch'), await this.keyspace.watch(options));
  },
  async watch_next(fields, expect) {
    await takeChanges(this.watch(fields.get('watch')), (expect.changes ?? []) as Fields[]);
  },
  watch_token(fields) {
    this.save(fields.get('save'), this.watch(fields.get('watch')).resumeToken());
    return Promise.resolve();
  },
  watch_close(fields) {
    this.watch(fields.get('watch')).close();
    return Promise.resolve();
  },
  session(fields) {
    this.addSession(fields.get('session'), this.keyspace.createSession(fields.token('import')));
    return Promise.resolve();
  },
  session_token(fields) {
    this.save(fields.get('save'), this.session(fields.get('session')).token());
    return Promise.resolve();
  },
  async open_keyspace(fields, expect) {
    const name = this.keyspaceName(fields.get('name'));
    using keyspace = await this.client.keyspace(name);
    const found: Fields = { shards: keyspace.shardCount, replicas: keyspace.replicaCount };
    for (const [what, wanted] of Object.entries(expect)) {
      want(what, what === 'name' ? this.keyspaceName(wanted) : wanted, what === 'name' ? keyspace.name : found[what]);
    }
  },
  async create_keyspace(fields) {
    const shape: KeyspaceOptions = {
      shards: fields.number('shards'),
      replicas: fields.number('replicas'),
      acks: fields.lower('acks') as KeyspaceOptions['acks'],
      sync: fields.lower('sync') as KeyspaceOptions['sync'],
      ttlSeconds: fields.number('ttl_seconds'),
      tags: (fields.get('tags') as string | undefined)?.split(','),
    };
    using operation = await this.client.admin.createKeyspace(this.keyspaceName(fields.get('name')), shape);
    await operation.wait();
  },
  async delete_keyspace(fields) {
    using operation = await this.client.admin.deleteKeyspace(this.keyspaceName(fields.get('name')));
    await operation.wait();
  },
  async describe(fields, expect) {
    const given = fields.get('name');
    const name = given === undefined ? undefined : this.keyspaceName(given);
    const what = known(
      { STATUS: 'status', STORES: 'stores', KEYSPACES: 'keyspaces', KEYSPACE: 'keyspace', USAGE: 'usage' } as const,
      fields.get('what'),
    );
    const described = await this.client.admin.describe(what, name);
    for (const wanted of (expect.has ?? []) as string[]) {
      want(`a member ${wanted}`, true, wanted in described);
    }
  },
  config(fields) {
    using config = new Config();
    config.set(fields.get('key') as string, fields.get('set') as string);
    return Promise.resolve();
  },
  partition_hash(fields, expect) {
    const hash = partitionHash(fields.bytes('data') ?? Buffer.alloc(0));
    want('hash', expect.hash, hash.toString());
    return Promise.resolve();
  },
  close_client() {
    return this.client.close();
  },
  async control(fields) {
    const url = new URL(`/${fields.get('action') as string}`, process.env.VASTO_TEST_CONTROL);
    const posted = request(url, { method: 'POST', agent: false }).end();
    const [answer] = (await once(posted, 'response')) as [IncomingMessage];
    answer.resume();
    want('status of the control', 200, answer.statusCode);
    await once(answer, 'end');
  },
};
