// SPDX-License-Identifier: Apache-2.0
#include "cluster.h"

static vasto_batch_t* make(void) {
  vasto_batch_t* batch = NULL;
  CHECK_OK(vasto_batch_create(&batch, &err));
  CHECK(batch != NULL);
  return batch;
}

static void a_batch_counts_its_entries(void) {
  vasto_batch_t* batch = make();
  const vasto_key_t key = key_of("k");
  CHECK_INT(0, vasto_batch_count(batch));
  CHECK_OK(vasto_batch_put(batch, &key, "v", 1, NULL, &err));
  CHECK_OK(vasto_batch_delete(batch, &key, NULL, &err));
  CHECK_INT(2, vasto_batch_count(batch));
  vasto_batch_clear(batch);
  CHECK_INT(0, vasto_batch_count(batch));
  vasto_batch_destroy(batch);
}

static void bad_entries_are_refused_and_not_added(void) {
  vasto_batch_t* batch = make();
  vasto_write_options_t* options = NULL;
  CHECK_OK(vasto_write_options_create(&options, &err));
  char* long_key = calloc(1, VASTO_MAX_KEY_SIZE + 1);
  CHECK(long_key != NULL);
  vasto_key_t key = vasto_make_key(long_key, VASTO_MAX_KEY_SIZE + 1);
  CHECK_CODE(VASTO_TOO_LARGE, vasto_batch_put(batch, &key, "", 0, NULL, &err));
  key = vasto_make_key(NULL, 3);
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_batch_put(batch, &key, "", 0, NULL, &err));
  key = key_of("k");
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_batch_put(batch, &key, NULL, 3, NULL, &err));
  // The size alone decides; the bytes are not looked at.
  CHECK_CODE(VASTO_TOO_LARGE,
             vasto_batch_put(batch, &key, "", (size_t)VASTO_MAX_VALUE_SIZE + 1, NULL, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_batch_put(batch, NULL, "", 0, NULL, &err));
  key.reserved = 1;
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_batch_put(batch, &key, "", 0, NULL, &err));
  key = key_of("k");
  key.flags = 2;
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_batch_delete(batch, &key, NULL, &err));
  key = key_of("k");
  vasto_write_options_set_value_type(options, 63);
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_batch_put(batch, &key, "", 0, options, &err));
  vasto_write_options_set_value_type(options, VASTO_TYPE_APPLICATION);
  CHECK_OK(vasto_batch_put(batch, &key, "", 0, options, &err));
  vasto_write_options_set_if_absent(options);
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_batch_delete(batch, &key, options, &err));
  CHECK_INT(1, vasto_batch_count(batch));
  free(long_key);
  vasto_write_options_destroy(options);
  vasto_batch_destroy(batch);
}

static void entries_have_their_own_results(void) {
  vasto_client_t* client = open_client();
  vasto_keyspace_t* keyspace = open_keyspace(client);
  put_text(keyspace, "batch/there", "old");
  vasto_write_options_t* if_absent = NULL;
  CHECK_OK(vasto_write_options_create(&if_absent, &err));
  vasto_write_options_set_if_absent(if_absent);

  vasto_batch_t* batch = make();
  char name[32];
  for (int i = 0; i < 100; ++i) {
    snprintf(name, sizeof(name), "batch/%03d", i);
    const vasto_key_t key = key_of(name);
    CHECK_OK(vasto_batch_put(batch, &key, name, strlen(name), NULL, &err));
  }
  const vasto_key_t there = key_of("batch/there");
  CHECK_OK(vasto_batch_put(batch, &there, "new", 3, if_absent, &err));
  vasto_batch_result_t* result = NULL;
  CHECK_CODE(VASTO_ALREADY_EXISTS, vasto_batch_write(keyspace, batch, NULL, &result, &err));
  CHECK_INT(101, vasto_batch_result_count(result));
  for (size_t i = 0; i < 100; ++i) {
    CHECK_INT(VASTO_OK, vasto_batch_result_code(result, i));
    CHECK(vasto_batch_result_version(result, i) != 0);
  }
  CHECK_INT(VASTO_ALREADY_EXISTS, vasto_batch_result_code(result, 100));
  CHECK(vasto_batch_result_version(result, 100) == 0);
  CHECK_INT(VASTO_INVALID_ARGUMENT, vasto_batch_result_code(result, 101));
  vasto_batch_result_destroy(result);
  CHECK(has_text(keyspace, "batch/042", "batch/042"));
  CHECK(has_text(keyspace, "batch/there", "old"));
  vasto_batch_destroy(batch);
  vasto_write_options_destroy(if_absent);
  vasto_keyspace_destroy(keyspace);
  close_client(client);
}

static void entries_of_one_key_keep_their_order(void) {
  vasto_client_t* client = open_client();
  vasto_keyspace_t* keyspace = open_keyspace(client);
  vasto_batch_t* batch = make();
  const vasto_key_t key = key_of("batch/order");
  CHECK_OK(vasto_batch_put(batch, &key, "1", 1, NULL, &err));
  CHECK_OK(vasto_batch_delete(batch, &key, NULL, &err));
  CHECK_OK(vasto_batch_put(batch, &key, "3", 1, NULL, &err));
  CHECK_OK(vasto_batch_write(keyspace, batch, NULL, NULL, &err));
  CHECK(has_text(keyspace, "batch/order", "3"));
  CHECK_OK(vasto_batch_delete(batch, &key, NULL, &err));
  CHECK_OK(vasto_batch_write(keyspace, batch, NULL, NULL, &err));
  vasto_value_t* value = NULL;
  CHECK_PLAIN(VASTO_NOT_FOUND, vasto_get(keyspace, &key, NULL, &value, &err));
  vasto_batch_destroy(batch);
  vasto_keyspace_destroy(keyspace);
  close_client(client);
}

static void an_empty_batch_is_ok(void) {
  vasto_client_t* client = open_client();
  vasto_keyspace_t* keyspace = open_keyspace(client);
  vasto_batch_t* batch = make();
  vasto_batch_result_t* result = NULL;
  CHECK_OK(vasto_batch_write(keyspace, batch, NULL, &result, &err));
  CHECK_INT(0, vasto_batch_result_count(result));
  vasto_batch_result_destroy(result);
  vasto_batch_destroy(batch);
  vasto_keyspace_destroy(keyspace);
  close_client(client);
}

// Options of the write hold for the entries that brought none.
static void options_of_the_write_fill_in(void) {
  vasto_client_t* client = open_client();
  vasto_keyspace_t* keyspace = open_keyspace(client);
  vasto_write_options_t *entry = NULL, *whole = NULL;
  CHECK_OK(vasto_write_options_create(&entry, &err));
  CHECK_OK(vasto_write_options_create(&whole, &err));
  vasto_write_options_set_value_type(entry, 70);
  vasto_write_options_set_value_type(whole, 80);
  const vasto_key_t own = key_of("batch/own"), other = key_of("batch/other");
  vasto_batch_t* batch = make();
  CHECK_OK(vasto_batch_put(batch, &own, "", 0, entry, &err));
  CHECK_OK(vasto_batch_put(batch, &other, "", 0, NULL, &err));
  CHECK_OK(vasto_batch_write(keyspace, batch, whole, NULL, &err));
  vasto_value_t* value = NULL;
  CHECK_OK(vasto_stat(keyspace, &own, NULL, &value, &err));
  CHECK_INT(70, vasto_value_type(value));
  vasto_value_destroy(value);
  CHECK_OK(vasto_stat(keyspace, &other, NULL, &value, &err));
  CHECK_INT(80, vasto_value_type(value));
  vasto_value_destroy(value);
  vasto_batch_destroy(batch);
  vasto_write_options_destroy(entry);
  vasto_write_options_destroy(whole);
  vasto_keyspace_destroy(keyspace);
  close_client(client);
}

int main(int argc, char** argv) {
  static const test_t tests[] = {
      TEST(a_batch_counts_its_entries),     TEST(bad_entries_are_refused_and_not_added),
      TEST(entries_have_their_own_results), TEST(entries_of_one_key_keep_their_order),
      TEST(an_empty_batch_is_ok),           TEST(options_of_the_write_fill_in)};
  return RUN_TESTS(tests);
}
