// SPDX-License-Identifier: Apache-2.0
#include "cluster.h"

static vasto_client_t* client;
static vasto_keyspace_t* ks;

static void get_gives_what_put_stored(void) {
  const uint64_t version = put_text(ks, "read/a", "hello");
  const vasto_key_t key = key_of("read/a");
  vasto_value_t* value = NULL;
  CHECK_OK(vasto_get(ks, &key, NULL, &value, &err));
  CHECK_INT(5, vasto_value_size(value));
  CHECK(memcmp(vasto_value_data(value), "hello", 5) == 0);
  CHECK(vasto_value_version(value) == version);
  CHECK(vasto_value_updated_at_ns(value) == vasto_version_time_ns(version));
  CHECK(vasto_value_updated_at_ns(value) > 1600000000000000000u);
  CHECK(vasto_value_expires_at_ns(value) == 0);
  CHECK_INT(VASTO_TYPE_BYTES, vasto_value_type(value));
  vasto_value_destroy(value);
}

static void an_absent_key_is_a_plain_answer(void) {
  const vasto_key_t key = key_of("read/absent");
  vasto_value_t* value = (vasto_value_t*)&value;
  size_t size = 77;
  char buffer[4];
  CHECK_PLAIN(VASTO_NOT_FOUND, vasto_get(ks, &key, NULL, &value, &err));
  CHECK(value == NULL);
  CHECK_PLAIN(VASTO_NOT_FOUND, vasto_stat(ks, &key, NULL, &value, &err));
  CHECK_PLAIN(VASTO_NOT_FOUND, vasto_get_into(ks, &key, NULL, buffer, sizeof(buffer), &size, &err));
  CHECK_INT(0, size);
}

static void stat_tells_all_but_the_bytes(void) {
  const uint64_t version = put_text(ks, "read/stat", "12345678");
  const vasto_key_t key = key_of("read/stat");
  vasto_value_t* value = NULL;
  CHECK_OK(vasto_stat(ks, &key, NULL, &value, &err));
  CHECK(vasto_value_data(value) == NULL);
  CHECK_INT(8, vasto_value_size(value));
  CHECK(vasto_value_version(value) == version);
  vasto_value_destroy(value);
}

static void empty_keys_and_values_exist(void) {
  const vasto_key_t key = vasto_make_key(NULL, 0);
  vasto_value_t* value = NULL;
  CHECK_OK(vasto_put(ks, &key, NULL, 0, NULL, NULL, &err));
  CHECK_OK(vasto_get(ks, &key, NULL, &value, &err));
  CHECK_INT(0, vasto_value_size(value));
  CHECK(vasto_value_data(value) != NULL);
  vasto_value_destroy(value);
  CHECK_OK(vasto_delete(ks, &key, NULL, NULL, &err));
  CHECK_PLAIN(VASTO_NOT_FOUND, vasto_get(ks, &key, NULL, &value, &err));
}

static void any_bytes_are_a_key_and_a_value(void) {
  char all[256];
  for (int i = 0; i < 256; ++i) all[i] = (char)i;
  const vasto_key_t key = vasto_make_key(all, sizeof(all));
  vasto_value_t* value = NULL;
  CHECK_OK(vasto_put(ks, &key, all, sizeof(all), NULL, NULL, &err));
  CHECK_OK(vasto_get(ks, &key, NULL, &value, &err));
  CHECK_INT(256, vasto_value_size(value));
  CHECK(memcmp(vasto_value_data(value), all, sizeof(all)) == 0);
  vasto_value_destroy(value);
}

static void get_into_never_overruns_and_always_tells_the_size(void) {
  put_text(ks, "read/into", "0123456789");
  const vasto_key_t key = key_of("read/into");
  char buffer[16];
  size_t size = 0;
  memset(buffer, '#', sizeof(buffer));
  CHECK_CODE(VASTO_BUFFER_TOO_SMALL, vasto_get_into(ks, &key, NULL, buffer, 9, &size, &err));
  CHECK_INT(10, size);
  CHECK(buffer[0] == '#');
  CHECK_CODE(VASTO_BUFFER_TOO_SMALL, vasto_get_into(ks, &key, NULL, NULL, 0, &size, &err));
  CHECK_INT(10, size);
  CHECK_OK(vasto_get_into(ks, &key, NULL, buffer, 10, &size, &err));
  CHECK_INT(10, size);
  CHECK(memcmp(buffer, "0123456789######", 16) == 0);
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_get_into(ks, &key, NULL, NULL, 10, &size, &err));
}

static void multi_get_fills_both_arrays(void) {
  enum { kCount = 300 };
  static char names[kCount][24];
  static vasto_key_t keys[kCount];
  static vasto_value_t* values[kCount];
  static vasto_status_t codes[kCount];
  for (int i = 0; i < kCount; ++i) {
    snprintf(names[i], sizeof(names[i]), "multi/%d", i);
    keys[i] = key_of(names[i]);
    if (i % 3 != 0) put_text(ks, names[i], names[i]);
  }
  CHECK_OK(vasto_multi_get(ks, keys, kCount, NULL, values, codes, &err));
  for (int i = 0; i < kCount; ++i) {
    CHECK_INT(i % 3 != 0 ? VASTO_OK : VASTO_NOT_FOUND, codes[i]);
    CHECK((values[i] != NULL) == (i % 3 != 0));
    if (values[i] == NULL) continue;
    CHECK_INT(strlen(names[i]), vasto_value_size(values[i]));
    CHECK(memcmp(vasto_value_data(values[i]), names[i], strlen(names[i])) == 0);
    vasto_value_destroy(values[i]);
  }
  CHECK_OK(vasto_multi_get(ks, NULL, 0, NULL, NULL, NULL, &err));
}

static void multi_get_refuses_a_bad_key_as_a_whole(void) {
  vasto_key_t keys[2] = {key_of("multi/1"), key_of("multi/2")};
  vasto_value_t* values[2];
  vasto_status_t codes[2];
  keys[1].flags = 8;
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_multi_get(ks, keys, 2, NULL, values, codes, &err));
  CHECK(values[0] == NULL && values[1] == NULL);
}

static void read_options_are_checked(void) {
  put_text(ks, "read/options", "x");
  const vasto_key_t key = key_of("read/options");
  vasto_value_t* value = NULL;
  vasto_read_options_t* options = NULL;
  CHECK_OK(vasto_read_options_create(&options, &err));
  vasto_read_options_set_replica(options, VASTO_REPLICA_ANY);
  vasto_read_options_set_timeout_ms(options, UINT64_MAX);
  CHECK_OK(vasto_get(ks, &key, options, &value, &err));
  vasto_value_destroy(value);
  for (int32_t replica = VASTO_REPLICA_PRIMARY; replica <= VASTO_REPLICA_NEAREST; ++replica) {
    vasto_read_options_set_replica(options, replica);
    vasto_read_options_set_max_staleness_ms(options, replica == VASTO_REPLICA_ANY ? UINT64_MAX : 1);
    vasto_read_options_set_hedge(options, replica != VASTO_REPLICA_NEAREST);
    CHECK_OK(vasto_get(ks, &key, options, &value, &err));
    vasto_value_destroy(value);
  }
  vasto_read_options_set_replica(options, -1);
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_get(ks, &key, options, &value, &err));
  vasto_read_options_set_replica(options, 9);
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_get(ks, &key, options, &value, &err));
  vasto_read_options_destroy(options);
}

static void keys_over_the_limit_are_refused(void) {
  char* bytes = calloc(1, VASTO_MAX_KEY_SIZE + 1);
  vasto_value_t* value = NULL;
  CHECK(bytes != NULL);
  vasto_key_t key = vasto_make_key(bytes, VASTO_MAX_KEY_SIZE);
  CHECK_PLAIN(VASTO_NOT_FOUND, vasto_get(ks, &key, NULL, &value, &err));
  key.key.size = VASTO_MAX_KEY_SIZE + 1;
  CHECK_CODE(VASTO_TOO_LARGE, vasto_get(ks, &key, NULL, &value, &err));
  free(bytes);
}

int main(int argc, char** argv) {
  static const test_t tests[] = {TEST(get_gives_what_put_stored),
                                 TEST(an_absent_key_is_a_plain_answer),
                                 TEST(stat_tells_all_but_the_bytes),
                                 TEST(empty_keys_and_values_exist),
                                 TEST(any_bytes_are_a_key_and_a_value),
                                 TEST(get_into_never_overruns_and_always_tells_the_size),
                                 TEST(multi_get_fills_both_arrays),
                                 TEST(multi_get_refuses_a_bad_key_as_a_whole),
                                 TEST(read_options_are_checked),
                                 TEST(keys_over_the_limit_are_refused)};
  client = open_client();
  ks = open_keyspace(client);
  const int result = RUN_TESTS(tests);
  vasto_keyspace_destroy(ks);
  close_client(client);
  return result;
}
