// SPDX-License-Identifier: Apache-2.0
// Every function with NULL where a handle belongs: INVALID_ARGUMENT or a harmless answer, never a
// crash; out arguments are cleared.
#include "check.h"

static vasto_key_t key;

static void* const kNotNull = &key;

static void reads(void) {
  vasto_value_t* value = (vasto_value_t*)kNotNull;
  vasto_future_t* future = (vasto_future_t*)kNotNull;
  vasto_status_t code = 77;
  size_t size = 77;
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_get(NULL, &key, NULL, &value, &err));
  CHECK(value == NULL);
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_stat(NULL, &key, NULL, &value, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_get(NULL, &key, NULL, NULL, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_get_into(NULL, &key, NULL, NULL, 0, &size, &err));
  CHECK(size == 0);
  value = (vasto_value_t*)kNotNull;
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_multi_get(NULL, &key, 1, NULL, &value, &code, &err));
  CHECK(value == NULL && code != 77);
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_multi_get(NULL, &key, 1, NULL, NULL, &code, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_get_async(NULL, &key, NULL, &future, &err));
  CHECK(future == NULL);
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_stat_async(NULL, &key, NULL, &future, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_multi_get_async(NULL, &key, 1, NULL, &future, &err));
  CHECK(vasto_value_data(NULL) == NULL && vasto_value_size(NULL) == 0);
  CHECK(vasto_value_type(NULL) == 0 && vasto_value_version(NULL) == 0);
  CHECK(vasto_value_updated_at_ns(NULL) == 0 && vasto_value_expires_at_ns(NULL) == 0);
}

static void writes(void) {
  vasto_future_t* future = (vasto_future_t*)kNotNull;
  vasto_batch_result_t* result = (vasto_batch_result_t*)kNotNull;
  uint64_t version = 77;
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_put(NULL, &key, "", 0, NULL, &version, &err));
  CHECK(version == 0);
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_delete(NULL, &key, NULL, NULL, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_touch(NULL, &key, 1, NULL, NULL, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT,
             vasto_merge(NULL, &key, VASTO_MERGE_ADD_INT64, "1", 1, NULL, NULL, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT,
             vasto_merge_async(NULL, &key, VASTO_MERGE_APPEND, "1", 1, NULL, &future, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT,
             vasto_batch_merge(NULL, &key, VASTO_MERGE_APPEND, "1", 1, NULL, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_put_async(NULL, &key, "", 0, NULL, &future, &err));
  CHECK(future == NULL);
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_delete_async(NULL, &key, NULL, &future, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_touch_async(NULL, &key, 1, NULL, &future, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_batch_put(NULL, &key, "", 0, NULL, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_batch_delete(NULL, &key, NULL, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_batch_write(NULL, NULL, NULL, &result, &err));
  CHECK(result == NULL);
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_batch_write_async(NULL, NULL, NULL, &future, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_batch_create(NULL, &err));
  vasto_batch_clear(NULL);
  CHECK(vasto_batch_count(NULL) == 0 && vasto_batch_result_count(NULL) == 0);
  CHECK_INT(VASTO_INVALID_ARGUMENT, vasto_batch_result_code(NULL, 0));
  CHECK(vasto_batch_result_version(NULL, 0) == 0);
}

static void scans(void) {
  vasto_iter_t* iter = (vasto_iter_t*)kNotNull;
  vasto_future_t* future = (vasto_future_t*)kNotNull;
  vasto_kv_t row;
  size_t count = 77;
  const void* token = kNotNull;
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_scan_prefix(NULL, NULL, 0, NULL, &iter, &err));
  CHECK(iter == NULL);
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_scan_range(NULL, NULL, 0, NULL, 0, NULL, &iter, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_iter_next(NULL, &row, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_iter_next_block(NULL, &row, 1, &count, &err));
  CHECK(count == 0);
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_iter_ready_async(NULL, &future, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_iter_resume_token(NULL, &token, &count, &err));
  CHECK(token == NULL);
}

static void sessions(void) {
  vasto_session_t* session = (vasto_session_t*)kNotNull;
  char buffer[4];
  size_t size = 77;
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_session_create(NULL, &session, &err));
  CHECK(session == NULL);
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_session_create(NULL, NULL, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT,
             vasto_session_token(NULL, buffer, sizeof(buffer), &size, &err));
  CHECK(size == 0);
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_session_token(NULL, NULL, 0, NULL, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_session_import(NULL, "", 0, &err));
}

static void watches(void) {
  vasto_watch_t* watch = (vasto_watch_t*)kNotNull;
  vasto_future_t* future = (vasto_future_t*)kNotNull;
  vasto_kv_t change;
  size_t count = 77;
  const void* token = kNotNull;
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_watch_open(NULL, NULL, 0, NULL, &watch, &err));
  CHECK(watch == NULL);
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_watch_next(NULL, &change, 1, 0, &count, &err));
  CHECK(count == 0);
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_watch_ready_async(NULL, &future, &err));
  CHECK(future == NULL);
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_watch_ready_async(NULL, NULL, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_watch_resume_token(NULL, &token, &count, &err));
  CHECK(token == NULL);
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_watch_options_create(NULL, &err));
  vasto_watch_options_set_timeout_ms(NULL, 1);
  vasto_watch_options_set_resume_token(NULL, "", 0);
  vasto_watch_options_destroy(NULL);
  vasto_watch_destroy(NULL);
}

static void count_call(vasto_future_t* future, void* user_data) {
  (void)future;
  (void)user_data;
}

static void futures_and_queues(void) {
  vasto_value_t* value = (vasto_value_t*)kNotNull;
  vasto_batch_result_t* result = (vasto_batch_result_t*)kNotNull;
  vasto_future_t* future = (vasto_future_t*)kNotNull;
  vasto_status_t code = 77;
  size_t count = 77;
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_future_wait(NULL, 0, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_future_status(NULL, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_future_take_value(NULL, &value, &err));
  CHECK(value == NULL);
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_future_take_values(NULL, &value, &code, 1, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_future_take_batch_result(NULL, &result, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_future_on_ready(NULL, count_call, NULL, &err));
  CHECK(!vasto_future_is_ready(NULL) && vasto_future_version(NULL) == 0);
  vasto_future_cancel(NULL);
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_queue_create(NULL, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_queue_attach(NULL, NULL, 0, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_queue_next(NULL, 0, &future, NULL, &err));
  CHECK(future == NULL);
  CHECK_CODE(VASTO_INVALID_ARGUMENT,
             vasto_queue_next_block(NULL, 0, &future, NULL, 1, &count, &err));
  CHECK_INT(-1, vasto_queue_fd(NULL));
}

static void keyspaces_and_admin(void) {
  vasto_keyspace_t* keyspace = (vasto_keyspace_t*)kNotNull;
  vasto_admin_op_t* op = (vasto_admin_op_t*)kNotNull;
  vasto_value_t* value = (vasto_value_t*)kNotNull;
  uint64_t number = 77;
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_keyspace_open(NULL, "a", &keyspace, &err));
  CHECK(keyspace == NULL);
  CHECK_TEXT("", vasto_keyspace_name(NULL));
  CHECK_TEXT("", vasto_keyspace_id(NULL));
  CHECK(vasto_keyspace_shard_count(NULL) == 0 && vasto_keyspace_replica_count(NULL) == 0);
  CHECK(vasto_keyspace_shard_of(NULL, &key) == 0);
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_admin_create_keyspace(NULL, "a", NULL, &op, &err));
  CHECK(op == NULL);
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_admin_delete_keyspace(NULL, "a", &op, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_admin_compact_keyspace(NULL, "a", &op, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT,
             vasto_admin_describe(NULL, VASTO_DESCRIBE_STATUS, NULL, NULL, &value, &err));
  CHECK(value == NULL);
  CHECK_CODE(VASTO_INVALID_ARGUMENT,
             vasto_admin_usage(NULL, NULL, NULL, &number, NULL, NULL, NULL, &err));
  CHECK(number == 0);
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_admin_op_progress(NULL, &number, NULL, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_admin_op_wait(NULL, 0, &err));
  CHECK_TEXT("", vasto_admin_op_id(NULL));
}

static void setters(void) {
  vasto_read_options_set_timeout_ms(NULL, 1);
  vasto_read_options_set_replica(NULL, 1);
  vasto_read_options_set_max_staleness_ms(NULL, 1);
  vasto_read_options_set_hedge(NULL, true);
  vasto_read_options_set_session(NULL, NULL);
  vasto_write_options_set_session(NULL, NULL);
  vasto_write_options_set_acks(NULL, VASTO_ACKS_ALL);
  vasto_scan_options_set_session(NULL, NULL);
  vasto_write_options_set_timeout_ms(NULL, 1);
  vasto_write_options_set_ttl_seconds(NULL, 1);
  vasto_write_options_set_expires_at_ns(NULL, 1);
  vasto_write_options_set_updated_at_ns(NULL, 1);
  vasto_write_options_set_value_type(NULL, 1);
  vasto_write_options_set_if_absent(NULL);
  vasto_write_options_set_if_version(NULL, 1);
  vasto_write_options_clear_condition(NULL);
  vasto_scan_options_set_timeout_ms(NULL, 1);
  vasto_scan_options_set_limit(NULL, 1);
  vasto_scan_options_set_keys_only(NULL, true);
  vasto_scan_options_set_page_bytes(NULL, 1);
  vasto_scan_options_set_replica(NULL, 1);
  vasto_scan_options_set_max_staleness_ms(NULL, 1);
  vasto_scan_options_set_resume_token(NULL, "", 0);
  vasto_keyspace_options_set_shards(NULL, 1);
  vasto_keyspace_options_set_replicas(NULL, 1);
  vasto_keyspace_options_set_acks(NULL, 1);
  vasto_keyspace_options_set_sync(NULL, 1);
  vasto_keyspace_options_set_ttl_seconds(NULL, 1);
  vasto_keyspace_options_set_tags(NULL, "a");
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_read_options_create(NULL, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_write_options_create(NULL, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_scan_options_create(NULL, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_keyspace_options_create(NULL, &err));
}

int main(int argc, char** argv) {
  static const test_t tests[] = {TEST(reads),
                                 TEST(writes),
                                 TEST(scans),
                                 TEST(watches),
                                 TEST(futures_and_queues),
                                 TEST(keyspaces_and_admin),
                                 TEST(sessions),
                                 TEST(setters)};
  return RUN_TESTS(tests);
}
