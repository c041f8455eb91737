// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

/**
 * The functions of {@code vasto.h} that the binding calls, under their C names. {@link
 * LibraryLoader} binds them.
 *
 * <p>Handles, addresses and {@code size_t} are {@code long}: arguments that are plain numbers go
 * through JNA without a conversion. So the binding supports 64-bit platforms only. A C {@code bool}
 * is a {@code byte} as a result (only its low eight bits are defined) and an {@code int} as an
 * argument.
 */
final class NativeApi {
  // Library
  native void vasto_version(long outMajor, long outMinor, long outPatch);

  native long vasto_version_string();

  native long vasto_status_name(int code);

  native byte vasto_status_is_retryable(int code);

  native long vasto_partition_hash(long data, long size);

  native long vasto_version_time_ns(long version);

  // Error
  native long vasto_error_message(long error);

  native byte vasto_error_is_in_doubt(long error);

  native long vasto_error_origin(long error);

  native void vasto_error_destroy(long error);

  // Config
  native int vasto_config_create(long outConfig, long err);

  native int vasto_config_set(long config, long key, long value, long err);

  native int vasto_config_get(long config, long key, long outValue, long err);

  native int vasto_config_load_file(long config, long path, long err);

  native long vasto_config_key_at(long index);

  native void vasto_config_set_log_callback(long config, long callback, long userData, int level);

  native void vasto_config_destroy(long config);

  // Client, keyspace, session
  native int vasto_client_open(long config, long outClient, long err);

  native int vasto_client_close(long client, long timeoutMs, long err);

  native void vasto_client_destroy(long client);

  native int vasto_keyspace_open(long client, long name, long outKeyspace, long err);

  native long vasto_keyspace_name(long keyspace);

  native long vasto_keyspace_id(long keyspace);

  native int vasto_keyspace_shard_count(long keyspace);

  native int vasto_keyspace_replica_count(long keyspace);

  native int vasto_keyspace_shard_of(long keyspace, long key);

  native void vasto_keyspace_destroy(long keyspace);

  native int vasto_session_create(long keyspace, long outSession, long err);

  native int vasto_session_token(long session, long buffer, long capacity, long outSize, long err);

  native int vasto_session_import(long session, long token, long size, long err);

  native void vasto_session_destroy(long session);

  // Options
  native int vasto_read_options_create(long outOptions, long err);

  native void vasto_read_options_set_timeout_ms(long options, long timeoutMs);

  native void vasto_read_options_set_replica(long options, int replica);

  native void vasto_read_options_set_max_staleness_ms(long options, long maxStalenessMs);

  native void vasto_read_options_set_hedge(long options, int hedge);

  native void vasto_read_options_set_session(long options, long session);

  native void vasto_read_options_destroy(long options);

  native int vasto_write_options_create(long outOptions, long err);

  native void vasto_write_options_set_timeout_ms(long options, long timeoutMs);

  native void vasto_write_options_set_ttl_seconds(long options, long ttlSeconds);

  native void vasto_write_options_set_expires_at_ns(long options, long expiresAtNs);

  native void vasto_write_options_set_updated_at_ns(long options, long updatedAtNs);

  native void vasto_write_options_set_value_type(long options, int type);

  native void vasto_write_options_set_if_absent(long options);

  native void vasto_write_options_set_if_version(long options, long version);

  native void vasto_write_options_set_acks(long options, int acks);

  native void vasto_write_options_set_session(long options, long session);

  native void vasto_write_options_destroy(long options);

  native int vasto_scan_options_create(long outOptions, long err);

  native void vasto_scan_options_set_timeout_ms(long options, long timeoutMs);

  native void vasto_scan_options_set_limit(long options, long limit);

  native void vasto_scan_options_set_keys_only(long options, int keysOnly);

  native void vasto_scan_options_set_page_bytes(long options, long pageBytes);

  native void vasto_scan_options_set_replica(long options, int replica);

  native void vasto_scan_options_set_max_staleness_ms(long options, long maxStalenessMs);

  native void vasto_scan_options_set_session(long options, long session);

  native void vasto_scan_options_set_resume_token(long options, long token, long size);

  native void vasto_scan_options_destroy(long options);

  native int vasto_watch_options_create(long outOptions, long err);

  native void vasto_watch_options_set_timeout_ms(long options, long timeoutMs);

  native void vasto_watch_options_set_resume_token(long options, long token, long size);

  native void vasto_watch_options_destroy(long options);

  // Value
  native long vasto_value_data(long value);

  native long vasto_value_size(long value);

  native int vasto_value_type(long value);

  native long vasto_value_version(long value);

  native long vasto_value_updated_at_ns(long value);

  native long vasto_value_expires_at_ns(long value);

  native void vasto_value_destroy(long value);

  // Operations; gets and puts start with their queue.
  native int vasto_stat_async(long keyspace, long key, long options, long outFuture, long err);

  native int vasto_multi_get_async(
      long keyspace, long keys, long count, long options, long outFuture, long err);

  native int vasto_delete_async(long keyspace, long key, long options, long outFuture, long err);

  native int vasto_touch_async(
      long keyspace, long key, long ttlSeconds, long options, long outFuture, long err);

  native int vasto_merge_async(
      long keyspace,
      long key,
      int operation,
      long operand,
      long size,
      long options,
      long outFuture,
      long err);

  // Batch
  native int vasto_batch_create(long outBatch, long err);

  native int vasto_batch_put(long batch, long key, long data, long size, long options, long err);

  native int vasto_batch_delete(long batch, long key, long options, long err);

  native int vasto_batch_merge(
      long batch, long key, int operation, long operand, long size, long options, long err);

  native long vasto_batch_count(long batch);

  native void vasto_batch_clear(long batch);

  native int vasto_batch_write_async(
      long keyspace, long batch, long options, long outFuture, long err);

  native void vasto_batch_destroy(long batch);

  native long vasto_batch_result_count(long result);

  native int vasto_batch_result_code(long result, long index);

  native long vasto_batch_result_version(long result, long index);

  native void vasto_batch_result_destroy(long result);

  // Scan
  native int vasto_scan_prefix(
      long keyspace, long prefix, long size, long options, long outIter, long err);

  native int vasto_scan_range(
      long keyspace,
      long start,
      long startSize,
      long end,
      long endSize,
      long options,
      long outIter,
      long err);

  native int vasto_iter_next_block(long iter, long outRows, long capacity, long outCount, long err);

  native int vasto_iter_ready_async(long iter, long outFuture, long err);

  native int vasto_iter_resume_token(long iter, long outToken, long outSize, long err);

  native void vasto_iter_destroy(long iter);

  // Watch
  native int vasto_watch_open(
      long keyspace, long prefix, long size, long options, long outWatch, long err);

  native int vasto_watch_next(
      long watch, long outChanges, long capacity, long timeoutMs, long outCount, long err);

  native int vasto_watch_ready_async(long watch, long outFuture, long err);

  native int vasto_watch_resume_token(long watch, long outToken, long outSize, long err);

  native void vasto_watch_destroy(long watch);

  // Future and queue
  native int vasto_future_status(long future, long err);

  native int vasto_future_take_values(
      long future, long outValues, long outCodes, long count, long err);

  native int vasto_future_take_batch_result(long future, long outResult, long err);

  native void vasto_future_cancel(long future);

  native void vasto_future_destroy(long future);

  native void vasto_future_destroy_block(long futures, long count);

  native int vasto_queue_create(long outQueue, long err);

  native int vasto_queue_fd(long queue);

  native int vasto_queue_attach(long queue, long future, long tag, long err);

  native int vasto_queue_next_results(
      long queue,
      long timeoutMs,
      long outFutures,
      long outTags,
      long outCodes,
      long outRows,
      long capacity,
      long outCount,
      long err);

  native int vasto_queue_start_gets(
      long queue,
      long keyspace,
      long keys,
      long tags,
      long count,
      long options,
      long outFutures,
      long err);

  native int vasto_queue_start_puts(
      long queue,
      long keyspace,
      long keys,
      long values,
      long tags,
      long count,
      long options,
      long outFutures,
      long err);

  native void vasto_queue_destroy(long queue);

  // Admin
  native int vasto_keyspace_options_create(long outOptions, long err);

  native void vasto_keyspace_options_set_shards(long options, int shards);

  native void vasto_keyspace_options_set_replicas(long options, int replicas);

  native void vasto_keyspace_options_set_acks(long options, int acks);

  native void vasto_keyspace_options_set_sync(long options, int sync);

  native void vasto_keyspace_options_set_ttl_seconds(long options, long ttlSeconds);

  native void vasto_keyspace_options_set_tags(long options, long tags);

  native void vasto_keyspace_options_destroy(long options);

  native int vasto_admin_create_keyspace(
      long client, long name, long options, long outOp, long err);

  native int vasto_admin_delete_keyspace(long client, long name, long outOp, long err);

  native int vasto_admin_compact_keyspace(long client, long name, long outOp, long err);

  native int vasto_admin_describe(
      long client, int what, long name, long options, long outValue, long err);

  native int vasto_admin_usage(
      long client,
      long name,
      long options,
      long outCapacityBytes,
      long outFreeBytes,
      long outUsedBytes,
      long outKeys,
      long err);

  native long vasto_admin_op_id(long op);

  native int vasto_admin_op_progress(long op, long outDone, long outTotal, long err);

  native int vasto_admin_op_wait(long op, long timeoutMs, long err);

  native void vasto_admin_op_destroy(long op);
}
