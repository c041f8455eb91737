// SPDX-License-Identifier: Apache-2.0

// Turns the options of callers into those of the library, for one call. A name that no option has is a TypeError, so
// that a misspelt one is not silently left out.

import { booleanOf, bytesOf, choiceOf, countOf, signalOf, textOf, u32Of, u64Of, type Bytes } from '../arguments.js';
import type { Acks, EntryOptions, OperationOptions, Replica, Sync } from '../options.js';
import { Session } from '../session.js';
import type { Functions, Pointer } from './functions.js';
import type { Library } from './library.js';

const REPLICAS: Readonly<Record<Replica, number>> = { primary: 0, any: 1, nearest: 2 };
const ACKS: Readonly<Record<Acks, number>> = { one: 0, quorum: 1, all: 2 };
const SYNCS: Readonly<Record<Sync, number>> = { none: 0, interval: 1, always: 2 };

const replicaOf = (value: unknown, name: string): number => choiceOf(value, name, REPLICAS);
const acksOf = (value: unknown, name: string): number => choiceOf(value, name, ACKS);
const syncOf = (value: unknown, name: string): number => choiceOf(value, name, SYNCS);
const countOfAny = (value: unknown, name: string): number => countOf(value, name);

function sessionOf(value: unknown): Pointer {
  if (value instanceof Session) {
    return Session.pointerOf(value);
  }
  throw new TypeError('session must be a Session');
}

function tokenOf(value: unknown, name: string): Bytes {
  const token = bytesOf(value, name);
  if (token.length === 0) {
    throw new RangeError(`${name} must not be empty`); // which would mean to begin anew
  }
  return token;
}

function tagsOf(value: unknown, name: string): string {
  if (!Array.isArray(value)) {
    throw new TypeError(`${name} must be an array of strings`);
  }
  return value.map((tag) => textOf(tag, name)).join(',');
}

type Setter = (fn: Functions, options: Pointer, value: unknown, name: string) => void;
type Check<T> = (value: unknown, name: string) => T;

/** A setter of the library for what `check` makes of the value. */
function set<T>(check: Check<T>, setter: (fn: Functions) => (options: Pointer, value: T) => unknown): Setter {
  return (fn, options, value, name) => {
    setter(fn)(options, check(value, name));
  };
}

const setToken = (setter: (fn: Functions) => (options: Pointer, token: Bytes, size: number) => unknown): Setter =>
  set(tokenOf, (fn) => (options, token) => setter(fn)(options, token, token.length));

const setIfAbsent: Setter = (fn, options, value, name) => {
  if (booleanOf(value, name)) {
    fn.vasto_write_options_set_if_absent(options);
  }
};

type Setters = Readonly<Record<string, Setter | null>>; // null: an option that is none of the library's

const READ: Setters = {
  timeoutMs: set(countOfAny, (fn) => fn.vasto_read_options_set_timeout_ms),
  replica: set(replicaOf, (fn) => fn.vasto_read_options_set_replica),
  maxStalenessMs: set(countOfAny, (fn) => fn.vasto_read_options_set_max_staleness_ms),
  hedge: set(booleanOf, (fn) => fn.vasto_read_options_set_hedge),
  session: set(sessionOf, (fn) => fn.vasto_read_options_set_session),
  signal: null,
};

const ENTRY: Setters = {
  ttlSeconds: set(countOfAny, (fn) => fn.vasto_write_options_set_ttl_seconds),
  expiresAtNs: set(u64Of, (fn) => fn.vasto_write_options_set_expires_at_ns),
  updatedAtNs: set(u64Of, (fn) => fn.vasto_write_options_set_updated_at_ns),
  valueType: set(u32Of, (fn) => fn.vasto_write_options_set_value_type),
  ifAbsent: setIfAbsent,
  ifVersion: set(u64Of, (fn) => fn.vasto_write_options_set_if_version),
};

const WRITE: Setters = {
  ...ENTRY,
  timeoutMs: set(countOfAny, (fn) => fn.vasto_write_options_set_timeout_ms),
  acks: set(acksOf, (fn) => fn.vasto_write_options_set_acks),
  session: set(sessionOf, (fn) => fn.vasto_write_options_set_session),
  signal: null,
};

const SCAN: Setters = {
  timeoutMs: set(countOfAny, (fn) => fn.vasto_scan_options_set_timeout_ms),
  limit: set(countOfAny, (fn) => fn.vasto_scan_options_set_limit),
  keysOnly: set(booleanOf, (fn) => fn.vasto_scan_options_set_keys_only),
  pageBytes: set(countOfAny, (fn) => fn.vasto_scan_options_set_page_bytes),
  replica: set(replicaOf, (fn) => fn.vasto_scan_options_set_replica),
  maxStalenessMs: set(countOfAny, (fn) => fn.vasto_scan_options_set_max_staleness_ms),
  session: set(sessionOf, (fn) => fn.vasto_scan_options_set_session),
  resumeToken: setToken((fn) => fn.vasto_scan_options_set_resume_token),
  prefix: null,
  start: null,
  end: null,
  blockRows: null,
  signal: null,
};

const WATCH: Setters = {
  timeoutMs: set(countOfAny, (fn) => fn.vasto_watch_options_set_timeout_ms),
  resumeToken: setToken((fn) => fn.vasto_watch_options_set_resume_token),
  prefix: null,
  signal: null,
};

const KEYSPACE: Setters = {
  shards: set(u32Of, (fn) => fn.vasto_keyspace_options_set_shards),
  replicas: set(u32Of, (fn) => fn.vasto_keyspace_options_set_replicas),
  acks: set(acksOf, (fn) => fn.vasto_keyspace_options_set_acks),
  sync: set(syncOf, (fn) => fn.vasto_keyspace_options_set_sync),
  ttlSeconds: set(countOfAny, (fn) => fn.vasto_keyspace_options_set_ttl_seconds),
  tags: set(tagsOf, (fn) => fn.vasto_keyspace_options_set_tags),
};

interface Kind {
  readonly setters: Setters;
  readonly create: (fn: Functions) => (out: Pointer, error: Pointer) => number;
  readonly destroy: (fn: Functions) => (options: Pointer) => unknown;
}

const writes = {
  create: (fn: Functions) => fn.vasto_write_options_create,
  destroy: (fn: Functions) => fn.vasto_write_options_destroy,
};

/** The kinds of options. */
export const kinds = {
  read: {
    setters: READ,
    create: (fn) => fn.vasto_read_options_create,
    destroy: (fn) => fn.vasto_read_options_destroy,
  },
  entry: { setters: ENTRY, ...writes },
  write: { setters: WRITE, ...writes },
  scan: {
    setters: SCAN,
    create: (fn) => fn.vasto_scan_options_create,
    destroy: (fn) => fn.vasto_scan_options_destroy,
  },
  watch: {
    setters: WATCH,
    create: (fn) => fn.vasto_watch_options_create,
    destroy: (fn) => fn.vasto_watch_options_destroy,
  },
  keyspace: {
    setters: KEYSPACE,
    create: (fn) => fn.vasto_keyspace_options_create,
    destroy: (fn) => fn.vasto_keyspace_options_destroy,
  },
} as const satisfies Record<string, Kind>;

/** Checks the options and makes those of the library, if any are set: its destroy is the caller's. */
function make(library: Library, kind: Kind, given: object): Pointer | null {
  let options: Pointer | null = null;
  try {
    for (const [name, value] of Object.entries(given) as [string, unknown][]) {
      const setter = Object.hasOwn(kind.setters, name) ? kind.setters[name] : undefined;
      if (setter === undefined) {
        throw new TypeError(`there is no option ${name}`);
      }
      if (setter === null || value === undefined) {
        continue;
      }
      if (options === null) {
        library.check(kind.create(library.fn)(library.call.out, library.call.error));
        options = library.call.word();
      }
      setter(library.fn, options, value, name);
    }
  } catch (error) {
    if (options !== null) {
      kind.destroy(library.fn)(options);
    }
    throw error;
  }
  return options;
}

function checkCondition(given: EntryOptions): void {
  if (given.ifAbsent === true && given.ifVersion !== undefined) {
    throw new TypeError('ifAbsent and ifVersion exclude each other');
  }
  if (given.ttlSeconds !== undefined && given.expiresAtNs !== undefined) {
    throw new TypeError('ttlSeconds and expiresAtNs exclude each other');
  }
}

/** The options of the library that `given` stands for; NULL when it sets none. */
function optionsOf(library: Library, kind: Kind, given: object | undefined): Pointer | null {
  if (given === undefined) {
    return null;
  }
  if (typeof given !== 'object' || (given as unknown) === null) {
    throw new TypeError('options must be an object');
  }
  checkCondition(given);
  return make(library, kind, given);
}

/** Runs `call`, which returns at once, with the options of the library that `given` stands for. */
export function withOptions<T>(
  library: Library,
  kind: Kind,
  given: object | undefined,
  call: (options: Pointer | null) => T,
): T {
  const options = optionsOf(library, kind, given);
  try {
    return call(options);
  } finally {
    if (options !== null) {
      kind.destroy(library.fn)(options);
    }
  }
}

/** The same for a call on another thread: the options live until it is over. */
export async function withOptionsAsync<T>(
  library: Library,
  kind: Kind,
  given: object | undefined,
  call: (options: Pointer | null) => Promise<T>,
): Promise<T> {
  const options = optionsOf(library, kind, given);
  try {
    return await call(options);
  } finally {
    if (options !== null) {
      kind.destroy(library.fn)(options);
    }
  }
}

/** The signal of the options, which must not have aborted yet. */
export function liveSignal(options: OperationOptions | undefined): AbortSignal | undefined {
  const signal = signalOf(options?.signal);
  signal?.throwIfAborted();
  return signal;
}
