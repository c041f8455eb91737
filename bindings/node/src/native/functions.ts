// SPDX-License-Identifier: Apache-2.0

// The functions of libvasto that this package calls, as vasto.h declares them. The types of the callable
// functions follow from this table, so that a wrong argument does not compile.

/** The address of something in native memory. */
export type Pointer = bigint;

/** What may be given for a pointer argument: an address, memory of JavaScript for the call, or NULL. */
export type PointerLike = Pointer | number | Uint8Array | Int32Array | BigUint64Array | null;

interface ArgumentTypes {
  ptr: PointerLike;
  str: string | null;
  i32: number;
  u32: number;
  i64: number | bigint;
  u64: number | bigint;
  size: number;
  bool: boolean;
}

interface ResultTypes {
  void: undefined;
  ptr: Pointer | null;
  str: string | null;
  i32: number;
  u32: number;
  u64: number | bigint;
  size: number;
  bool: boolean;
}

type Signature = readonly [keyof ResultTypes, ...(keyof ArgumentTypes)[]];

const status = 'i32';

export const SIGNATURES = {
  vasto_version: ['void', 'ptr', 'ptr', 'ptr'],
  vasto_version_string: ['str'],
  vasto_status_name: ['str', 'i32'],
  vasto_status_is_retryable: ['bool', 'i32'],
  vasto_partition_hash: ['u64', 'ptr', 'size'],
  vasto_version_time_ns: ['u64', 'u64'],

  vasto_error_message: ['str', 'ptr'],
  vasto_error_is_in_doubt: ['bool', 'ptr'],
  vasto_error_origin: ['str', 'ptr'],
  vasto_error_destroy: ['void', 'ptr'],

  vasto_config_create: [status, 'ptr', 'ptr'],
  vasto_config_set: [status, 'ptr', 'str', 'str', 'ptr'],
  vasto_config_get: [status, 'ptr', 'str', 'ptr', 'ptr'],
  vasto_config_load_file: [status, 'ptr', 'str', 'ptr'],
  vasto_config_key_at: ['str', 'size'],
  vasto_config_destroy: ['void', 'ptr'],

  vasto_client_open: [status, 'ptr', 'ptr', 'ptr'],
  vasto_client_close: [status, 'ptr', 'i64', 'ptr'],
  vasto_client_destroy: ['void', 'ptr'],

  vasto_keyspace_open: [status, 'ptr', 'str', 'ptr', 'ptr'],
  vasto_keyspace_name: ['str', 'ptr'],
  vasto_keyspace_id: ['str', 'ptr'],
  vasto_keyspace_shard_count: ['u32', 'ptr'],
  vasto_keyspace_replica_count: ['u32', 'ptr'],
  vasto_keyspace_shard_of: ['u32', 'ptr', 'ptr'],
  vasto_keyspace_destroy: ['void', 'ptr'],

  vasto_session_create: [status, 'ptr', 'ptr', 'ptr'],
  vasto_session_token: [status, 'ptr', 'ptr', 'size', 'ptr', 'ptr'],
  vasto_session_import: [status, 'ptr', 'ptr', 'size', 'ptr'],
  vasto_session_destroy: ['void', 'ptr'],

  vasto_read_options_create: [status, 'ptr', 'ptr'],
  vasto_read_options_set_timeout_ms: ['void', 'ptr', 'u64'],
  vasto_read_options_set_replica: ['void', 'ptr', 'i32'],
  vasto_read_options_set_max_staleness_ms: ['void', 'ptr', 'u64'],
  vasto_read_options_set_hedge: ['void', 'ptr', 'bool'],
  vasto_read_options_set_session: ['void', 'ptr', 'ptr'],
  vasto_read_options_destroy: ['void', 'ptr'],

  vasto_write_options_create: [status, 'ptr', 'ptr'],
  vasto_write_options_set_timeout_ms: ['void', 'ptr', 'u64'],
  vasto_write_options_set_ttl_seconds: ['void', 'ptr', 'u64'],
  vasto_write_options_set_expires_at_ns: ['void', 'ptr', 'u64'],
  vasto_write_options_set_updated_at_ns: ['void', 'ptr', 'u64'],
  vasto_write_options_set_value_type: ['void', 'ptr', 'u32'],
  vasto_write_options_set_if_absent: ['void', 'ptr'],
  vasto_write_options_set_if_version: ['void', 'ptr', 'u64'],
  vasto_write_options_set_acks: ['void', 'ptr', 'i32'],
  vasto_write_options_set_session: ['void', 'ptr', 'ptr'],
  vasto_write_options_destroy: ['void', 'ptr'],

  vasto_scan_options_create: [status, 'ptr', 'ptr'],
  vasto_scan_options_set_timeout_ms: ['void', 'ptr', 'u64'],
  vasto_scan_options_set_limit: ['void', 'ptr', 'u64'],
  vasto_scan_options_set_keys_only: ['void', 'ptr', 'bool'],
  vasto_scan_options_set_page_bytes: ['void', 'ptr', 'u64'],
  vasto_scan_options_set_replica: ['void', 'ptr', 'i32'],
  vasto_scan_options_set_max_staleness_ms: ['void', 'ptr', 'u64'],
  vasto_scan_options_set_session: ['void', 'ptr', 'ptr'],
  vasto_scan_options_set_resume_token: ['void', 'ptr', 'ptr', 'size'],
  vasto_scan_options_destroy: ['void', 'ptr'],

  vasto_value_data: ['ptr', 'ptr'],
  vasto_value_size: ['size', 'ptr'],
  vasto_value_type: ['u32', 'ptr'],
  vasto_value_version: ['u64', 'ptr'],
  vasto_value_updated_at_ns: ['u64', 'ptr'],
  vasto_value_expires_at_ns: ['u64', 'ptr'],
  vasto_value_destroy: ['void', 'ptr'],

  vasto_batch_create: [status, 'ptr', 'ptr'],
  vasto_batch_put: [status, 'ptr', 'ptr', 'ptr', 'size', 'ptr', 'ptr'],
  vasto_batch_delete: [status, 'ptr', 'ptr', 'ptr', 'ptr'],
  vasto_batch_merge: [status, 'ptr', 'ptr', 'i32', 'ptr', 'size', 'ptr', 'ptr'],
  vasto_batch_count: ['size', 'ptr'],
  vasto_batch_clear: ['void', 'ptr'],
  vasto_batch_destroy: ['void', 'ptr'],
  vasto_batch_result_count: ['size', 'ptr'],
  vasto_batch_result_code: ['i32', 'ptr', 'size'],
  vasto_batch_result_version: ['u64', 'ptr', 'size'],
  vasto_batch_result_destroy: ['void', 'ptr'],

  vasto_scan_prefix: [status, 'ptr', 'ptr', 'size', 'ptr', 'ptr', 'ptr'],
  vasto_scan_range: [status, 'ptr', 'ptr', 'size', 'ptr', 'size', 'ptr', 'ptr', 'ptr'],
  vasto_iter_next_block: [status, 'ptr', 'ptr', 'size', 'ptr', 'ptr'],
  vasto_iter_ready_async: [status, 'ptr', 'ptr', 'ptr'],
  vasto_iter_resume_token: [status, 'ptr', 'ptr', 'ptr', 'ptr'],
  vasto_iter_destroy: ['void', 'ptr'],

  vasto_watch_options_create: [status, 'ptr', 'ptr'],
  vasto_watch_options_set_timeout_ms: ['void', 'ptr', 'u64'],
  vasto_watch_options_set_resume_token: ['void', 'ptr', 'ptr', 'size'],
  vasto_watch_options_destroy: ['void', 'ptr'],
  vasto_watch_open: [status, 'ptr', 'ptr', 'size', 'ptr', 'ptr', 'ptr'],
  vasto_watch_next: [status, 'ptr', 'ptr', 'size', 'i64', 'ptr', 'ptr'],
  vasto_watch_ready_async: [status, 'ptr', 'ptr', 'ptr'],
  vasto_watch_resume_token: [status, 'ptr', 'ptr', 'ptr', 'ptr'],
  vasto_watch_destroy: ['void', 'ptr'],

  vasto_stat_async: [status, 'ptr', 'ptr', 'ptr', 'ptr', 'ptr'],
  vasto_multi_get_async: [status, 'ptr', 'ptr', 'size', 'ptr', 'ptr', 'ptr'],
  vasto_delete_async: [status, 'ptr', 'ptr', 'ptr', 'ptr', 'ptr'],
  vasto_merge_async: [status, 'ptr', 'ptr', 'i32', 'ptr', 'size', 'ptr', 'ptr', 'ptr'],
  vasto_touch_async: [status, 'ptr', 'ptr', 'u64', 'ptr', 'ptr', 'ptr'],
  vasto_batch_write_async: [status, 'ptr', 'ptr', 'ptr', 'ptr', 'ptr'],

  vasto_future_status: [status, 'ptr', 'ptr'],
  vasto_future_take_values: [status, 'ptr', 'ptr', 'ptr', 'size', 'ptr'],
  vasto_future_take_batch_result: [status, 'ptr', 'ptr', 'ptr'],
  vasto_future_cancel: ['void', 'ptr'],
  vasto_future_destroy: ['void', 'ptr'],
  vasto_future_destroy_block: ['void', 'ptr', 'size'],

  vasto_queue_create: [status, 'ptr', 'ptr'],
  vasto_queue_attach: [status, 'ptr', 'ptr', 'u64', 'ptr'],
  vasto_queue_fd: ['i32', 'ptr'],
  vasto_queue_next_results: [status, 'ptr', 'i64', 'ptr', 'ptr', 'ptr', 'ptr', 'size', 'ptr', 'ptr'],
  vasto_queue_start_gets: [status, 'ptr', 'ptr', 'ptr', 'ptr', 'size', 'ptr', 'ptr', 'ptr'],
  vasto_queue_start_puts: [status, 'ptr', 'ptr', 'ptr', 'ptr', 'ptr', 'size', 'ptr', 'ptr', 'ptr'],
  vasto_queue_destroy: ['void', 'ptr'],

  vasto_keyspace_options_create: [status, 'ptr', 'ptr'],
  vasto_keyspace_options_set_shards: ['void', 'ptr', 'u32'],
  vasto_keyspace_options_set_replicas: ['void', 'ptr', 'u32'],
  vasto_keyspace_options_set_acks: ['void', 'ptr', 'i32'],
  vasto_keyspace_options_set_sync: ['void', 'ptr', 'i32'],
  vasto_keyspace_options_set_ttl_seconds: ['void', 'ptr', 'u64'],
  vasto_keyspace_options_set_tags: ['void', 'ptr', 'str'],
  vasto_keyspace_options_destroy: ['void', 'ptr'],
  vasto_admin_create_keyspace: [status, 'ptr', 'str', 'ptr', 'ptr', 'ptr'],
  vasto_admin_delete_keyspace: [status, 'ptr', 'str', 'ptr', 'ptr'],
  vasto_admin_compact_keyspace: [status, 'ptr', 'str', 'ptr', 'ptr'],
  vasto_admin_describe: [status, 'ptr', 'i32', 'str', 'ptr', 'ptr', 'ptr'],
  vasto_admin_usage: [status, 'ptr', 'str', 'ptr', 'ptr', 'ptr', 'ptr', 'ptr', 'ptr'],
  vasto_admin_op_id: ['str', 'ptr'],
  vasto_admin_op_progress: [status, 'ptr', 'ptr', 'ptr', 'ptr'],
  vasto_admin_op_wait: [status, 'ptr', 'i64', 'ptr'],
  vasto_admin_op_destroy: ['void', 'ptr'],

  // Of the C library, which comes with libvasto.
  memcpy: ['void', 'ptr', 'ptr', 'size'],
  poll: ['i32', 'ptr', 'u64', 'i32'],
} as const satisfies Record<string, Signature>;

type Arguments<S extends readonly unknown[]> = S extends readonly [unknown, ...infer Rest]
  ? { -readonly [I in keyof Rest]: Rest[I] extends keyof ArgumentTypes ? ArgumentTypes[Rest[I]] : never }
  : never;

type Result<S extends readonly unknown[]> = S[0] extends keyof ResultTypes ? ResultTypes[S[0]] : never;

/** A function of the library: called at once, or on a thread of libuv's pool. */
export interface NativeFunction<A extends unknown[], R> {
  (...args: A): R;
  async: (...args: [...A, (error: Error | null, result: R) => void]) => void;
}

export type Functions = {
  readonly [N in keyof typeof SIGNATURES]: NativeFunction<
    Arguments<(typeof SIGNATURES)[N]>,
    Result<(typeof SIGNATURES)[N]>
  >;
};

/** The names that koffi has for the types of the table. */
export const KOFFI_TYPES: Readonly<Record<keyof ArgumentTypes | keyof ResultTypes, string>> = {
  void: 'void',
  ptr: 'void *',
  str: 'str',
  i32: 'int32_t',
  u32: 'uint32_t',
  i64: 'int64_t',
  u64: 'uint64_t',
  size: 'size_t',
  bool: 'bool',
};
