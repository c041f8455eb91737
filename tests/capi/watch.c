// SPDX-License-Identifier: Apache-2.0
#include <pthread.h>
#include <time.h>

#include "cluster.h"

static vasto_client_t* client;
static vasto_keyspace_t* ks;

static vasto_watch_t* watch_of(const char* prefix, const void* token, size_t size) {
  vasto_watch_options_t* options = NULL;
  vasto_watch_t* watch = NULL;
  CHECK_OK(vasto_watch_options_create(&options, &err));
  vasto_watch_options_set_timeout_ms(options, 10000);
  vasto_watch_options_set_resume_token(options, token, size);
  CHECK_OK(vasto_watch_open(ks, prefix, strlen(prefix), options, &watch, &err));
  CHECK(watch != NULL);
  vasto_watch_options_destroy(options);
  return watch;
}

static int is_text(vasto_slice_t slice, const char* text) {
  return slice.size == strlen(text) && memcmp(slice.data, text, slice.size) == 0;
}

static void changes_are_given_with_all_that_a_read_gives(void) {
  vasto_watch_t* watch = watch_of("watch/all/", NULL, 0);
  const vasto_key_t key =
      vasto_make_key_in("watch/all/k", 11, vasto_partition_hash("elsewhere", 9));
  vasto_write_options_t* options = NULL;
  uint64_t put = 0;
  uint64_t deleted = 0;
  CHECK_OK(vasto_write_options_create(&options, &err));
  vasto_write_options_set_value_type(options, 70);
  vasto_write_options_set_ttl_seconds(options, 1000);
  CHECK_OK(vasto_put(ks, &key, "value", 5, options, &put, &err));
  CHECK_OK(vasto_delete(ks, &key, NULL, &deleted, &err));
  vasto_write_options_destroy(options);
  put_text(ks, "watch/other", "x");
  vasto_kv_t change;
  size_t count = 0;
  CHECK_OK(vasto_watch_next(watch, &change, 1, 10000, &count, &err));
  CHECK_INT(1, count);
  CHECK(is_text(change.key, "watch/all/k") && is_text(change.value, "value"));
  CHECK(change.version == put && change.updated_at_ns == vasto_version_time_ns(put));
  CHECK(change.expires_at_ns != 0);
  CHECK_INT(70, change.type);
  CHECK_INT(VASTO_KEY_HAS_PARTITION_HASH, change.flags);
  CHECK(change.partition_hash == key.partition_hash);
  CHECK_OK(vasto_watch_next(watch, &change, 1, 10000, &count, &err));
  CHECK(is_text(change.key, "watch/all/k") && change.value.data == NULL);
  CHECK(change.version == deleted && change.expires_at_ns == 0);
  CHECK_INT(VASTO_KEY_HAS_PARTITION_HASH | VASTO_KV_DELETED, change.flags);
  // Nothing more, which is no failure.
  CHECK_PLAIN(VASTO_TIMEOUT, vasto_watch_next(watch, &change, 1, 300, &count, &err));
  CHECK_PLAIN(VASTO_TIMEOUT, vasto_watch_next(watch, &change, 1, 0, &count, &err));
  CHECK_INT(0, count);
  vasto_watch_destroy(watch);
}

static void a_token_goes_on_where_it_was(void) {
  vasto_watch_t* watch = watch_of("watch/token/", NULL, 0);
  const void* token = NULL;
  size_t size = 0;
  CHECK_OK(vasto_watch_resume_token(watch, &token, &size, &err));
  put_text(ks, "watch/token/1", "1");
  vasto_watch_t* again = watch_of("watch/token/", token, size);
  vasto_watch_destroy(watch);
  vasto_kv_t changes[10];
  size_t count = 0;
  CHECK_OK(vasto_watch_next(again, changes, 10, 10000, &count, &err));
  CHECK_INT(1, count);
  CHECK(is_text(changes[0].key, "watch/token/1"));
  vasto_watch_destroy(again);
}

// A future that is not done within 10 s fails the test; otherwise what it ended with.
static vasto_status_t end_of(vasto_future_t* future) {
  CHECK_OK(vasto_future_wait(future, 10000, &err));
  return vasto_future_status(future, NULL);
}

static void changes_are_waited_for_by_a_future(void) {
  vasto_watch_t* watch = watch_of("watch/ready/", NULL, 0);
  vasto_future_t* future = NULL;
  vasto_future_t* second = NULL;
  vasto_kv_t change;
  size_t count = 0;
  const void* token = NULL;
  size_t size = 0;
  CHECK_OK(vasto_watch_ready_async(watch, &future, &err));
  CHECK_PLAIN(VASTO_TIMEOUT, vasto_future_wait(future, 50, &err));
  // Until then the watch is its own.
  CHECK_CODE(VASTO_BUSY, vasto_watch_next(watch, &change, 1, 0, &count, &err));
  CHECK_CODE(VASTO_BUSY, vasto_watch_resume_token(watch, &token, &size, &err));
  CHECK_CODE(VASTO_BUSY, vasto_watch_ready_async(watch, &second, &err));
  CHECK(second == NULL);
  put_text(ks, "watch/ready/1", "1");
  CHECK_INT(VASTO_OK, end_of(future));
  CHECK_OK(vasto_watch_next(watch, &change, 1, 0, &count, &err));
  CHECK(is_text(change.key, "watch/ready/1"));
  vasto_future_destroy(future);
  // One that is cancelled leaves the watch as it was.
  CHECK_OK(vasto_watch_ready_async(watch, &future, &err));
  vasto_future_cancel(future);
  CHECK_INT(VASTO_CANCELLED, end_of(future));
  CHECK_OK(vasto_watch_ready_async(watch, &second, &err));
  vasto_future_destroy(future);
  put_text(ks, "watch/ready/2", "2");
  put_text(ks, "watch/ready/2", "3");
  CHECK_INT(VASTO_OK, end_of(second));
  vasto_future_destroy(second);
  CHECK_OK(vasto_watch_next(watch, &change, 1, 10000, &count, &err));
  CHECK(is_text(change.key, "watch/ready/2"));
  // With something in hand there is nothing to wait for.
  CHECK_OK(vasto_watch_next(watch, &change, 1, 10000, &count, &err));
  put_text(ks, "watch/ready/4", "4");
  CHECK_OK(vasto_watch_ready_async(watch, &future, &err));
  CHECK_INT(VASTO_OK, end_of(future));
  vasto_future_destroy(future);
  vasto_watch_destroy(watch);
}

static void the_end_of_a_watch_ends_the_wait(void) {
  vasto_watch_t* watch = watch_of("watch/end/", NULL, 0);
  vasto_future_t* future = NULL;
  CHECK_OK(vasto_watch_ready_async(watch, &future, &err));
  vasto_watch_destroy(watch);
  CHECK_INT(VASTO_CANCELLED, end_of(future));
  vasto_future_destroy(future);
}

static void the_end_of_its_client_ends_the_wait(void) {
  vasto_client_t* other = open_client();
  vasto_keyspace_t* its = open_keyspace(other);
  vasto_watch_t* watch = NULL;
  vasto_future_t* future = NULL;
  vasto_kv_t change;
  size_t count = 0;
  CHECK_OK(vasto_watch_open(its, "watch/close/", 12, NULL, &watch, &err));
  CHECK_OK(vasto_watch_ready_async(watch, &future, &err));
  CHECK_OK(vasto_client_close(other, -1, &err));
  CHECK(vasto_future_is_ready(future));
  CHECK_CODE(VASTO_CLOSED, vasto_watch_next(watch, &change, 1, 0, &count, &err));
  vasto_future_destroy(future);
  vasto_client_destroy(other);
  vasto_keyspace_destroy(its);
  vasto_watch_destroy(watch);
}

static void a_wrong_token_is_refused(void) {
  vasto_watch_options_t* options = NULL;
  vasto_watch_t* watch = NULL;
  CHECK_OK(vasto_watch_options_create(&options, &err));
  vasto_watch_options_set_resume_token(options, "nonsense", 8);
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_watch_open(ks, NULL, 0, options, &watch, &err));
  CHECK(watch == NULL);
  vasto_watch_options_destroy(options);
}

static void* destroy_soon(void* watch) {
  const struct timespec pause = {0, 50000000};
  nanosleep(&pause, NULL);
  vasto_watch_destroy(watch);
  return NULL;
}

static void destroy_ends_a_call_that_waits(void) {
  vasto_watch_t* watch = watch_of("watch/destroy/", NULL, 0);
  pthread_t other;
  CHECK_INT(0, pthread_create(&other, NULL, destroy_soon, watch));
  vasto_kv_t change;
  size_t count = 0;
  CHECK_CODE(VASTO_CANCELLED, vasto_watch_next(watch, &change, 1, -1, &count, &err));
  CHECK_INT(0, pthread_join(other, NULL));
}

static void close_ends_it_without_waiting_for_it(void) {
  vasto_client_t* own = open_client();
  vasto_keyspace_t* keyspace = open_keyspace(own);
  vasto_watch_t* watch = NULL;
  vasto_kv_t change;
  size_t count = 0;
  CHECK_OK(vasto_watch_open(keyspace, "w", 1, NULL, &watch, &err));
  CHECK_PLAIN(VASTO_TIMEOUT, vasto_watch_next(watch, &change, 1, 10, &count, &err));
  CHECK_OK(vasto_client_close(own, 60000, &err));
  CHECK_CODE(VASTO_CLOSED, vasto_watch_next(watch, &change, 1, -1, &count, &err));
  vasto_client_destroy(own);
  vasto_keyspace_destroy(keyspace);
  vasto_watch_destroy(watch);
}

int main(int argc, char** argv) {
  static const test_t tests[] = {TEST(changes_are_given_with_all_that_a_read_gives),
                                 TEST(a_token_goes_on_where_it_was),
                                 TEST(a_wrong_token_is_refused),
                                 TEST(destroy_ends_a_call_that_waits),
                                 TEST(close_ends_it_without_waiting_for_it),
                                 TEST(changes_are_waited_for_by_a_future),
                                 TEST(the_end_of_a_watch_ends_the_wait),
                                 TEST(the_end_of_its_client_ends_the_wait)};
  client = open_client();
  ks = open_keyspace(client);
  const int result = RUN_TESTS(tests);
  vasto_keyspace_destroy(ks);
  close_client(client);
  return result;
}
