// SPDX-License-Identifier: Apache-2.0
#include <time.h>

#include "cluster.h"

static vasto_client_t* client;
static vasto_keyspace_t* ks;

static vasto_write_options_t* options_new(void) {
  vasto_write_options_t* options = NULL;
  CHECK_OK(vasto_write_options_create(&options, &err));
  return options;
}

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t version_of(const char* name) {
  const vasto_key_t key = key_of(name);
  vasto_value_t* value = NULL;
  CHECK_OK(vasto_stat(ks, &key, NULL, &value, &err));
  const uint64_t version = vasto_value_version(value);
  vasto_value_destroy(value);
  return version;
}

static void versions_grow(void) {
  const uint64_t first = put_text(ks, "write/grow", "1");
  const uint64_t second = put_text(ks, "write/grow", "2");
  CHECK(second > first);
  CHECK(version_of("write/grow") == second);
}

static void delete_removes_and_is_idempotent(void) {
  const vasto_key_t key = key_of("write/delete");
  uint64_t version = 0;
  put_text(ks, "write/delete", "x");
  CHECK_OK(vasto_delete(ks, &key, NULL, &version, &err));
  CHECK(version != 0);
  CHECK(!has_text(ks, "write/delete", "x"));
  CHECK_OK(vasto_delete(ks, &key, NULL, NULL, &err));
  put_text(ks, "write/delete", "again");
  CHECK(has_text(ks, "write/delete", "again"));
}

static void put_if_absent_succeeds_once(void) {
  const vasto_key_t key = key_of("write/absent");
  vasto_write_options_t* options = options_new();
  CHECK_OK(vasto_delete(ks, &key, NULL, NULL, &err));
  vasto_write_options_set_if_absent(options);
  uint64_t version = 77;
  CHECK_OK(vasto_put(ks, &key, "1", 1, options, NULL, &err));
  CHECK_CODE(VASTO_ALREADY_EXISTS, vasto_put(ks, &key, "2", 1, options, &version, &err));
  CHECK(version == 0);
  CHECK(has_text(ks, "write/absent", "1"));
  CHECK_OK(vasto_delete(ks, &key, NULL, NULL, &err));
  CHECK_OK(vasto_put(ks, &key, "3", 1, options, NULL, &err));
  vasto_write_options_clear_condition(options);
  CHECK_OK(vasto_put(ks, &key, "4", 1, options, NULL, &err));
  CHECK(has_text(ks, "write/absent", "4"));
  vasto_write_options_destroy(options);
}

static void put_if_version_is_compare_and_set(void) {
  const vasto_key_t key = key_of("write/cas");
  vasto_write_options_t* options = options_new();
  CHECK_OK(vasto_delete(ks, &key, NULL, NULL, &err));
  vasto_write_options_set_if_version(options, 0);
  uint64_t version = 0;
  CHECK_OK(vasto_put(ks, &key, "1", 1, options, &version, &err));
  CHECK_CODE(VASTO_ALREADY_EXISTS, vasto_put(ks, &key, "x", 1, options, NULL, &err));
  vasto_write_options_set_if_version(options, version);
  CHECK_OK(vasto_put(ks, &key, "2", 1, options, NULL, &err));
  CHECK_CODE(VASTO_STALE_WRITE, vasto_put(ks, &key, "x", 1, options, NULL, &err));
  CHECK_CODE(VASTO_STALE_WRITE, vasto_delete(ks, &key, options, NULL, &err));
  CHECK(has_text(ks, "write/cas", "2"));
  vasto_write_options_set_if_version(options, version_of("write/cas"));
  CHECK_OK(vasto_delete(ks, &key, options, NULL, &err));
  CHECK_CODE(VASTO_STALE_WRITE, vasto_put(ks, &key, "x", 1, options, NULL, &err));
  vasto_write_options_destroy(options);
}

static void the_last_event_time_wins_whatever_the_order(void) {
  const vasto_key_t fresh = key_of("write/time");
  const uint64_t base = now_ns() - 1000000000u;
  vasto_write_options_t* options = options_new();
  vasto_value_t* value = NULL;
  vasto_write_options_set_updated_at_ns(options, base + 777);
  uint64_t version = 0;
  CHECK_OK(vasto_put(ks, &fresh, "new", 3, options, &version, &err));
  CHECK(vasto_version_time_ns(version) == base + 777);
  CHECK_OK(vasto_get(ks, &fresh, NULL, &value, &err));
  CHECK(vasto_value_updated_at_ns(value) == base + 777);
  vasto_value_destroy(value);
  vasto_write_options_set_updated_at_ns(options, base + 776);
  CHECK_CODE(VASTO_STALE_WRITE, vasto_put(ks, &fresh, "old", 3, options, NULL, &err));
  CHECK_CODE(VASTO_STALE_WRITE, vasto_delete(ks, &fresh, options, NULL, &err));
  CHECK(has_text(ks, "write/time", "new"));
  // A deletion counts as a change too: what is older stays away.
  vasto_write_options_set_updated_at_ns(options, base + 5000);
  CHECK_OK(vasto_delete(ks, &fresh, options, NULL, &err));
  vasto_write_options_set_updated_at_ns(options, base + 4000);
  CHECK_CODE(VASTO_STALE_WRITE, vasto_put(ks, &fresh, "old", 3, options, NULL, &err));
  CHECK_PLAIN(VASTO_NOT_FOUND, vasto_get(ks, &fresh, NULL, &value, &err));
  CHECK_OK(vasto_put(ks, &fresh, "", 0, NULL, NULL, &err));
  CHECK_OK(vasto_delete(ks, &fresh, NULL, NULL, &err));
  vasto_write_options_destroy(options);
}

static void a_time_too_far_ahead_is_refused(void) {
  const vasto_key_t key = key_of("write/ahead");
  vasto_write_options_t* options = options_new();
  vasto_write_options_set_updated_at_ns(options, now_ns() + 60 * 1000000000ull);
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_put(ks, &key, "x", 1, options, NULL, &err));
  vasto_write_options_destroy(options);
}

static uint64_t expiry_of(const char* name) {
  const vasto_key_t key = key_of(name);
  vasto_value_t* value = NULL;
  CHECK_OK(vasto_stat(ks, &key, NULL, &value, &err));
  const uint64_t expires = vasto_value_expires_at_ns(value);
  vasto_value_destroy(value);
  return expires;
}

static void ttl_and_touch_set_the_expiry(void) {
  const vasto_key_t key = key_of("write/ttl");
  const uint64_t second = 1000000000u;
  vasto_write_options_t* options = options_new();
  vasto_write_options_set_ttl_seconds(options, 100);
  CHECK_OK(vasto_put(ks, &key, "x", 1, options, NULL, &err));
  uint64_t expires = expiry_of("write/ttl");
  CHECK(expires > now_ns() + 90 * second && expires < now_ns() + 110 * second);

  const uint64_t before = version_of("write/ttl");
  uint64_t version = 0;
  CHECK_OK(vasto_touch(ks, &key, 1000, NULL, &version, &err));
  CHECK(version > before && version_of("write/ttl") == version);
  expires = expiry_of("write/ttl");
  CHECK(expires > now_ns() + 990 * second && expires < now_ns() + 1010 * second);
  CHECK(has_text(ks, "write/ttl", "x"));

  CHECK_OK(vasto_touch(ks, &key, 0, NULL, NULL, &err));
  CHECK(expiry_of("write/ttl") == 0);

  const uint64_t moment = (now_ns() / 1000 + 50 * 1000000) * 1000;
  vasto_write_options_set_expires_at_ns(options, moment);
  CHECK_OK(vasto_put(ks, &key, "y", 1, options, NULL, &err));
  CHECK(expiry_of("write/ttl") == moment);
  vasto_write_options_set_expires_at_ns(options, UINT64_MAX);
  CHECK_OK(vasto_put(ks, &key, "y", 1, options, NULL, &err));
  CHECK(expiry_of("write/ttl") == 0);
  vasto_write_options_set_expires_at_ns(options, now_ns() - second);
  CHECK_OK(vasto_put(ks, &key, "z", 1, options, NULL, &err));
  vasto_value_t* value = NULL;
  CHECK_PLAIN(VASTO_NOT_FOUND, vasto_get(ks, &key, NULL, &value, &err));

  const vasto_key_t absent = key_of("write/ttl/absent");
  CHECK_PLAIN(VASTO_NOT_FOUND, vasto_touch(ks, &absent, 5, NULL, NULL, &err));
  vasto_write_options_destroy(options);
}

static void an_expired_value_is_absent(void) {
  const vasto_key_t key = key_of("write/expired");
  vasto_write_options_t* options = options_new();
  vasto_write_options_set_ttl_seconds(options, 1);
  CHECK_OK(vasto_put(ks, &key, "x", 1, options, NULL, &err));
  const uint64_t expires = expiry_of("write/expired");
  // The end of the wait is an instant known beforehand.
  const struct timespec until = {(time_t)(expires / 1000000000u + 1), 0};
  while (clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL) != 0) {
  }
  vasto_value_t* value = NULL;
  CHECK_PLAIN(VASTO_NOT_FOUND, vasto_get(ks, &key, NULL, &value, &err));
  vasto_write_options_set_if_absent(options);
  CHECK_OK(vasto_put(ks, &key, "y", 1, options, NULL, &err));
  vasto_write_options_destroy(options);
}

static void value_types_are_kept(void) {
  const vasto_key_t key = key_of("write/type");
  vasto_write_options_t* options = options_new();
  vasto_value_t* value = NULL;
  vasto_write_options_set_value_type(options, 1000000);
  CHECK_OK(vasto_put(ks, &key, "x", 1, options, NULL, &err));
  CHECK_OK(vasto_get(ks, &key, NULL, &value, &err));
  CHECK_INT(1000000, vasto_value_type(value));
  vasto_value_destroy(value);
  vasto_write_options_set_value_type(options, 1);
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_put(ks, &key, "x", 1, options, NULL, &err));
  vasto_write_options_destroy(options);
}

static void keys_live_where_their_partition_hash_says(void) {
  const uint64_t hash = vasto_partition_hash("customer 7", 10);
  vasto_value_t* value = NULL;
  uint32_t shard = 99;
  for (int i = 0; i < 20; ++i) {
    char name[32];
    snprintf(name, sizeof(name), "write/placed/%d", i);
    const vasto_key_t key = vasto_make_key_in(name, strlen(name), hash);
    CHECK_OK(vasto_put(ks, &key, name, strlen(name), NULL, NULL, &err));
    CHECK_OK(vasto_get(ks, &key, NULL, &value, &err));
    CHECK_INT(strlen(name), vasto_value_size(value));
    vasto_value_destroy(value);
    if (shard == 99) shard = vasto_keyspace_shard_of(ks, &key);
    CHECK_INT(shard, vasto_keyspace_shard_of(ks, &key));
  }
  CHECK(shard < vasto_keyspace_shard_count(ks));
}

static void large_values_come_back_whole(void) {
  const vasto_key_t key = key_of("write/large");
  unsigned char* bytes = malloc(VASTO_MAX_VALUE_SIZE + 1);
  CHECK(bytes != NULL);
  uint32_t random = 1;
  for (size_t i = 0; i < VASTO_MAX_VALUE_SIZE; ++i) {
    random = random * 1664525u + 1013904223u;
    bytes[i] = (unsigned char)(random >> 24);
  }
  vasto_write_options_t* write = NULL;
  vasto_read_options_t* read = NULL;
  vasto_value_t* value = NULL;
  CHECK_OK(vasto_write_options_create(&write, &err));
  CHECK_OK(vasto_read_options_create(&read, &err));
  vasto_write_options_set_timeout_ms(write, 60000);  // under valgrind it takes its time
  vasto_read_options_set_timeout_ms(read, 60000);
  CHECK_OK(vasto_put(ks, &key, bytes, VASTO_MAX_VALUE_SIZE, write, NULL, &err));
  CHECK_OK(vasto_get(ks, &key, read, &value, &err));
  vasto_write_options_destroy(write);
  vasto_read_options_destroy(read);
  CHECK_INT(VASTO_MAX_VALUE_SIZE, vasto_value_size(value));
  CHECK(memcmp(vasto_value_data(value), bytes, VASTO_MAX_VALUE_SIZE) == 0);
  vasto_value_destroy(value);
  CHECK_CODE(VASTO_TOO_LARGE,
             vasto_put(ks, &key, bytes, VASTO_MAX_VALUE_SIZE + 1, NULL, NULL, &err));
  CHECK_OK(vasto_delete(ks, &key, NULL, NULL, &err));
  free(bytes);
}

static vasto_status_t merge(const char* name, int32_t operation, const char* operand) {
  const vasto_key_t key = key_of(name);
  return vasto_merge(ks, &key, operation, operand, strlen(operand), NULL, NULL, &err);
}

static void merges_work_on_decimal_text(void) {
  CHECK_OK(merge("write/sum", VASTO_MERGE_ADD_INT64, "40"));
  CHECK_OK(merge("write/sum", VASTO_MERGE_ADD_INT64, " 2\n"));
  CHECK(has_text(ks, "write/sum", "42"));
  CHECK_OK(merge("write/least", VASTO_MERGE_MIN_INT64, "7"));
  CHECK_OK(merge("write/least", VASTO_MERGE_MIN_INT64, "-3"));
  CHECK(has_text(ks, "write/least", "-3"));
  CHECK_OK(merge("write/most", VASTO_MERGE_MAX_INT64, "7"));
  CHECK_OK(merge("write/most", VASTO_MERGE_MAX_INT64, "-3"));
  CHECK(has_text(ks, "write/most", "7"));
  CHECK_OK(merge("write/float", VASTO_MERGE_ADD_FLOAT64, "1.25"));
  CHECK_OK(merge("write/float", VASTO_MERGE_ADD_FLOAT64, "1e1"));
  CHECK(has_text(ks, "write/float", "11.25"));
  CHECK_OK(merge("write/leastf", VASTO_MERGE_MIN_FLOAT64, "0.5"));
  CHECK_OK(merge("write/mostf", VASTO_MERGE_MAX_FLOAT64, "0.5"));
  CHECK(has_text(ks, "write/leastf", "0.5") && has_text(ks, "write/mostf", "0.5"));
  CHECK_OK(merge("write/text", VASTO_MERGE_APPEND, "one "));
  CHECK_OK(merge("write/text", VASTO_MERGE_APPEND, "two"));
  CHECK(has_text(ks, "write/text", "one two"));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, merge("write/text", VASTO_MERGE_ADD_INT64, "1"));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, merge("write/sum", VASTO_MERGE_MAX_INT64, "1"));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, merge("write/sum", VASTO_MERGE_ADD_INT64, "1.5"));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, merge("write/sum", 0, "1"));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, merge("write/sum", 8, "1"));
  CHECK(has_text(ks, "write/sum", "42"));
}

static void merges_go_in_batches_and_futures(void) {
  const vasto_key_t key = key_of("write/batched");
  vasto_batch_t* batch = NULL;
  vasto_batch_result_t* result = NULL;
  CHECK_OK(vasto_batch_create(&batch, &err));
  for (int i = 0; i < 10; ++i) {
    CHECK_OK(vasto_batch_merge(batch, &key, VASTO_MERGE_ADD_INT64, "3", 1, NULL, &err));
  }
  CHECK_OK(vasto_batch_write(ks, batch, NULL, &result, &err));
  CHECK_INT(10, vasto_batch_result_count(result));
  vasto_batch_result_destroy(result);
  vasto_batch_destroy(batch);
  CHECK(has_text(ks, "write/batched", "30"));
  vasto_future_t* future = NULL;
  CHECK_OK(vasto_merge_async(ks, &key, VASTO_MERGE_ADD_INT64, "1", 1, NULL, &future, &err));
  CHECK_OK(vasto_future_wait(future, 10000, &err));
  CHECK_INT(version_of("write/batched"), vasto_future_version(future));
  vasto_future_destroy(future);
  CHECK(has_text(ks, "write/batched", "31"));
}

static void acknowledgement_levels_are_taken_per_write(void) {
  const vasto_key_t key = key_of("write/acks");
  vasto_write_options_t* options = options_new();
  for (int32_t acks = VASTO_ACKS_KEYSPACE; acks <= VASTO_ACKS_ALL; ++acks) {
    vasto_write_options_set_acks(options, acks);
    CHECK_OK(vasto_put(ks, &key, "x", 1, options, NULL, &err));
  }
  vasto_write_options_set_acks(options, VASTO_ACKS_ALL + 1);
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_put(ks, &key, "x", 1, options, NULL, &err));
  vasto_future_t* future = NULL;
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_put_async(ks, &key, "x", 1, options, &future, &err));
  vasto_write_options_destroy(options);
}

static void conditions_without_sense_are_refused(void) {
  const vasto_key_t key = key_of("write/sense");
  vasto_write_options_t* options = options_new();
  vasto_write_options_set_if_absent(options);
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_delete(ks, &key, options, NULL, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_touch(ks, &key, 1, options, NULL, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT,
             vasto_merge(ks, &key, VASTO_MERGE_ADD_INT64, "1", 1, options, NULL, &err));
  vasto_write_options_clear_condition(options);
  vasto_write_options_set_updated_at_ns(options, now_ns());
  CHECK_CODE(VASTO_INVALID_ARGUMENT,
             vasto_merge(ks, &key, VASTO_MERGE_ADD_INT64, "1", 1, options, NULL, &err));
  vasto_write_options_destroy(options);
}

int main(int argc, char** argv) {
  static const test_t tests[] = {TEST(versions_grow),
                                 TEST(delete_removes_and_is_idempotent),
                                 TEST(put_if_absent_succeeds_once),
                                 TEST(put_if_version_is_compare_and_set),
                                 TEST(the_last_event_time_wins_whatever_the_order),
                                 TEST(a_time_too_far_ahead_is_refused),
                                 TEST(ttl_and_touch_set_the_expiry),
                                 TEST(an_expired_value_is_absent),
                                 TEST(value_types_are_kept),
                                 TEST(keys_live_where_their_partition_hash_says),
                                 TEST(large_values_come_back_whole),
                                 TEST(merges_work_on_decimal_text),
                                 TEST(merges_go_in_batches_and_futures),
                                 TEST(acknowledgement_levels_are_taken_per_write),
                                 TEST(conditions_without_sense_are_refused)};
  client = open_client();
  ks = open_keyspace(client);
  const int result = RUN_TESTS(tests);
  vasto_keyspace_destroy(ks);
  close_client(client);
  return result;
}
