// SPDX-License-Identifier: Apache-2.0
// Keyspaces from the handle's and the administrator's side.
#include "cluster.h"

static vasto_client_t* client;

static void finish(vasto_admin_op_t* op) {
  uint64_t done = 77, total = 77;
  CHECK(vasto_admin_op_id(op)[0] != '\0');
  const vasto_status_t early = vasto_admin_op_progress(op, &done, &total, NULL);
  CHECK(early == VASTO_OK || early == VASTO_BUSY);
  CHECK(done <= total);
  CHECK_OK(vasto_admin_op_wait(op, 30000, &err));
  CHECK_OK(vasto_admin_op_progress(op, &done, &total, &err));
  CHECK(done == total);
  CHECK_OK(vasto_admin_op_wait(op, 0, &err));
  vasto_admin_op_destroy(op);
}

static void create(const char* name, const vasto_keyspace_options_t* options) {
  vasto_admin_op_t* op = NULL;
  CHECK_OK(vasto_admin_create_keyspace(client, name, options, &op, &err));
  finish(op);
}

// The code of a creation, whenever it shows.
static vasto_status_t creation_code(const char* name, const vasto_keyspace_options_t* options) {
  vasto_admin_op_t* op = NULL;
  vasto_status_t code = vasto_admin_create_keyspace(client, name, options, &op, NULL);
  if (code == VASTO_OK) code = vasto_admin_op_wait(op, 30000, NULL);
  vasto_admin_op_destroy(op);
  return code;
}

static void several_keys_of_a_keyspace_that_is_gone(vasto_keyspace_t* ks, const vasto_key_t* key) {
  vasto_value_t* value = NULL;
  vasto_status_t code = VASTO_OK;
  vasto_batch_t* batch = NULL;
  CHECK_CODE(VASTO_NOT_FOUND, vasto_multi_get(ks, key, 1, NULL, &value, &code, &err));
  CHECK(value == NULL);
  CHECK_INT(VASTO_NOT_FOUND, code);
  CHECK_OK(vasto_batch_create(&batch, &err));
  CHECK_OK(vasto_batch_put(batch, key, "v", 1, NULL, &err));
  CHECK_CODE(VASTO_NOT_FOUND, vasto_batch_write(ks, batch, NULL, NULL, &err));
  vasto_batch_destroy(batch);
  // The store that said so is known.
  vasto_error_t* error = NULL;
  CHECK_INT(VASTO_NOT_FOUND, vasto_get(ks, key, NULL, &value, &error));
  CHECK(strstr(vasto_error_message(error), vasto_error_origin(error)) != NULL);
  CHECK(strstr(vasto_error_origin(error), "127.0.0.1:") == vasto_error_origin(error));
  vasto_error_destroy(error);
}

static void a_keyspace_is_created_used_and_deleted(void) {
  vasto_keyspace_options_t* options = NULL;
  vasto_keyspace_t *ks = NULL, *again = NULL;
  vasto_admin_op_t* op = NULL;
  CHECK_OK(vasto_keyspace_options_create(&options, &err));
  vasto_keyspace_options_set_shards(options, 5);
  vasto_keyspace_options_set_replicas(options, 1);
  vasto_keyspace_options_set_acks(options, VASTO_ACKS_ONE);
  vasto_keyspace_options_set_sync(options, VASTO_SYNC_INTERVAL);
  vasto_keyspace_options_set_ttl_seconds(options, 3600);
  create("admin1", options);
  CHECK_OK(vasto_keyspace_open(client, "admin1", &ks, &err));
  CHECK_TEXT("admin1", vasto_keyspace_name(ks));
  CHECK_INT(36, strlen(vasto_keyspace_id(ks)));
  CHECK_INT(5, vasto_keyspace_shard_count(ks));
  CHECK_INT(1, vasto_keyspace_replica_count(ks));
  put_text(ks, "k", "v");
  CHECK(has_text(ks, "k", "v"));
  const vasto_key_t key = key_of("k");
  vasto_value_t* value = NULL;
  CHECK_OK(vasto_stat(ks, &key, NULL, &value, &err));
  CHECK(vasto_value_expires_at_ns(value) > vasto_value_updated_at_ns(value));
  vasto_value_destroy(value);

  CHECK_INT(VASTO_ALREADY_EXISTS, creation_code("admin1", options));
  CHECK_OK(vasto_admin_compact_keyspace(client, "admin1", &op, &err));
  finish(op);
  CHECK(has_text(ks, "k", "v"));
  CHECK_OK(vasto_admin_delete_keyspace(client, "admin1", &op, &err));
  finish(op);
  CHECK_CODE(VASTO_NOT_FOUND, vasto_keyspace_open(client, "admin1", &again, &err));
  CHECK(again == NULL);
  // The keyspace, not the key, is gone: with an error object that says so.
  CHECK_CODE(VASTO_NOT_FOUND, vasto_get(ks, &key, NULL, &value, &err));
  CHECK_CODE(VASTO_NOT_FOUND, vasto_put(ks, &key, "v", 1, NULL, NULL, &err));
  several_keys_of_a_keyspace_that_is_gone(ks, &key);

  // A namesake is another keyspace.
  create("admin1", NULL);
  CHECK_OK(vasto_keyspace_open(client, "admin1", &again, &err));
  CHECK(strcmp(vasto_keyspace_id(ks), vasto_keyspace_id(again)) != 0);
  CHECK_PLAIN(VASTO_NOT_FOUND, vasto_get(again, &key, NULL, &value, &err));
  CHECK_CODE(VASTO_NOT_FOUND, vasto_get(ks, &key, NULL, &value, &err));
  vasto_keyspace_destroy(again);
  vasto_keyspace_destroy(ks);
  CHECK_OK(vasto_admin_delete_keyspace(client, "admin1", &op, &err));
  finish(op);
  vasto_keyspace_options_destroy(options);
}

static void impossible_keyspaces_are_refused(void) {
  vasto_keyspace_options_t* options = NULL;
  vasto_keyspace_t* ks = NULL;
  vasto_admin_op_t* op = NULL;
  CHECK_OK(vasto_keyspace_options_create(&options, &err));
  static const char* const names[] = {"", ".a", "a/b", "a b", "-", "\xc3\xa4"};
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
    CHECK_CODE(VASTO_INVALID_ARGUMENT,
               vasto_admin_create_keyspace(client, names[i], options, &op, &err));
    CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_keyspace_open(client, names[i], &ks, &err));
  }
  vasto_keyspace_options_set_shards(options, 0);
  CHECK_INT(VASTO_INVALID_ARGUMENT, creation_code("admin2", options));
  vasto_keyspace_options_set_shards(options, 5000);
  CHECK_INT(VASTO_INVALID_ARGUMENT, creation_code("admin2", options));
  vasto_keyspace_options_set_shards(options, 1);
  vasto_keyspace_options_set_replicas(options, 0);
  CHECK_INT(VASTO_INVALID_ARGUMENT, creation_code("admin2", options));
  vasto_keyspace_options_set_replicas(options, 8);
  CHECK_INT(VASTO_INVALID_ARGUMENT, creation_code("admin2", options));
  vasto_keyspace_options_set_replicas(options, 4);  // than stores
  CHECK_INT(VASTO_INVALID_ARGUMENT, creation_code("admin2", options));
  vasto_keyspace_options_set_replicas(options, 1);
  vasto_keyspace_options_set_acks(options, 9);
  CHECK_INT(VASTO_INVALID_ARGUMENT, creation_code("admin2", options));
  vasto_keyspace_options_set_acks(options, VASTO_ACKS_ALL);
  vasto_keyspace_options_set_sync(options, -1);
  CHECK_INT(VASTO_INVALID_ARGUMENT, creation_code("admin2", options));
  vasto_keyspace_options_set_sync(options, VASTO_SYNC_ALWAYS);
  vasto_keyspace_options_set_tags(options, "no,such,tag");
  CHECK_INT(VASTO_INVALID_ARGUMENT, creation_code("admin2", options));
  vasto_keyspace_options_destroy(options);
  CHECK_CODE(VASTO_NOT_FOUND, vasto_keyspace_open(client, "admin2", &ks, &err));
  CHECK_CODE(VASTO_NOT_FOUND, vasto_admin_delete_keyspace(client, "admin2", &op, &err));
  CHECK_CODE(VASTO_NOT_FOUND, vasto_admin_compact_keyspace(client, "admin2", &op, &err));
  CHECK(op == NULL);
}

// The JSON as a C string; owned by the caller.
static char* describe(int32_t what, const char* name) {
  vasto_value_t* value = NULL;
  CHECK_OK(vasto_admin_describe(client, what, name, NULL, &value, &err));
  char* text = calloc(1, vasto_value_size(value) + 1);
  CHECK(text != NULL);
  memcpy(text, vasto_value_data(value), vasto_value_size(value));
  vasto_value_destroy(value);
  CHECK(strncmp(text, "{\"schema\":1,", 12) == 0);
  return text;
}

static void expect_words(int32_t what, const char* name, const char* const* words) {
  char* text = describe(what, name);
  for (; *words != NULL; ++words) {
    if (strstr(text, *words) == NULL) {
      fprintf(stderr, "no %s in %s\n", *words, text);
      exit(1);
    }
  }
  free(text);
}

static void the_cluster_is_described_as_json(void) {
  static const char* const status[] = {
      "\"cluster\":\"",   "\"term\":", "\"version\":", "\"health\":\"ok\"", "\"stores\":[{",
      "\"keyspaces\":[{", NULL};
  static const char* const stores[] = {"\"stores\":[{\"id\":\"",
                                       "\"address\":\"127.0.0.1:", "\"state\":\"up\"",
                                       "\"capacity_bytes\":", NULL};
  static const char* const keyspaces[] = {"\"keyspaces\":[{\"name\":\"capi\"", "\"shards\":4",
                                          "\"acks\":\"one\"", NULL};
  static const char* const keyspace[] = {"\"keyspace\":{\"name\":\"capi\"",
                                         "\"shard_list\":[{\"shard\":0", "\"role\":\"primary\"",
                                         "\"shard\":3", NULL};
  static const char* const usage[] = {"\"usage\":{\"capacity_bytes\":", "\"keys\":", NULL};
  expect_words(VASTO_DESCRIBE_STATUS, NULL, status);
  expect_words(VASTO_DESCRIBE_STORES, NULL, stores);
  expect_words(VASTO_DESCRIBE_KEYSPACES, NULL, keyspaces);
  expect_words(VASTO_DESCRIBE_KEYSPACE, "capi", keyspace);
  expect_words(VASTO_DESCRIBE_USAGE, NULL, usage);
  expect_words(VASTO_DESCRIBE_USAGE, "capi", usage);
  vasto_value_t* value = NULL;
  CHECK_CODE(VASTO_NOT_FOUND,
             vasto_admin_describe(client, VASTO_DESCRIBE_KEYSPACE, "nobody", NULL, &value, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT,
             vasto_admin_describe(client, VASTO_DESCRIBE_KEYSPACE, NULL, NULL, &value, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_admin_describe(client, 99, NULL, NULL, &value, &err));
}

static void usage_has_real_numbers(void) {
  uint64_t capacity = 0, available = 0, used = 0, keys = 0;
  CHECK_OK(vasto_admin_usage(client, NULL, NULL, &capacity, &available, &used, &keys, &err));
  CHECK(capacity > 0 && available > 0 && available <= capacity);
  CHECK_OK(vasto_admin_usage(client, "capi", NULL, NULL, NULL, NULL, NULL, &err));
  CHECK_CODE(VASTO_NOT_FOUND,
             vasto_admin_usage(client, "nobody", NULL, &capacity, NULL, NULL, NULL, &err));
  CHECK(capacity == 0);
}

int main(int argc, char** argv) {
  static const test_t tests[] = {
      TEST(a_keyspace_is_created_used_and_deleted), TEST(impossible_keyspaces_are_refused),
      TEST(the_cluster_is_described_as_json), TEST(usage_has_real_numbers)};
  client = open_client();
  const int result = RUN_TESTS(tests);
  close_client(client);
  return result;
}
