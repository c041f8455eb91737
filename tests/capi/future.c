// SPDX-License-Identifier: Apache-2.0
#include <pthread.h>

#include "cluster.h"

static vasto_client_t* client;
static vasto_keyspace_t* ks;

// Counts calls of callbacks and lets the test wait for them.
static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int calls;

static void called(void) {
  pthread_mutex_lock(&mu);
  ++calls;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&mu);
}

static void wait_for_calls(int count) {
  pthread_mutex_lock(&mu);
  while (calls < count) pthread_cond_wait(&changed, &mu);
  pthread_mutex_unlock(&mu);
}

static vasto_future_t* start_get(const char* name) {
  const vasto_key_t key = key_of(name);
  vasto_future_t* future = NULL;
  CHECK_OK(vasto_get_async(ks, &key, NULL, &future, &err));
  CHECK(future != NULL);
  return future;
}

static void every_operation_has_an_async_form(void) {
  const vasto_key_t key = key_of("future/a");
  vasto_future_t* future = NULL;
  vasto_value_t* value = NULL;

  CHECK_OK(vasto_put_async(ks, &key, "hello", 5, NULL, &future, &err));
  CHECK_OK(vasto_future_wait(future, -1, &err));
  CHECK(vasto_future_is_ready(future));
  CHECK_OK(vasto_future_status(future, &err));
  const uint64_t version = vasto_future_version(future);
  CHECK(version != 0);
  vasto_future_destroy(future);

  future = start_get("future/a");
  CHECK_OK(vasto_future_wait(future, 10000, &err));
  CHECK_OK(vasto_future_take_value(future, &value, &err));
  CHECK(vasto_value_size(value) == 5 && vasto_value_version(value) == version);
  CHECK(vasto_future_version(future) == 0);
  vasto_future_destroy(future);
  CHECK(memcmp(vasto_value_data(value), "hello", 5) == 0);
  vasto_value_destroy(value);

  CHECK_OK(vasto_stat_async(ks, &key, NULL, &future, &err));
  CHECK_OK(vasto_future_wait(future, -1, &err));
  CHECK_OK(vasto_future_take_value(future, &value, &err));
  CHECK(vasto_value_size(value) == 5 && vasto_value_data(value) == NULL);
  vasto_value_destroy(value);
  vasto_future_destroy(future);

  CHECK_OK(vasto_touch_async(ks, &key, 1000, NULL, &future, &err));
  CHECK_OK(vasto_future_wait(future, -1, &err));
  CHECK(vasto_future_version(future) > version);
  vasto_future_destroy(future);

  CHECK_OK(vasto_delete_async(ks, &key, NULL, &future, &err));
  CHECK_OK(vasto_future_wait(future, -1, &err));
  CHECK_OK(vasto_future_status(future, &err));
  vasto_future_destroy(future);
  future = start_get("future/a");
  CHECK_OK(vasto_future_wait(future, -1, &err));
  CHECK_PLAIN(VASTO_NOT_FOUND, vasto_future_status(future, &err));
  CHECK_PLAIN(VASTO_NOT_FOUND, vasto_future_take_value(future, &value, &err));
  CHECK(value == NULL);
  vasto_future_destroy(future);
}

static void arguments_may_go_at_once(void) {
  char name[] = "future/copied", bytes[] = "content";
  const vasto_key_t key = key_of(name);
  vasto_future_t* future = NULL;
  CHECK_OK(vasto_put_async(ks, &key, bytes, 7, NULL, &future, &err));
  memset(name, '#', sizeof(name) - 1);
  memset(bytes, '#', sizeof(bytes) - 1);
  CHECK_OK(vasto_future_wait(future, -1, &err));
  CHECK_OK(vasto_future_status(future, &err));
  vasto_future_destroy(future);
  CHECK(has_text(ks, "future/copied", "content"));
}

static void multi_get_and_batch_have_their_takes(void) {
  enum { kCount = 3 };
  static const char* const names[kCount] = {"future/m0", "future/m1", "future/m2"};
  vasto_key_t keys[kCount];
  vasto_batch_t* batch = NULL;
  vasto_future_t* future = NULL;
  CHECK_OK(vasto_batch_create(&batch, &err));
  for (int i = 0; i < kCount; ++i) keys[i] = key_of(names[i]);
  CHECK_OK(vasto_batch_put(batch, &keys[0], "0", 1, NULL, &err));
  CHECK_OK(vasto_batch_put(batch, &keys[2], "2", 1, NULL, &err));
  CHECK_OK(vasto_batch_write_async(ks, batch, NULL, &future, &err));
  vasto_batch_destroy(batch);
  CHECK_OK(vasto_future_wait(future, -1, &err));
  vasto_batch_result_t* result = NULL;
  CHECK_OK(vasto_future_take_batch_result(future, &result, &err));
  CHECK_INT(2, vasto_batch_result_count(result));
  vasto_batch_result_destroy(result);
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_future_take_batch_result(future, &result, &err));
  vasto_future_destroy(future);

  vasto_value_t* values[kCount];
  vasto_status_t codes[kCount];
  CHECK_OK(vasto_multi_get_async(ks, keys, kCount, NULL, &future, &err));
  CHECK_OK(vasto_future_wait(future, -1, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT,
             vasto_future_take_values(future, values, codes, kCount - 1, &err));
  CHECK_OK(vasto_future_take_values(future, values, codes, kCount, &err));
  CHECK_INT(VASTO_OK, codes[0]);
  CHECK_INT(VASTO_NOT_FOUND, codes[1]);
  CHECK_INT(VASTO_OK, codes[2]);
  CHECK(values[1] == NULL && vasto_value_size(values[2]) == 1);
  for (int i = 0; i < kCount; ++i) vasto_value_destroy(values[i]);
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_future_take_values(future, values, codes, kCount, &err));
  vasto_future_destroy(future);
}

static void a_result_is_taken_once_and_by_its_kind(void) {
  put_text(ks, "future/once", "x");
  vasto_future_t* future = start_get("future/once");
  vasto_value_t* value = NULL;
  vasto_batch_result_t* result = NULL;
  CHECK_OK(vasto_future_wait(future, -1, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_future_take_batch_result(future, &result, &err));
  CHECK_OK(vasto_future_take_value(future, &value, &err));
  vasto_value_destroy(value);
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_future_take_value(future, &value, &err));
  CHECK(value == NULL);
  CHECK_OK(vasto_future_status(future, &err));
  vasto_future_destroy(future);
}

// In a callback: what it may do, and what is refused instead of a deadlock.
static void probe(vasto_future_t* future, void* user_data) {
  vasto_value_t* value = NULL;
  vasto_future_t* next = NULL;
  const vasto_key_t key = key_of("future/callback");
  vasto_error_t* error = NULL;
  CHECK(user_data == &calls);
  CHECK(vasto_future_is_ready(future));
  CHECK_INT(VASTO_OK, vasto_future_take_value(future, &value, &error));
  CHECK(vasto_value_size(value) == 1);
  vasto_value_destroy(value);
  CHECK_INT(VASTO_WRONG_THREAD, vasto_get(ks, &key, NULL, &value, &error));
  CHECK_INT(VASTO_WRONG_THREAD, vasto_error_code(error));
  vasto_error_destroy(error);
  CHECK_INT(VASTO_WRONG_THREAD, vasto_put(ks, &key, "y", 1, NULL, NULL, NULL));
  CHECK_INT(VASTO_WRONG_THREAD, vasto_client_close(client, 0, NULL));
  CHECK_INT(VASTO_OK, vasto_get_async(ks, &key, NULL, &next, NULL));
  CHECK_INT(VASTO_WRONG_THREAD, vasto_future_wait(next, 1000, NULL));
  vasto_future_destroy(next);
  vasto_future_destroy(future);
  called();
}

static void a_callback_runs_on_another_thread(void) {
  put_text(ks, "future/callback", "x");
  calls = 0;
  for (int i = 0; i < 200; ++i) {
    CHECK_OK(vasto_future_on_ready(start_get("future/callback"), probe, &calls, &err));
  }
  wait_for_calls(200);
  CHECK_INT(200, calls);
  CHECK(has_text(ks, "future/callback", "x"));
}

static pthread_t submitter;

static void count_call(vasto_future_t* future, void* user_data) {
  CHECK(!pthread_equal(submitter, pthread_self()));
  CHECK(vasto_future_is_ready(future));
  *(vasto_status_t*)user_data = vasto_future_status(future, NULL);
  called();
}

static void a_late_callback_still_runs(void) {
  vasto_status_t code = 77;
  submitter = pthread_self();
  calls = 0;
  vasto_future_t* future = start_get("future/late");
  CHECK_OK(vasto_future_wait(future, -1, &err));
  CHECK_OK(vasto_future_on_ready(future, count_call, &code, &err));
  wait_for_calls(1);
  CHECK_INT(VASTO_NOT_FOUND, code);
  CHECK_CODE(VASTO_ALREADY_EXISTS, vasto_future_on_ready(future, count_call, &code, &err));
  vasto_future_destroy(future);
  CHECK_INT(1, calls);
}

static void cancel_and_destroy_complete_exactly_once(void) {
  enum { kCount = 300 };
  static vasto_status_t codes[kCount];
  submitter = pthread_self();
  calls = 0;
  for (int i = 0; i < kCount; ++i) {
    vasto_future_t* future = start_get("future/callback");
    codes[i] = 77;
    CHECK_OK(vasto_future_on_ready(future, count_call, &codes[i], &err));
    if (i % 2 == 0) vasto_future_cancel(future);
    if (i % 3 == 0) vasto_future_cancel(future);
    vasto_future_destroy(future);
  }
  wait_for_calls(kCount);
  // Later operations complete after all of those: no call can be on its way any more.
  CHECK(has_text(ks, "future/callback", "x"));
  CHECK_INT(kCount, calls);
  for (int i = 0; i < kCount; ++i) CHECK(codes[i] == VASTO_OK || codes[i] == VASTO_CANCELLED);
}

static void a_cancelled_future_says_so(void) {
  const vasto_key_t key = key_of("future/cancelled");
  vasto_future_t* future = NULL;
  CHECK_OK(vasto_put_async(ks, &key, "x", 1, NULL, &future, &err));
  vasto_future_cancel(future);
  CHECK(vasto_future_is_ready(future));
  const vasto_status_t code = vasto_future_status(future, &err);
  if (code == VASTO_CANCELLED) CHECK(vasto_error_is_in_doubt(err));
  CHECK(code == VASTO_CANCELLED || code == VASTO_OK);
  vasto_error_destroy(err);
  err = NULL;
  vasto_future_destroy(future);
}

static void refused_starts_leave_no_future(void) {
  vasto_future_t* future = (vasto_future_t*)&future;
  vasto_key_t key = key_of("future/bad");
  key.reserved = 1;
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_get_async(ks, &key, NULL, &future, &err));
  CHECK(future == NULL);
  key = vasto_make_key("x", VASTO_MAX_KEY_SIZE + 1);
  CHECK_CODE(VASTO_TOO_LARGE, vasto_put_async(ks, &key, "", 0, NULL, &future, &err));
  CHECK(future == NULL);
}

int main(int argc, char** argv) {
  static const test_t tests[] = {TEST(every_operation_has_an_async_form),
                                 TEST(arguments_may_go_at_once),
                                 TEST(multi_get_and_batch_have_their_takes),
                                 TEST(a_result_is_taken_once_and_by_its_kind),
                                 TEST(a_callback_runs_on_another_thread),
                                 TEST(a_late_callback_still_runs),
                                 TEST(cancel_and_destroy_complete_exactly_once),
                                 TEST(a_cancelled_future_says_so),
                                 TEST(refused_starts_leave_no_future)};
  client = open_client();
  ks = open_keyspace(client);
  const int result = RUN_TESTS(tests);
  vasto_keyspace_destroy(ks);
  close_client(client);
  return result;
}
