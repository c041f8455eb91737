// SPDX-License-Identifier: Apache-2.0
// What callers see of stores that never answer, are busy or damage what they send. Run by
// with_faulty_clusters.
#include <pthread.h>
#include <time.h>

#include "cluster.h"

enum { kInFlight = 1000 };

static vasto_client_t* client;
static vasto_keyspace_t* ks;

static void open_faulty(const char* variable) {
  client = open_client_of(variable);
  ks = NULL;
  CHECK_OK(vasto_keyspace_open(client, "ks", &ks, &err));
}

static void close_faulty(void) {
  vasto_keyspace_destroy(ks);
  vasto_client_destroy(client);
}

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static vasto_future_t* start(int i) {
  vasto_future_t* future = NULL;
  char name[32];
  snprintf(name, sizeof(name), "fault/%d", i);
  const vasto_key_t key = key_of(name);
  if (i % 2 == 0) {
    CHECK_OK(vasto_put_async(ks, &key, "x", 1, NULL, &future, &err));
  } else {
    CHECK_OK(vasto_get_async(ks, &key, NULL, &future, &err));
  }
  return future;
}

static int completions[kInFlight];
static vasto_status_t codes[kInFlight];

static void complete(vasto_future_t* future, void* user_data) {
  const size_t i = (size_t)((int*)user_data - completions);
  __atomic_add_fetch(&completions[i], 1, __ATOMIC_SEQ_CST);
  codes[i] = vasto_future_status(future, NULL);
}

static void start_all(vasto_future_t** futures) {
  memset(completions, 0, sizeof(completions));
  for (int i = 0; i < kInFlight; ++i) {
    futures[i] = start(i);
    CHECK_OK(vasto_future_on_ready(futures[i], complete, &completions[i], &err));
  }
}

static void close_ends_what_never_answers(void) {
  static vasto_future_t* futures[kInFlight];
  open_faulty("CAPI_SILENT");
  start_all(futures);
  const int64_t begin = now_ms();
  CHECK_OK(vasto_client_close(client, 50, &err));
  CHECK(now_ms() - begin < 5000);
  for (int i = 0; i < kInFlight; ++i) {
    CHECK_INT(1, completions[i]);
    CHECK_INT(VASTO_CLOSED, codes[i]);
    CHECK_INT(VASTO_CLOSED, vasto_future_status(futures[i], &err));
    // A put that was sent may have happened; a get cannot be in doubt.
    if (i % 2 != 0) CHECK(!vasto_error_is_in_doubt(err));
    vasto_error_destroy(err);
    err = NULL;
    vasto_future_destroy(futures[i]);
  }
  close_faulty();
}

static void close_and_cancel_meet_once(void) {
  static vasto_future_t* futures[kInFlight];
  open_faulty("CAPI_SILENT");
  start_all(futures);
  for (int i = 0; i < kInFlight; i += 3) vasto_future_cancel(futures[i]);
  for (int i = 0; i < kInFlight; i += 2) vasto_future_destroy(futures[i]);
  CHECK_OK(vasto_client_close(client, 0, &err));
  for (int i = 0; i < kInFlight; ++i) {
    CHECK_INT(1, completions[i]);
    CHECK_INT(i % 3 == 0 || i % 2 == 0 ? VASTO_CANCELLED : VASTO_CLOSED, codes[i]);
    if (i % 2 != 0) vasto_future_destroy(futures[i]);
  }
  close_faulty();
}

static void a_queue_gets_each_once_at_the_close(void) {
  static int seen[kInFlight];
  vasto_queue_t* queue = NULL;
  open_faulty("CAPI_SILENT");
  CHECK_OK(vasto_queue_create(&queue, &err));
  for (int i = 0; i < kInFlight; ++i) {
    CHECK_OK(vasto_queue_attach(queue, start(i), (uint64_t)i, &err));
  }
  vasto_client_destroy(client);
  for (int i = 0; i < kInFlight; ++i) {
    vasto_future_t* future = NULL;
    uint64_t tag = 0;
    CHECK_OK(vasto_queue_next(queue, 0, &future, &tag, &err));
    CHECK_INT(VASTO_CLOSED, vasto_future_status(future, NULL));
    ++seen[tag];
    vasto_future_destroy(future);
  }
  for (int i = 0; i < kInFlight; ++i) CHECK_INT(1, seen[i]);
  vasto_future_t* none = NULL;
  CHECK_PLAIN(VASTO_TIMEOUT, vasto_queue_next(queue, 0, &none, NULL, &err));
  vasto_queue_destroy(queue);
  vasto_keyspace_destroy(ks);
}

static void deadlines_hold_and_writes_are_in_doubt(void) {
  const vasto_key_t key = key_of("fault/deadline");
  vasto_read_options_t* read = NULL;
  vasto_write_options_t* write = NULL;
  vasto_value_t* value = NULL;
  open_faulty("CAPI_SILENT");
  CHECK_OK(vasto_read_options_create(&read, &err));
  CHECK_OK(vasto_write_options_create(&write, &err));
  vasto_read_options_set_timeout_ms(read, 150);
  vasto_write_options_set_timeout_ms(write, 150);
  int64_t begin = now_ms();
  CHECK_INT(VASTO_TIMEOUT, vasto_get(ks, &key, read, &value, &err));
  CHECK(now_ms() - begin >= 140 && now_ms() - begin < 5000);
  CHECK(vasto_error_is_retryable(err) && !vasto_error_is_in_doubt(err));
  vasto_error_destroy(err);
  err = NULL;
  begin = now_ms();
  CHECK_INT(VASTO_TIMEOUT, vasto_put(ks, &key, "x", 1, write, NULL, &err));
  CHECK(now_ms() - begin >= 140 && now_ms() - begin < 5000);
  CHECK(vasto_error_is_retryable(err) && vasto_error_is_in_doubt(err));
  vasto_error_destroy(err);
  err = NULL;
  vasto_write_options_set_if_absent(write);
  CHECK_INT(VASTO_TIMEOUT, vasto_put(ks, &key, "x", 1, write, NULL, &err));
  CHECK(vasto_error_is_in_doubt(err));
  vasto_error_destroy(err);
  err = NULL;
  vasto_read_options_destroy(read);
  vasto_write_options_destroy(write);
  close_faulty();
}

static void a_batch_tells_each_entry_that_timed_out(void) {
  vasto_batch_t* batch = NULL;
  vasto_batch_result_t* result = NULL;
  vasto_write_options_t* write = NULL;
  open_faulty("CAPI_APPLY");
  CHECK_OK(vasto_batch_create(&batch, &err));
  CHECK_OK(vasto_write_options_create(&write, &err));
  vasto_write_options_set_timeout_ms(write, 150);
  for (int i = 0; i < 10; ++i) {
    char name[32];
    snprintf(name, sizeof(name), "fault/batch/%d", i);
    const vasto_key_t key = key_of(name);
    CHECK_OK(vasto_batch_put(batch, &key, "x", 1, NULL, &err));
  }
  CHECK_INT(VASTO_TIMEOUT, vasto_batch_write(ks, batch, write, &result, &err));
  CHECK(vasto_error_is_in_doubt(err));
  vasto_error_destroy(err);
  err = NULL;
  CHECK_INT(10, vasto_batch_result_count(result));
  for (size_t i = 0; i < 10; ++i) CHECK_INT(VASTO_TIMEOUT, vasto_batch_result_code(result, i));
  vasto_batch_result_destroy(result);
  vasto_batch_destroy(batch);
  vasto_write_options_destroy(write);
  close_faulty();
}

static void a_wait_that_ends_early_changes_nothing(void) {
  open_faulty("CAPI_SILENT");
  vasto_future_t* future = start(1);
  vasto_value_t* value = NULL;
  CHECK_PLAIN(VASTO_TIMEOUT, vasto_future_wait(future, 0, &err));
  CHECK_PLAIN(VASTO_TIMEOUT, vasto_future_wait(future, 30, &err));
  CHECK(!vasto_future_is_ready(future));
  CHECK_CODE(VASTO_BUSY, vasto_future_status(future, &err));
  CHECK_CODE(VASTO_BUSY, vasto_future_take_value(future, &value, &err));
  vasto_future_cancel(future);
  CHECK_OK(vasto_future_wait(future, 0, &err));
  CHECK_CODE(VASTO_CANCELLED, vasto_future_take_value(future, &value, &err));
  vasto_future_destroy(future);
  close_faulty();
}

static void damaged_values_are_refused(void) {
  const vasto_key_t key = key_of("fault/damage");
  vasto_value_t* value = NULL;
  vasto_status_t code = 77;
  open_faulty("CAPI_DAMAGE");
  CHECK_OK(vasto_put(ks, &key, "sound", 5, NULL, NULL, &err));
  CHECK_CODE(VASTO_CORRUPTION, vasto_get(ks, &key, NULL, &value, &err));
  CHECK(value == NULL);
  CHECK_CODE(VASTO_CORRUPTION, vasto_multi_get(ks, &key, 1, NULL, &value, &code, &err));
  CHECK(value == NULL && code == VASTO_CORRUPTION);
  close_faulty();
}

static void busy_stores_are_told_apart_from_absent_ones(void) {
  const vasto_key_t key = key_of("fault/busy");
  vasto_read_options_t* read = NULL;
  vasto_value_t* value = NULL;
  open_faulty("CAPI_BUSY");
  CHECK_OK(vasto_read_options_create(&read, &err));
  vasto_read_options_set_timeout_ms(read, 200);
  CHECK_CODE(VASTO_BUSY, vasto_get(ks, &key, read, &value, &err));
  vasto_read_options_destroy(read);
  close_faulty();
}

static void a_scan_that_waits_can_be_left(void) {
  vasto_scan_options_t* options = NULL;
  vasto_iter_t* iter = NULL;
  vasto_future_t *future = NULL, *second = NULL;
  vasto_kv_t row;
  const void* token = NULL;
  size_t size = 0;
  open_faulty("CAPI_SILENT");
  CHECK_OK(vasto_scan_options_create(&options, &err));
  vasto_scan_options_set_timeout_ms(options, 150);
  CHECK_OK(vasto_scan_prefix(ks, "f", 1, options, &iter, &err));
  CHECK_CODE(VASTO_TIMEOUT, vasto_iter_next(iter, &row, &err));

  CHECK_OK(vasto_iter_ready_async(iter, &future, &err));
  CHECK_CODE(VASTO_BUSY, vasto_iter_next(iter, &row, &err));
  CHECK_CODE(VASTO_BUSY, vasto_iter_resume_token(iter, &token, &size, &err));
  CHECK_CODE(VASTO_BUSY, vasto_iter_ready_async(iter, &second, &err));
  CHECK_OK(vasto_future_wait(future, -1, &err));
  CHECK_CODE(VASTO_TIMEOUT, vasto_future_status(future, &err));
  vasto_future_destroy(future);

  vasto_scan_options_set_timeout_ms(options, 60000);
  vasto_iter_t* slow = NULL;
  CHECK_OK(vasto_scan_prefix(ks, "f", 1, options, &slow, &err));
  CHECK_OK(vasto_iter_ready_async(slow, &future, &err));
  vasto_iter_destroy(slow);
  CHECK_OK(vasto_future_wait(future, 0, &err));
  CHECK_CODE(VASTO_CANCELLED, vasto_future_status(future, &err));
  vasto_future_destroy(future);

  CHECK_OK(vasto_scan_prefix(ks, "f", 1, options, &slow, &err));
  CHECK_OK(vasto_iter_ready_async(slow, &future, &err));
  const int64_t begin = now_ms();
  CHECK_OK(vasto_client_close(client, 0, &err));
  CHECK(now_ms() - begin < 5000);
  CHECK_OK(vasto_future_wait(future, 0, &err));
  CHECK_CODE(VASTO_CLOSED, vasto_future_status(future, &err));
  vasto_future_destroy(future);
  vasto_iter_destroy(slow);
  vasto_iter_destroy(iter);
  vasto_scan_options_destroy(options);
  close_faulty();
}

static void* blocked_get(void* arg) {
  const vasto_key_t key = key_of("fault/blocked");
  vasto_value_t* value = NULL;
  *(vasto_status_t*)arg = vasto_get(ks, &key, NULL, &value, NULL);
  return NULL;
}

static void close_frees_threads_that_wait(void) {
  enum { kThreads = 4 };
  pthread_t threads[kThreads];
  vasto_status_t results[kThreads];
  open_faulty("CAPI_SILENT");
  for (int i = 0; i < kThreads; ++i) {
    CHECK(pthread_create(&threads[i], NULL, blocked_get, &results[i]) == 0);
  }
  CHECK_OK(vasto_client_close(client, 20, &err));
  for (int i = 0; i < kThreads; ++i) {
    CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK_INT(VASTO_CLOSED, results[i]);
  }
  close_faulty();
}

int main(int argc, char** argv) {
  static const test_t tests[] = {TEST(close_ends_what_never_answers),
                                 TEST(close_and_cancel_meet_once),
                                 TEST(a_queue_gets_each_once_at_the_close),
                                 TEST(deadlines_hold_and_writes_are_in_doubt),
                                 TEST(a_batch_tells_each_entry_that_timed_out),
                                 TEST(a_wait_that_ends_early_changes_nothing),
                                 TEST(damaged_values_are_refused),
                                 TEST(busy_stores_are_told_apart_from_absent_ones),
                                 TEST(a_scan_that_waits_can_be_left),
                                 TEST(close_frees_threads_that_wait)};
  return RUN_TESTS(tests);
}
