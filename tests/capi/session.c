// SPDX-License-Identifier: Apache-2.0
// Sessions against stores that are no replicas of each other: what the functions do. What sessions
// promise is tested in tests/cluster/test_sessions.py.
#include "cluster.h"

static vasto_client_t* client;
static vasto_keyspace_t* ks;

static vasto_session_t* new_session(void) {
  vasto_session_t* session = NULL;
  CHECK_OK(vasto_session_create(ks, &session, &err));
  CHECK(session != NULL);
  return session;
}

// The token of a session, of at most so many bytes.
static size_t token_of(vasto_session_t* session, char* buffer, size_t capacity) {
  size_t size = 0;
  CHECK_OK(vasto_session_token(session, buffer, capacity, &size, &err));
  CHECK(size > 0 && size <= capacity);
  return size;
}

static void every_operation_can_belong_to_a_session(void) {
  vasto_session_t* session = new_session();
  vasto_read_options_t* reads = NULL;
  vasto_write_options_t* writes = NULL;
  vasto_scan_options_t* scans = NULL;
  CHECK_OK(vasto_read_options_create(&reads, &err));
  CHECK_OK(vasto_write_options_create(&writes, &err));
  CHECK_OK(vasto_scan_options_create(&scans, &err));
  vasto_read_options_set_session(reads, session);
  vasto_read_options_set_replica(reads, VASTO_REPLICA_ANY);
  vasto_write_options_set_session(writes, session);
  vasto_scan_options_set_session(scans, session);
  // The options share it.
  vasto_session_destroy(session);

  const vasto_key_t key = key_of("session/a");
  vasto_value_t* value = NULL;
  vasto_status_t code = 77;
  CHECK_OK(vasto_put(ks, &key, "1", 1, writes, NULL, &err));
  CHECK_OK(vasto_touch(ks, &key, 100, writes, NULL, &err));
  CHECK_OK(vasto_get(ks, &key, reads, &value, &err));
  CHECK_INT(1, vasto_value_size(value));
  vasto_value_destroy(value);
  CHECK_OK(vasto_stat(ks, &key, reads, &value, &err));
  vasto_value_destroy(value);
  CHECK_OK(vasto_multi_get(ks, &key, 1, reads, &value, &code, &err));
  vasto_value_destroy(value);

  vasto_iter_t* iter = NULL;
  vasto_kv_t row;
  CHECK_OK(vasto_scan_prefix(ks, "session/", 8, scans, &iter, &err));
  CHECK_OK(vasto_iter_next(iter, &row, &err));
  CHECK_PLAIN(VASTO_END, vasto_iter_next(iter, &row, &err));
  vasto_iter_destroy(iter);

  vasto_batch_t* batch = NULL;
  CHECK_OK(vasto_batch_create(&batch, &err));
  CHECK_OK(vasto_batch_delete(batch, &key, writes, &err));
  CHECK_OK(vasto_batch_write(ks, batch, writes, NULL, &err));
  vasto_batch_destroy(batch);
  vasto_future_t* future = NULL;
  CHECK_OK(vasto_put_async(ks, &key, "2", 1, writes, &future, &err));
  CHECK_OK(vasto_future_wait(future, 10000, &err));
  vasto_future_destroy(future);
  CHECK_OK(vasto_get_async(ks, &key, reads, &future, &err));
  CHECK_OK(vasto_future_wait(future, 10000, &err));
  vasto_future_destroy(future);
  CHECK_OK(vasto_delete(ks, &key, writes, NULL, &err));
  CHECK_PLAIN(VASTO_NOT_FOUND, vasto_get(ks, &key, reads, &value, &err));

  // And be taken back.
  vasto_read_options_set_session(reads, NULL);
  CHECK_PLAIN(VASTO_NOT_FOUND, vasto_get(ks, &key, reads, &value, &err));
  vasto_read_options_destroy(reads);
  vasto_write_options_destroy(writes);
  vasto_scan_options_destroy(scans);
}

static void a_token_is_taken_over_and_checked(void) {
  vasto_session_t* session = new_session();
  vasto_session_t* other = new_session();
  char token[256];
  char again[256];
  const size_t size = token_of(session, token, sizeof(token));
  size_t needed = 0;
  CHECK_CODE(VASTO_BUFFER_TOO_SMALL, vasto_session_token(session, NULL, 0, &needed, &err));
  CHECK_INT(size, needed);
  again[size - 1] = 'x';
  CHECK_CODE(VASTO_BUFFER_TOO_SMALL, vasto_session_token(session, again, size - 1, &needed, &err));
  CHECK(needed == size && again[size - 1] == 'x');
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_session_token(session, NULL, 9, &needed, &err));
  CHECK_OK(vasto_session_import(other, token, size, &err));
  CHECK_INT(size, token_of(other, again, sizeof(again)));
  CHECK(memcmp(token, again, size) == 0);

  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_session_import(other, token, size - 1, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_session_import(other, NULL, 0, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_session_import(other, NULL, 5, &err));
  token[3] = (char)(token[3] ^ 1);
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_session_import(other, token, size, &err));
  vasto_session_destroy(other);
  vasto_session_destroy(session);
  vasto_session_destroy(NULL);
}

static void a_session_is_of_one_keyspace_and_of_any_client(void) {
  vasto_session_t* session = new_session();
  vasto_read_options_t* reads = NULL;
  CHECK_OK(vasto_read_options_create(&reads, &err));
  vasto_read_options_set_session(reads, session);
  const vasto_key_t key = key_of("session/absent");
  vasto_value_t* value = NULL;

  vasto_client_t* same = open_client();
  vasto_keyspace_t* there = open_keyspace(same);
  CHECK_PLAIN(VASTO_NOT_FOUND, vasto_get(there, &key, reads, &value, &err));
  vasto_keyspace_destroy(there);
  close_client(same);

  vasto_client_t* elsewhere = open_client_of("CAPI_MASTER2");
  vasto_keyspace_t* foreign = open_keyspace(elsewhere);
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_get(foreign, &key, reads, &value, &err));
  vasto_session_t* other = NULL;
  char token[256];
  const size_t size = token_of(session, token, sizeof(token));
  CHECK_OK(vasto_session_create(foreign, &other, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_session_import(other, token, size, &err));
  vasto_session_destroy(other);
  vasto_keyspace_destroy(foreign);
  close_client(elsewhere);
  vasto_session_destroy(session);
  vasto_read_options_destroy(reads);
}

int main(int argc, char** argv) {
  static const test_t tests[] = {TEST(every_operation_can_belong_to_a_session),
                                 TEST(a_token_is_taken_over_and_checked),
                                 TEST(a_session_is_of_one_keyspace_and_of_any_client)};
  client = open_client();
  ks = open_keyspace(client);
  const int result = RUN_TESTS(tests);
  vasto_keyspace_destroy(ks);
  close_client(client);
  return result;
}
