// SPDX-License-Identifier: Apache-2.0
// Generated from vasto.h by generate_cdef.py.
#define VASTO_VERSION_MAJOR 1
#define VASTO_VERSION_MINOR 1
#define VASTO_VERSION_PATCH 0
#define VASTO_VERSION_CODE 10100

typedef int32_t vasto_status_t;

#define VASTO_OK 0
#define VASTO_NOT_FOUND 1
#define VASTO_END 2
#define VASTO_INVALID_ARGUMENT 3
#define VASTO_TIMEOUT 4
#define VASTO_UNAVAILABLE 5
#define VASTO_BUSY 6
#define VASTO_STALE_WRITE 7
#define VASTO_RESIZING 8
#define VASTO_TOO_LARGE 9
#define VASTO_BUFFER_TOO_SMALL 10
#define VASTO_CORRUPTION 11
#define VASTO_IO_ERROR 12
#define VASTO_NO_SPACE 13
#define VASTO_NOT_SUPPORTED 14
#define VASTO_ALREADY_EXISTS 15
#define VASTO_CANCELLED 16
#define VASTO_CLOSED 17
#define VASTO_WRONG_THREAD 18
#define VASTO_FORKED 19
#define VASTO_PERMISSION 20
#define VASTO_TOO_OLD 21
#define VASTO_INTERNAL 99

#define VASTO_MAX_KEY_SIZE 65536
#define VASTO_MAX_VALUE_SIZE 67108864
#define VASTO_MAX_KEYSPACE_NAME 128

#define VASTO_TYPE_BYTES 0
#define VASTO_TYPE_APPLICATION 64

#define VASTO_KEY_HAS_PARTITION_HASH 1
#define VASTO_KV_DELETED 2

#define VASTO_REPLICA_PRIMARY 0
#define VASTO_REPLICA_ANY 1
#define VASTO_REPLICA_NEAREST 2

#define VASTO_MERGE_ADD_INT64 1
#define VASTO_MERGE_MIN_INT64 2
#define VASTO_MERGE_MAX_INT64 3
#define VASTO_MERGE_ADD_FLOAT64 4
#define VASTO_MERGE_MIN_FLOAT64 5
#define VASTO_MERGE_MAX_FLOAT64 6
#define VASTO_MERGE_APPEND 7

#define VASTO_ACKS_ONE 0
#define VASTO_ACKS_QUORUM 1
#define VASTO_ACKS_ALL 2
#define VASTO_ACKS_KEYSPACE -1

#define VASTO_SYNC_NONE 0
#define VASTO_SYNC_INTERVAL 1
#define VASTO_SYNC_ALWAYS 2

#define VASTO_DESCRIBE_STATUS 0
#define VASTO_DESCRIBE_STORES 1
#define VASTO_DESCRIBE_KEYSPACES 2
#define VASTO_DESCRIBE_KEYSPACE 3
#define VASTO_DESCRIBE_USAGE 4

#define VASTO_LOG_DEBUG 0
#define VASTO_LOG_INFO 1
#define VASTO_LOG_WARNING 2
#define VASTO_LOG_ERROR 3

typedef struct vasto_error_t vasto_error_t;
typedef struct vasto_config_t vasto_config_t;
typedef struct vasto_client_t vasto_client_t;
typedef struct vasto_keyspace_t vasto_keyspace_t;
typedef struct vasto_keyspace_options_t vasto_keyspace_options_t;
typedef struct vasto_session_t vasto_session_t;
typedef struct vasto_read_options_t vasto_read_options_t;
typedef struct vasto_write_options_t vasto_write_options_t;
typedef struct vasto_scan_options_t vasto_scan_options_t;
typedef struct vasto_watch_options_t vasto_watch_options_t;
typedef struct vasto_value_t vasto_value_t;
typedef struct vasto_batch_t vasto_batch_t;
typedef struct vasto_batch_result_t vasto_batch_result_t;
typedef struct vasto_iter_t vasto_iter_t;
typedef struct vasto_watch_t vasto_watch_t;
typedef struct vasto_future_t vasto_future_t;
typedef struct vasto_queue_t vasto_queue_t;
typedef struct vasto_admin_op_t vasto_admin_op_t;

typedef struct vasto_slice_t {
  const void* data;
  size_t size;
} vasto_slice_t;

typedef struct vasto_key_t {
  vasto_slice_t key;
  uint64_t partition_hash;
  uint32_t flags;
  uint32_t reserved;
} vasto_key_t;

typedef struct vasto_kv_t {
  vasto_slice_t key;
  vasto_slice_t value;
  uint64_t partition_hash;
  uint64_t version;
  uint64_t updated_at_ns;
  uint64_t expires_at_ns;
  uint32_t type;
  uint32_t flags;
} vasto_kv_t;

typedef void (*vasto_log_callback_t)(void* user_data, int32_t level, const char* message);

typedef void (*vasto_future_callback_t)(vasto_future_t* future, void* user_data);

void vasto_version(int32_t* out_major, int32_t* out_minor, int32_t* out_patch);

const char* vasto_version_string(void);

const char* vasto_status_name(vasto_status_t code);

bool vasto_status_is_retryable(vasto_status_t code);

uint64_t vasto_partition_hash(const void* data, size_t size);

uint64_t vasto_version_time_ns(uint64_t version);

vasto_status_t vasto_error_code(const vasto_error_t* error);

const char* vasto_error_message(const vasto_error_t* error);

bool vasto_error_is_retryable(const vasto_error_t* error);

bool vasto_error_is_in_doubt(const vasto_error_t* error);

const char* vasto_error_origin(const vasto_error_t* error);

void vasto_error_destroy(vasto_error_t* error);

vasto_status_t vasto_config_create(vasto_config_t** out_config, vasto_error_t** err);

vasto_status_t vasto_config_set(vasto_config_t* config, const char* key, const char* value, vasto_error_t**
    err);

vasto_status_t vasto_config_get(const vasto_config_t* config, const char* key, const char** out_value,
    vasto_error_t** err);

vasto_status_t vasto_config_load_file(vasto_config_t* config, const char* path, vasto_error_t** err);

const char* vasto_config_key_at(size_t index);

void vasto_config_set_log_callback(vasto_config_t* config, vasto_log_callback_t callback, void* user_data,
    int32_t level);

void vasto_config_destroy(vasto_config_t* config);

vasto_status_t vasto_client_open(const vasto_config_t* config, vasto_client_t** out_client, vasto_error_t**
    err);

vasto_status_t vasto_client_close(vasto_client_t* client, int64_t timeout_ms, vasto_error_t** err);

void vasto_client_destroy(vasto_client_t* client);

vasto_status_t vasto_keyspace_open(vasto_client_t* client, const char* name, vasto_keyspace_t** out_keyspace,
    vasto_error_t** err);

const char* vasto_keyspace_name(const vasto_keyspace_t* keyspace);

const char* vasto_keyspace_id(const vasto_keyspace_t* keyspace);

uint32_t vasto_keyspace_shard_count(const vasto_keyspace_t* keyspace);

uint32_t vasto_keyspace_replica_count(const vasto_keyspace_t* keyspace);

uint32_t vasto_keyspace_shard_of(const vasto_keyspace_t* keyspace, const vasto_key_t* key);

void vasto_keyspace_destroy(vasto_keyspace_t* keyspace);

vasto_status_t vasto_session_create(vasto_keyspace_t* keyspace, vasto_session_t** out_session, vasto_error_t**
    err);

vasto_status_t vasto_session_token(vasto_session_t* session, void* buffer, size_t capacity, size_t* out_size,
    vasto_error_t** err);

vasto_status_t vasto_session_import(vasto_session_t* session, const void* token, size_t token_size,
    vasto_error_t** err);

void vasto_session_destroy(vasto_session_t* session);

vasto_status_t vasto_read_options_create(vasto_read_options_t** out_options, vasto_error_t** err);

void vasto_read_options_set_timeout_ms(vasto_read_options_t* options, uint64_t timeout_ms);

void vasto_read_options_set_replica(vasto_read_options_t* options, int32_t replica);

void vasto_read_options_set_max_staleness_ms(vasto_read_options_t* options, uint64_t max_staleness_ms);

void vasto_read_options_set_hedge(vasto_read_options_t* options, bool hedge);

void vasto_read_options_set_session(vasto_read_options_t* options, vasto_session_t* session);

void vasto_read_options_destroy(vasto_read_options_t* options);

vasto_status_t vasto_write_options_create(vasto_write_options_t** out_options, vasto_error_t** err);

void vasto_write_options_set_timeout_ms(vasto_write_options_t* options, uint64_t timeout_ms);

void vasto_write_options_set_ttl_seconds(vasto_write_options_t* options, uint64_t ttl_seconds);

void vasto_write_options_set_expires_at_ns(vasto_write_options_t* options, uint64_t expires_at_ns);

void vasto_write_options_set_updated_at_ns(vasto_write_options_t* options, uint64_t updated_at_ns);

void vasto_write_options_set_value_type(vasto_write_options_t* options, uint32_t type);

void vasto_write_options_set_if_absent(vasto_write_options_t* options);

void vasto_write_options_set_if_version(vasto_write_options_t* options, uint64_t version);

void vasto_write_options_clear_condition(vasto_write_options_t* options);

void vasto_write_options_set_acks(vasto_write_options_t* options, int32_t acks);

void vasto_write_options_set_session(vasto_write_options_t* options, vasto_session_t* session);

void vasto_write_options_destroy(vasto_write_options_t* options);

vasto_status_t vasto_scan_options_create(vasto_scan_options_t** out_options, vasto_error_t** err);

void vasto_scan_options_set_timeout_ms(vasto_scan_options_t* options, uint64_t timeout_ms);

void vasto_scan_options_set_limit(vasto_scan_options_t* options, uint64_t limit);

void vasto_scan_options_set_keys_only(vasto_scan_options_t* options, bool keys_only);

void vasto_scan_options_set_page_bytes(vasto_scan_options_t* options, uint64_t page_bytes);

void vasto_scan_options_set_replica(vasto_scan_options_t* options, int32_t replica);

void vasto_scan_options_set_max_staleness_ms(vasto_scan_options_t* options, uint64_t max_staleness_ms);

void vasto_scan_options_set_session(vasto_scan_options_t* options, vasto_session_t* session);

void vasto_scan_options_set_resume_token(vasto_scan_options_t* options, const void* token, size_t token_size);

void vasto_scan_options_destroy(vasto_scan_options_t* options);

vasto_status_t vasto_get(vasto_keyspace_t* keyspace, const vasto_key_t* key, const vasto_read_options_t*
    options, vasto_value_t** out_value, vasto_error_t** err);

vasto_status_t vasto_get_into(vasto_keyspace_t* keyspace, const vasto_key_t* key, const vasto_read_options_t*
    options, void* buffer, size_t capacity, size_t* out_size, vasto_error_t** err);

vasto_status_t vasto_stat(vasto_keyspace_t* keyspace, const vasto_key_t* key, const vasto_read_options_t*
    options, vasto_value_t** out_value, vasto_error_t** err);

vasto_status_t vasto_multi_get(vasto_keyspace_t* keyspace, const vasto_key_t* keys, size_t count, const
    vasto_read_options_t* options, vasto_value_t** out_values, vasto_status_t* out_codes, vasto_error_t**
    err);

const void* vasto_value_data(const vasto_value_t* value);

size_t vasto_value_size(const vasto_value_t* value);

uint32_t vasto_value_type(const vasto_value_t* value);

uint64_t vasto_value_version(const vasto_value_t* value);

uint64_t vasto_value_updated_at_ns(const vasto_value_t* value);

uint64_t vasto_value_expires_at_ns(const vasto_value_t* value);

void vasto_value_destroy(vasto_value_t* value);

vasto_status_t vasto_put(vasto_keyspace_t* keyspace, const vasto_key_t* key, const void* data, size_t size,
    const vasto_write_options_t* options, uint64_t* out_version, vasto_error_t** err);

vasto_status_t vasto_delete(vasto_keyspace_t* keyspace, const vasto_key_t* key, const vasto_write_options_t*
    options, uint64_t* out_version, vasto_error_t** err);

vasto_status_t vasto_touch(vasto_keyspace_t* keyspace, const vasto_key_t* key, uint64_t ttl_seconds, const
    vasto_write_options_t* options, uint64_t* out_version, vasto_error_t** err);

vasto_status_t vasto_merge(vasto_keyspace_t* keyspace, const vasto_key_t* key, int32_t operation, const void*
    operand, size_t size, const vasto_write_options_t* options, uint64_t* out_version, vasto_error_t** err);

vasto_status_t vasto_batch_create(vasto_batch_t** out_batch, vasto_error_t** err);

vasto_status_t vasto_batch_put(vasto_batch_t* batch, const vasto_key_t* key, const void* data, size_t size,
    const vasto_write_options_t* options, vasto_error_t** err);

vasto_status_t vasto_batch_delete(vasto_batch_t* batch, const vasto_key_t* key, const vasto_write_options_t*
    options, vasto_error_t** err);

vasto_status_t vasto_batch_merge(vasto_batch_t* batch, const vasto_key_t* key, int32_t operation, const void*
    operand, size_t size, const vasto_write_options_t* options, vasto_error_t** err);

size_t vasto_batch_count(const vasto_batch_t* batch);

void vasto_batch_clear(vasto_batch_t* batch);

vasto_status_t vasto_batch_write(vasto_keyspace_t* keyspace, const vasto_batch_t* batch, const
    vasto_write_options_t* options, vasto_batch_result_t** out_result, vasto_error_t** err);

void vasto_batch_destroy(vasto_batch_t* batch);

size_t vasto_batch_result_count(const vasto_batch_result_t* result);

vasto_status_t vasto_batch_result_code(const vasto_batch_result_t* result, size_t index);

uint64_t vasto_batch_result_version(const vasto_batch_result_t* result, size_t index);

void vasto_batch_result_destroy(vasto_batch_result_t* result);

vasto_status_t vasto_scan_prefix(vasto_keyspace_t* keyspace, const void* prefix, size_t prefix_size, const
    vasto_scan_options_t* options, vasto_iter_t** out_iter, vasto_error_t** err);

vasto_status_t vasto_scan_range(vasto_keyspace_t* keyspace, const void* start, size_t start_size, const void*
    end, size_t end_size, const vasto_scan_options_t* options, vasto_iter_t** out_iter, vasto_error_t** err);

vasto_status_t vasto_iter_next(vasto_iter_t* iter, vasto_kv_t* out_row, vasto_error_t** err);

vasto_status_t vasto_iter_next_block(vasto_iter_t* iter, vasto_kv_t* out_rows, size_t capacity, size_t*
    out_count, vasto_error_t** err);

vasto_status_t vasto_iter_ready_async(vasto_iter_t* iter, vasto_future_t** out_future, vasto_error_t** err);

vasto_status_t vasto_iter_resume_token(vasto_iter_t* iter, const void** out_token, size_t* out_size,
    vasto_error_t** err);

void vasto_iter_destroy(vasto_iter_t* iter);

vasto_status_t vasto_watch_options_create(vasto_watch_options_t** out_options, vasto_error_t** err);

void vasto_watch_options_set_timeout_ms(vasto_watch_options_t* options, uint64_t timeout_ms);

void vasto_watch_options_set_resume_token(vasto_watch_options_t* options, const void* token, size_t
    token_size);

void vasto_watch_options_destroy(vasto_watch_options_t* options);

vasto_status_t vasto_watch_open(vasto_keyspace_t* keyspace, const void* prefix, size_t prefix_size, const
    vasto_watch_options_t* options, vasto_watch_t** out_watch, vasto_error_t** err);

vasto_status_t vasto_watch_next(vasto_watch_t* watch, vasto_kv_t* out_changes, size_t capacity, int64_t
    timeout_ms, size_t* out_count, vasto_error_t** err);

vasto_status_t vasto_watch_ready_async(vasto_watch_t* watch, vasto_future_t** out_future, vasto_error_t**
    err);

vasto_status_t vasto_watch_resume_token(vasto_watch_t* watch, const void** out_token, size_t* out_size,
    vasto_error_t** err);

void vasto_watch_destroy(vasto_watch_t* watch);

vasto_status_t vasto_get_async(vasto_keyspace_t* keyspace, const vasto_key_t* key, const vasto_read_options_t*
    options, vasto_future_t** out_future, vasto_error_t** err);

vasto_status_t vasto_stat_async(vasto_keyspace_t* keyspace, const vasto_key_t* key, const
    vasto_read_options_t* options, vasto_future_t** out_future, vasto_error_t** err);

vasto_status_t vasto_multi_get_async(vasto_keyspace_t* keyspace, const vasto_key_t* keys, size_t count, const
    vasto_read_options_t* options, vasto_future_t** out_future, vasto_error_t** err);

vasto_status_t vasto_put_async(vasto_keyspace_t* keyspace, const vasto_key_t* key, const void* data, size_t
    size, const vasto_write_options_t* options, vasto_future_t** out_future, vasto_error_t** err);

vasto_status_t vasto_delete_async(vasto_keyspace_t* keyspace, const vasto_key_t* key, const
    vasto_write_options_t* options, vasto_future_t** out_future, vasto_error_t** err);

vasto_status_t vasto_merge_async(vasto_keyspace_t* keyspace, const vasto_key_t* key, int32_t operation, const
    void* operand, size_t size, const vasto_write_options_t* options, vasto_future_t** out_future,
    vasto_error_t** err);

vasto_status_t vasto_touch_async(vasto_keyspace_t* keyspace, const vasto_key_t* key, uint64_t ttl_seconds,
    const vasto_write_options_t* options, vasto_future_t** out_future, vasto_error_t** err);

vasto_status_t vasto_batch_write_async(vasto_keyspace_t* keyspace, const vasto_batch_t* batch, const
    vasto_write_options_t* options, vasto_future_t** out_future, vasto_error_t** err);

vasto_status_t vasto_future_wait(vasto_future_t* future, int64_t timeout_ms, vasto_error_t** err);

bool vasto_future_is_ready(const vasto_future_t* future);

vasto_status_t vasto_future_status(const vasto_future_t* future, vasto_error_t** err);

uint64_t vasto_future_version(const vasto_future_t* future);

vasto_status_t vasto_future_take_value(vasto_future_t* future, vasto_value_t** out_value, vasto_error_t**
    err);

vasto_status_t vasto_future_take_values(vasto_future_t* future, vasto_value_t** out_values, vasto_status_t*
    out_codes, size_t count, vasto_error_t** err);

vasto_status_t vasto_future_take_batch_result(vasto_future_t* future, vasto_batch_result_t** out_result,
    vasto_error_t** err);

vasto_status_t vasto_future_on_ready(vasto_future_t* future, vasto_future_callback_t callback, void*
    user_data, vasto_error_t** err);

void vasto_future_cancel(vasto_future_t* future);

void vasto_future_destroy(vasto_future_t* future);

void vasto_future_destroy_block(vasto_future_t** futures, size_t count);

vasto_status_t vasto_queue_create(vasto_queue_t** out_queue, vasto_error_t** err);

vasto_status_t vasto_queue_attach(vasto_queue_t* queue, vasto_future_t* future, uint64_t tag, vasto_error_t**
    err);

int vasto_queue_fd(const vasto_queue_t* queue);

vasto_status_t vasto_queue_next(vasto_queue_t* queue, int64_t timeout_ms, vasto_future_t** out_future,
    uint64_t* out_tag, vasto_error_t** err);

vasto_status_t vasto_queue_next_block(vasto_queue_t* queue, int64_t timeout_ms, vasto_future_t** out_futures,
    uint64_t* out_tags, size_t capacity, size_t* out_count, vasto_error_t** err);

vasto_status_t vasto_queue_next_results(vasto_queue_t* queue, int64_t timeout_ms, vasto_future_t**
    out_futures, uint64_t* out_tags, vasto_status_t* out_codes, vasto_kv_t* out_rows, size_t capacity, size_t*
    out_count, vasto_error_t** err);

vasto_status_t vasto_queue_start_gets(vasto_queue_t* queue, vasto_keyspace_t* keyspace, const vasto_key_t*
    keys, const uint64_t* tags, size_t count, const vasto_read_options_t* options, vasto_future_t**
    out_futures, vasto_error_t** err);

vasto_status_t vasto_queue_start_puts(vasto_queue_t* queue, vasto_keyspace_t* keyspace, const vasto_key_t*
    keys, const vasto_slice_t* values, const uint64_t* tags, size_t count, const vasto_write_options_t*
    options, vasto_future_t** out_futures, vasto_error_t** err);

void vasto_queue_destroy(vasto_queue_t* queue);

vasto_status_t vasto_keyspace_options_create(vasto_keyspace_options_t** out_options, vasto_error_t** err);

void vasto_keyspace_options_set_shards(vasto_keyspace_options_t* options, uint32_t shards);

void vasto_keyspace_options_set_replicas(vasto_keyspace_options_t* options, uint32_t replicas);

void vasto_keyspace_options_set_acks(vasto_keyspace_options_t* options, int32_t acks);

void vasto_keyspace_options_set_sync(vasto_keyspace_options_t* options, int32_t sync);

void vasto_keyspace_options_set_ttl_seconds(vasto_keyspace_options_t* options, uint64_t ttl_seconds);

void vasto_keyspace_options_set_tags(vasto_keyspace_options_t* options, const char* tags);

void vasto_keyspace_options_destroy(vasto_keyspace_options_t* options);

vasto_status_t vasto_admin_create_keyspace(vasto_client_t* client, const char* name, const
    vasto_keyspace_options_t* options, vasto_admin_op_t** out_op, vasto_error_t** err);

vasto_status_t vasto_admin_delete_keyspace(vasto_client_t* client, const char* name, vasto_admin_op_t**
    out_op, vasto_error_t** err);

vasto_status_t vasto_admin_compact_keyspace(vasto_client_t* client, const char* name, vasto_admin_op_t**
    out_op, vasto_error_t** err);

vasto_status_t vasto_admin_describe(vasto_client_t* client, int32_t what, const char* name, const
    vasto_read_options_t* options, vasto_value_t** out_value, vasto_error_t** err);

vasto_status_t vasto_admin_usage(vasto_client_t* client, const char* name, const vasto_read_options_t*
    options, uint64_t* out_capacity_bytes, uint64_t* out_free_bytes, uint64_t* out_used_bytes, uint64_t*
    out_keys, vasto_error_t** err);

const char* vasto_admin_op_id(const vasto_admin_op_t* op);

vasto_status_t vasto_admin_op_progress(vasto_admin_op_t* op, uint64_t* out_done, uint64_t* out_total,
    vasto_error_t** err);

vasto_status_t vasto_admin_op_wait(vasto_admin_op_t* op, int64_t timeout_ms, vasto_error_t** err);

void vasto_admin_op_destroy(vasto_admin_op_t* op);
