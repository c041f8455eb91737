// SPDX-License-Identifier: Apache-2.0

// Options of operations, as callers give them.

import type { Bytes } from './arguments.js';
import type { Session } from './session.js';

/** Which replica may answer: the primary (fresh; the default), any, or the nearest; the last two may be behind. */
export type Replica = 'primary' | 'any' | 'nearest';

/** How many replicas must have a write before it is acknowledged. */
export type Acks = 'one' | 'quorum' | 'all';

/** When a write is on the disk of a replica: when the system likes, within about a second, or before the answer. */
export type Sync = 'none' | 'interval' | 'always';

/** What every operation may be given. */
export interface OperationOptions {
  /** The deadline of the operation, retries included, in milliseconds; 0 or left out: that of the client. */
  timeoutMs?: number | undefined;

  /** Aborting it cancels the operation, which rejects with the signal's reason. A write may still happen. */
  signal?: AbortSignal | undefined;
}

/** Options of reads that may be answered by several replicas. */
export interface ReplicaOptions extends OperationOptions {
  /** Who may answer. Default `'primary'`. */
  replica?: Replica | undefined;

  /** With `'any'` or `'nearest'`: how far behind the answering replica may be, in milliseconds; 0: no bound. */
  maxStalenessMs?: number | undefined;

  /** The session that the reads belong to: they never go back behind what it has seen. */
  session?: Session | undefined;
}

/** Options of get, stat and multiGet. */
export interface ReadOptions extends ReplicaOptions {
  /** With `'any'` or `'nearest'`: ask a second replica when the first is slow. Default false. */
  hedge?: boolean | undefined;
}

/** Options of a put, delete, touch or merge in a batch. */
export interface EntryOptions {
  /** The value expires so many seconds after the write; 0 or left out: what the keyspace says. */
  ttlSeconds?: number | undefined;

  /** The value expires at this moment, in nanoseconds since 1970-01-01 UTC; {@link NEVER}: never. */
  expiresAtNs?: bigint | undefined;

  /** The event time, in nanoseconds since 1970-01-01 UTC: the last one wins. `0n` or left out: now. */
  updatedAtNs?: bigint | undefined;

  /** The label stored with the value: 0 (the default) for bytes, 64 and above for the application's types. */
  valueType?: number | undefined;

  /** Write only if the key does not exist, else `ALREADY_EXISTS`. */
  ifAbsent?: boolean | undefined;

  /** Write only if the key has this version, else `STALE_WRITE`; `0n` stands for "does not exist". */
  ifVersion?: bigint | undefined;
}

/** Options of writes. */
export interface WriteOptions extends EntryOptions, OperationOptions {
  /** How many replicas must have the write. Default: what the keyspace says. */
  acks?: Acks | undefined;

  /** The session that the write belongs to. */
  session?: Session | undefined;
}

/** Options of scans. `timeoutMs` is how long one block of rows may take. */
export interface ScanOptions extends ReplicaOptions {
  /** Only keys that begin with these bytes. Not together with `start` or `end`. */
  prefix?: Bytes | undefined;

  /** Only keys from this one on. */
  start?: Bytes | undefined;

  /** Only keys before this one; no bytes: no bound. */
  end?: Bytes | undefined;

  /** End after so many rows; 0 or left out: no limit. */
  limit?: number | undefined;

  /** Rows without the bytes of their values. Default false. */
  keysOnly?: boolean | undefined;

  /** About how many bytes of rows one answer of a store holds; 0 or left out: 1 MiB. */
  pageBytes?: number | undefined;

  /** Go on behind the row at which a scan of the same prefix or range gave this token. */
  resumeToken?: Bytes | undefined;

  /** The most rows taken from the library at once, from 1 to 4096. Default 512. */
  blockRows?: number | undefined;
}

/** Options of watches. `timeoutMs` is how long opening may take. */
export interface WatchOptions extends OperationOptions {
  /** Only keys that begin with these bytes. Default: all. */
  prefix?: Bytes | undefined;

  /** Go on behind the changes that were handed out when a watch gave this token. */
  resumeToken?: Bytes | undefined;
}

/** The shape of a new keyspace. */
export interface KeyspaceOptions {
  /** The number of shards, 1 to 4096. Default 1. */
  shards?: number | undefined;

  /** The number of copies of each shard, at most the number of stores. Default 1. */
  replicas?: number | undefined;

  /** When a write is acknowledged. Default `'one'`. */
  acks?: Acks | undefined;

  /** When a write is on the disk. Default `'none'`. */
  sync?: Sync | undefined;

  /** When a value expires whose write does not say, in seconds; 0, the default: never. */
  ttlSeconds?: number | undefined;

  /** Only stores with all these tags get replicas. Default: any store. */
  tags?: readonly string[] | undefined;
}

/** The `expiresAtNs` of a write whose value never expires, whatever the keyspace says. */
export const NEVER = 2n ** 64n - 1n;
