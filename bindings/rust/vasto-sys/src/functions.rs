// SPDX-License-Identifier: Apache-2.0
//! Every function of the header, in its order, and the table of their addresses. A test compares
//! names, arguments and results with the header.

use std::ffi::{c_char, c_int, c_void};

use crate::load::{LoadError, Symbols};
use crate::types::*;

macro_rules! api {
    (
        required { $(fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $result:ty)?;)* }
        optional { $(fn $late:ident($($late_arg:ident: $late_type:ty),* $(,)?) $(-> $late_result:ty)?;)* }
    ) => {
        /// The functions of one loaded library.
        pub struct Api {
            $(
                #[doc = concat!("`", stringify!($name), "` of the header.")]
                pub $name: unsafe extern "C" fn($($arg: $type),*) $(-> $result)?,
            )*
            $(
                #[doc = concat!("`", stringify!($late), "` of the header; `None` if the library lacks it.")]
                pub $late: Option<unsafe extern "C" fn($($late_arg: $late_type),*) $(-> $late_result)?>,
            )*
        }

        impl Api {
            /// Every function, as (name, arguments and result); for the comparison with the header.
            pub const FUNCTIONS: &'static [(&'static str, &'static str)] = &[
                $((stringify!($name), stringify!(($($type),*) $(-> $result)?)),)*
                $((stringify!($late), stringify!(($($late_type),*) $(-> $late_result)?)),)*
            ];

            pub(crate) fn bind(symbols: &Symbols) -> Result<Api, LoadError> {
                // SAFETY: the types are those of the header, which a library of this version has.
                unsafe {
                    Ok(Api {
                        $($name: symbols.required(stringify!($name))?,)*
                        $($late: symbols.optional(stringify!($late)),)*
                    })
                }
            }
        }
    };
}

api! {
required {
    fn vasto_version(out_major: *mut i32, out_minor: *mut i32, out_patch: *mut i32);
    fn vasto_version_string() -> *const c_char;
    fn vasto_status_name(code: vasto_status_t) -> *const c_char;
    fn vasto_status_is_retryable(code: vasto_status_t) -> bool;
    fn vasto_partition_hash(data: *const c_void, size: usize) -> u64;
    fn vasto_version_time_ns(version: u64) -> u64;
    fn vasto_error_code(error: *const vasto_error_t) -> vasto_status_t;
    fn vasto_error_message(error: *const vasto_error_t) -> *const c_char;
    fn vasto_error_is_retryable(error: *const vasto_error_t) -> bool;
    fn vasto_error_is_in_doubt(error: *const vasto_error_t) -> bool;
    fn vasto_error_origin(error: *const vasto_error_t) -> *const c_char;
    fn vasto_error_destroy(error: *mut vasto_error_t);
    fn vasto_config_create(
        out_config: *mut *mut vasto_config_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_config_set(
        config: *mut vasto_config_t,
        key: *const c_char,
        value: *const c_char,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_config_get(
        config: *const vasto_config_t,
        key: *const c_char,
        out_value: *mut *const c_char,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_config_load_file(
        config: *mut vasto_config_t,
        path: *const c_char,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_config_key_at(index: usize) -> *const c_char;
    fn vasto_config_set_log_callback(
        config: *mut vasto_config_t,
        callback: vasto_log_callback_t,
        user_data: *mut c_void,
        level: i32,
    );
    fn vasto_config_destroy(config: *mut vasto_config_t);
    fn vasto_client_open(
        config: *const vasto_config_t,
        out_client: *mut *mut vasto_client_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_client_close(
        client: *mut vasto_client_t,
        timeout_ms: i64,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_client_destroy(client: *mut vasto_client_t);
    fn vasto_keyspace_open(
        client: *mut vasto_client_t,
        name: *const c_char,
        out_keyspace: *mut *mut vasto_keyspace_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_keyspace_name(keyspace: *const vasto_keyspace_t) -> *const c_char;
    fn vasto_keyspace_id(keyspace: *const vasto_keyspace_t) -> *const c_char;
    fn vasto_keyspace_shard_count(keyspace: *const vasto_keyspace_t) -> u32;
    fn vasto_keyspace_replica_count(keyspace: *const vasto_keyspace_t) -> u32;
    fn vasto_keyspace_shard_of(keyspace: *const vasto_keyspace_t, key: *const vasto_key_t) -> u32;
    fn vasto_keyspace_destroy(keyspace: *mut vasto_keyspace_t);
    fn vasto_session_create(
        keyspace: *mut vasto_keyspace_t,
        out_session: *mut *mut vasto_session_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_session_token(
        session: *mut vasto_session_t,
        buffer: *mut c_void,
        capacity: usize,
        out_size: *mut usize,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_session_import(
        session: *mut vasto_session_t,
        token: *const c_void,
        token_size: usize,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_session_destroy(session: *mut vasto_session_t);
    fn vasto_read_options_create(
        out_options: *mut *mut vasto_read_options_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_read_options_set_timeout_ms(options: *mut vasto_read_options_t, timeout_ms: u64);
    fn vasto_read_options_set_replica(options: *mut vasto_read_options_t, replica: i32);
    fn vasto_read_options_set_max_staleness_ms(
        options: *mut vasto_read_options_t,
        max_staleness_ms: u64,
    );
    fn vasto_read_options_set_hedge(options: *mut vasto_read_options_t, hedge: bool);
    fn vasto_read_options_set_session(
        options: *mut vasto_read_options_t,
        session: *mut vasto_session_t,
    );
    fn vasto_read_options_destroy(options: *mut vasto_read_options_t);
    fn vasto_write_options_create(
        out_options: *mut *mut vasto_write_options_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_write_options_set_timeout_ms(options: *mut vasto_write_options_t, timeout_ms: u64);
    fn vasto_write_options_set_ttl_seconds(options: *mut vasto_write_options_t, ttl_seconds: u64);
    fn vasto_write_options_set_expires_at_ns(
        options: *mut vasto_write_options_t,
        expires_at_ns: u64,
    );
    fn vasto_write_options_set_updated_at_ns(
        options: *mut vasto_write_options_t,
        updated_at_ns: u64,
    );
    fn vasto_write_options_set_value_type(options: *mut vasto_write_options_t, r#type: u32);
    fn vasto_write_options_set_if_absent(options: *mut vasto_write_options_t);
    fn vasto_write_options_set_if_version(options: *mut vasto_write_options_t, version: u64);
    fn vasto_write_options_clear_condition(options: *mut vasto_write_options_t);
    fn vasto_write_options_set_acks(options: *mut vasto_write_options_t, acks: i32);
    fn vasto_write_options_set_session(
        options: *mut vasto_write_options_t,
        session: *mut vasto_session_t,
    );
    fn vasto_write_options_destroy(options: *mut vasto_write_options_t);
    fn vasto_scan_options_create(
        out_options: *mut *mut vasto_scan_options_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_scan_options_set_timeout_ms(options: *mut vasto_scan_options_t, timeout_ms: u64);
    fn vasto_scan_options_set_limit(options: *mut vasto_scan_options_t, limit: u64);
    fn vasto_scan_options_set_keys_only(options: *mut vasto_scan_options_t, keys_only: bool);
    fn vasto_scan_options_set_page_bytes(options: *mut vasto_scan_options_t, page_bytes: u64);
    fn vasto_scan_options_set_replica(options: *mut vasto_scan_options_t, replica: i32);
    fn vasto_scan_options_set_max_staleness_ms(
        options: *mut vasto_scan_options_t,
        max_staleness_ms: u64,
    );
    fn vasto_scan_options_set_session(
        options: *mut vasto_scan_options_t,
        session: *mut vasto_session_t,
    );
    fn vasto_scan_options_set_resume_token(
        options: *mut vasto_scan_options_t,
        token: *const c_void,
        token_size: usize,
    );
    fn vasto_scan_options_destroy(options: *mut vasto_scan_options_t);
    fn vasto_get(
        keyspace: *mut vasto_keyspace_t,
        key: *const vasto_key_t,
        options: *const vasto_read_options_t,
        out_value: *mut *mut vasto_value_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_get_into(
        keyspace: *mut vasto_keyspace_t,
        key: *const vasto_key_t,
        options: *const vasto_read_options_t,
        buffer: *mut c_void,
        capacity: usize,
        out_size: *mut usize,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_stat(
        keyspace: *mut vasto_keyspace_t,
        key: *const vasto_key_t,
        options: *const vasto_read_options_t,
        out_value: *mut *mut vasto_value_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_multi_get(
        keyspace: *mut vasto_keyspace_t,
        keys: *const vasto_key_t,
        count: usize,
        options: *const vasto_read_options_t,
        out_values: *mut *mut vasto_value_t,
        out_codes: *mut vasto_status_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_value_data(value: *const vasto_value_t) -> *const c_void;
    fn vasto_value_size(value: *const vasto_value_t) -> usize;
    fn vasto_value_type(value: *const vasto_value_t) -> u32;
    fn vasto_value_version(value: *const vasto_value_t) -> u64;
    fn vasto_value_updated_at_ns(value: *const vasto_value_t) -> u64;
    fn vasto_value_expires_at_ns(value: *const vasto_value_t) -> u64;
    fn vasto_value_destroy(value: *mut vasto_value_t);
    fn vasto_put(
        keyspace: *mut vasto_keyspace_t,
        key: *const vasto_key_t,
        data: *const c_void,
        size: usize,
        options: *const vasto_write_options_t,
        out_version: *mut u64,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_delete(
        keyspace: *mut vasto_keyspace_t,
        key: *const vasto_key_t,
        options: *const vasto_write_options_t,
        out_version: *mut u64,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_touch(
        keyspace: *mut vasto_keyspace_t,
        key: *const vasto_key_t,
        ttl_seconds: u64,
        options: *const vasto_write_options_t,
        out_version: *mut u64,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_merge(
        keyspace: *mut vasto_keyspace_t,
        key: *const vasto_key_t,
        operation: i32,
        operand: *const c_void,
        size: usize,
        options: *const vasto_write_options_t,
        out_version: *mut u64,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_batch_create(
        out_batch: *mut *mut vasto_batch_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_batch_put(
        batch: *mut vasto_batch_t,
        key: *const vasto_key_t,
        data: *const c_void,
        size: usize,
        options: *const vasto_write_options_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_batch_delete(
        batch: *mut vasto_batch_t,
        key: *const vasto_key_t,
        options: *const vasto_write_options_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_batch_merge(
        batch: *mut vasto_batch_t,
        key: *const vasto_key_t,
        operation: i32,
        operand: *const c_void,
        size: usize,
        options: *const vasto_write_options_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_batch_count(batch: *const vasto_batch_t) -> usize;
    fn vasto_batch_clear(batch: *mut vasto_batch_t);
    fn vasto_batch_write(
        keyspace: *mut vasto_keyspace_t,
        batch: *const vasto_batch_t,
        options: *const vasto_write_options_t,
        out_result: *mut *mut vasto_batch_result_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_batch_destroy(batch: *mut vasto_batch_t);
    fn vasto_batch_result_count(result: *const vasto_batch_result_t) -> usize;
    fn vasto_batch_result_code(result: *const vasto_batch_result_t, index: usize) -> vasto_status_t;
    fn vasto_batch_result_version(result: *const vasto_batch_result_t, index: usize) -> u64;
    fn vasto_batch_result_destroy(result: *mut vasto_batch_result_t);
    fn vasto_scan_prefix(
        keyspace: *mut vasto_keyspace_t,
        prefix: *const c_void,
        prefix_size: usize,
        options: *const vasto_scan_options_t,
        out_iter: *mut *mut vasto_iter_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_scan_range(
        keyspace: *mut vasto_keyspace_t,
        start: *const c_void,
        start_size: usize,
        end: *const c_void,
        end_size: usize,
        options: *const vasto_scan_options_t,
        out_iter: *mut *mut vasto_iter_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_iter_next(
        iter: *mut vasto_iter_t,
        out_row: *mut vasto_kv_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_iter_next_block(
        iter: *mut vasto_iter_t,
        out_rows: *mut vasto_kv_t,
        capacity: usize,
        out_count: *mut usize,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_iter_ready_async(
        iter: *mut vasto_iter_t,
        out_future: *mut *mut vasto_future_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_iter_resume_token(
        iter: *mut vasto_iter_t,
        out_token: *mut *const c_void,
        out_size: *mut usize,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_iter_destroy(iter: *mut vasto_iter_t);
    fn vasto_watch_options_create(
        out_options: *mut *mut vasto_watch_options_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_watch_options_set_timeout_ms(options: *mut vasto_watch_options_t, timeout_ms: u64);
    fn vasto_watch_options_set_resume_token(
        options: *mut vasto_watch_options_t,
        token: *const c_void,
        token_size: usize,
    );
    fn vasto_watch_options_destroy(options: *mut vasto_watch_options_t);
    fn vasto_watch_open(
        keyspace: *mut vasto_keyspace_t,
        prefix: *const c_void,
        prefix_size: usize,
        options: *const vasto_watch_options_t,
        out_watch: *mut *mut vasto_watch_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_watch_next(
        watch: *mut vasto_watch_t,
        out_changes: *mut vasto_kv_t,
        capacity: usize,
        timeout_ms: i64,
        out_count: *mut usize,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_watch_resume_token(
        watch: *mut vasto_watch_t,
        out_token: *mut *const c_void,
        out_size: *mut usize,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_watch_destroy(watch: *mut vasto_watch_t);
    fn vasto_get_async(
        keyspace: *mut vasto_keyspace_t,
        key: *const vasto_key_t,
        options: *const vasto_read_options_t,
        out_future: *mut *mut vasto_future_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_stat_async(
        keyspace: *mut vasto_keyspace_t,
        key: *const vasto_key_t,
        options: *const vasto_read_options_t,
        out_future: *mut *mut vasto_future_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_multi_get_async(
        keyspace: *mut vasto_keyspace_t,
        keys: *const vasto_key_t,
        count: usize,
        options: *const vasto_read_options_t,
        out_future: *mut *mut vasto_future_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_put_async(
        keyspace: *mut vasto_keyspace_t,
        key: *const vasto_key_t,
        data: *const c_void,
        size: usize,
        options: *const vasto_write_options_t,
        out_future: *mut *mut vasto_future_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_delete_async(
        keyspace: *mut vasto_keyspace_t,
        key: *const vasto_key_t,
        options: *const vasto_write_options_t,
        out_future: *mut *mut vasto_future_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_merge_async(
        keyspace: *mut vasto_keyspace_t,
        key: *const vasto_key_t,
        operation: i32,
        operand: *const c_void,
        size: usize,
        options: *const vasto_write_options_t,
        out_future: *mut *mut vasto_future_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_touch_async(
        keyspace: *mut vasto_keyspace_t,
        key: *const vasto_key_t,
        ttl_seconds: u64,
        options: *const vasto_write_options_t,
        out_future: *mut *mut vasto_future_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_batch_write_async(
        keyspace: *mut vasto_keyspace_t,
        batch: *const vasto_batch_t,
        options: *const vasto_write_options_t,
        out_future: *mut *mut vasto_future_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_future_wait(
        future: *mut vasto_future_t,
        timeout_ms: i64,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_future_is_ready(future: *const vasto_future_t) -> bool;
    fn vasto_future_status(
        future: *const vasto_future_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_future_version(future: *const vasto_future_t) -> u64;
    fn vasto_future_take_value(
        future: *mut vasto_future_t,
        out_value: *mut *mut vasto_value_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_future_take_values(
        future: *mut vasto_future_t,
        out_values: *mut *mut vasto_value_t,
        out_codes: *mut vasto_status_t,
        count: usize,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_future_take_batch_result(
        future: *mut vasto_future_t,
        out_result: *mut *mut vasto_batch_result_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_future_on_ready(
        future: *mut vasto_future_t,
        callback: vasto_future_callback_t,
        user_data: *mut c_void,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_future_cancel(future: *mut vasto_future_t);
    fn vasto_future_destroy(future: *mut vasto_future_t);
    fn vasto_future_destroy_block(futures: *mut *mut vasto_future_t, count: usize);
    fn vasto_queue_create(
        out_queue: *mut *mut vasto_queue_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_queue_attach(
        queue: *mut vasto_queue_t,
        future: *mut vasto_future_t,
        tag: u64,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_queue_fd(queue: *const vasto_queue_t) -> c_int;
    fn vasto_queue_next(
        queue: *mut vasto_queue_t,
        timeout_ms: i64,
        out_future: *mut *mut vasto_future_t,
        out_tag: *mut u64,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_queue_next_block(
        queue: *mut vasto_queue_t,
        timeout_ms: i64,
        out_futures: *mut *mut vasto_future_t,
        out_tags: *mut u64,
        capacity: usize,
        out_count: *mut usize,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_queue_next_results(
        queue: *mut vasto_queue_t,
        timeout_ms: i64,
        out_futures: *mut *mut vasto_future_t,
        out_tags: *mut u64,
        out_codes: *mut vasto_status_t,
        out_rows: *mut vasto_kv_t,
        capacity: usize,
        out_count: *mut usize,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_queue_start_gets(
        queue: *mut vasto_queue_t,
        keyspace: *mut vasto_keyspace_t,
        keys: *const vasto_key_t,
        tags: *const u64,
        count: usize,
        options: *const vasto_read_options_t,
        out_futures: *mut *mut vasto_future_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_queue_start_puts(
        queue: *mut vasto_queue_t,
        keyspace: *mut vasto_keyspace_t,
        keys: *const vasto_key_t,
        values: *const vasto_slice_t,
        tags: *const u64,
        count: usize,
        options: *const vasto_write_options_t,
        out_futures: *mut *mut vasto_future_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_queue_destroy(queue: *mut vasto_queue_t);
    fn vasto_keyspace_options_create(
        out_options: *mut *mut vasto_keyspace_options_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_keyspace_options_set_shards(options: *mut vasto_keyspace_options_t, shards: u32);
    fn vasto_keyspace_options_set_replicas(options: *mut vasto_keyspace_options_t, replicas: u32);
    fn vasto_keyspace_options_set_acks(options: *mut vasto_keyspace_options_t, acks: i32);
    fn vasto_keyspace_options_set_sync(options: *mut vasto_keyspace_options_t, sync: i32);
    fn vasto_keyspace_options_set_ttl_seconds(
        options: *mut vasto_keyspace_options_t,
        ttl_seconds: u64,
    );
    fn vasto_keyspace_options_set_tags(options: *mut vasto_keyspace_options_t, tags: *const c_char);
    fn vasto_keyspace_options_destroy(options: *mut vasto_keyspace_options_t);
    fn vasto_admin_create_keyspace(
        client: *mut vasto_client_t,
        name: *const c_char,
        options: *const vasto_keyspace_options_t,
        out_op: *mut *mut vasto_admin_op_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_admin_delete_keyspace(
        client: *mut vasto_client_t,
        name: *const c_char,
        out_op: *mut *mut vasto_admin_op_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_admin_compact_keyspace(
        client: *mut vasto_client_t,
        name: *const c_char,
        out_op: *mut *mut vasto_admin_op_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_admin_describe(
        client: *mut vasto_client_t,
        what: i32,
        name: *const c_char,
        options: *const vasto_read_options_t,
        out_value: *mut *mut vasto_value_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_admin_usage(
        client: *mut vasto_client_t,
        name: *const c_char,
        options: *const vasto_read_options_t,
        out_capacity_bytes: *mut u64,
        out_free_bytes: *mut u64,
        out_used_bytes: *mut u64,
        out_keys: *mut u64,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_admin_op_id(op: *const vasto_admin_op_t) -> *const c_char;
    fn vasto_admin_op_progress(
        op: *mut vasto_admin_op_t,
        out_done: *mut u64,
        out_total: *mut u64,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_admin_op_wait(
        op: *mut vasto_admin_op_t,
        timeout_ms: i64,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
    fn vasto_admin_op_destroy(op: *mut vasto_admin_op_t);
}

optional {
    fn vasto_watch_ready_async(
        watch: *mut vasto_watch_t,
        out_future: *mut *mut vasto_future_t,
        err: *mut *mut vasto_error_t,
    ) -> vasto_status_t;
}
}
