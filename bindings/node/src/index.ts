// SPDX-License-Identifier: Apache-2.0

/**
 * Client of the Vasto distributed key-value store, over libvasto.
 *
 * @packageDocumentation
 */

export type { Admin, AdminOperation, Description, Progress, Usage } from './admin.js';
export type { Bytes, Key, KeyInPartition } from './arguments.js';
export type { Batch, MergeOperation } from './batch.js';
export { Client, type CloseOptions, type OpenOptions, type SignalOptions } from './client.js';
export { Config, type Setting } from './config.js';
export {
  BatchError,
  LibraryError,
  MultiGetError,
  Status,
  VastoError,
  type BatchEntryResult,
  type StatusName,
  type VastoErrorDetails,
} from './errors.js';
export type { Keyspace } from './keyspace.js';
export { libraryInfo, partitionHash, versionTimeNs, type LibraryInfo } from './info.js';
export {
  NEVER,
  type Acks,
  type EntryOptions,
  type KeyspaceOptions,
  type OperationOptions,
  type ReadOptions,
  type Replica,
  type ReplicaOptions,
  type ScanOptions,
  type Sync,
  type WatchOptions,
  type WriteOptions,
} from './options.js';
export type { Change, Row } from './rows.js';
export type { Scan } from './scan.js';
export type { Session } from './session.js';
export type { Stat, Value } from './value.js';
export type { NextOptions, Watch } from './watch.js';
