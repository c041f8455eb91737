// SPDX-License-Identifier: Apache-2.0
// Beginnings and ends: close with operations in flight, any order of destruction, two clusters in
// one process, fork.
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cluster.h"

enum { kInFlight = 1000 };

static int completions[kInFlight];
static int other_codes;

static void complete(vasto_future_t* future, void* user_data) {
  const vasto_status_t code = vasto_future_status(future, NULL);
  __atomic_add_fetch((int*)user_data, 1, __ATOMIC_RELAXED);
  if (code != VASTO_OK && code != VASTO_NOT_FOUND && code != VASTO_CLOSED) {
    __atomic_add_fetch(&other_codes, 1, __ATOMIC_RELAXED);
  }
  vasto_future_destroy(future);
}

static void start_many(vasto_keyspace_t* ks) {
  static const char bytes[4096];
  memset(completions, 0, sizeof(completions));
  for (int i = 0; i < kInFlight; ++i) {
    char name[32];
    snprintf(name, sizeof(name), "life/%d", i);
    const vasto_key_t key = key_of(name);
    vasto_future_t* future = NULL;
    if (i % 2 == 0) {
      CHECK_OK(vasto_put_async(ks, &key, bytes, sizeof(bytes), NULL, &future, &err));
    } else {
      CHECK_OK(vasto_get_async(ks, &key, NULL, &future, &err));
    }
    CHECK_OK(vasto_future_on_ready(future, complete, &completions[i], &err));
  }
}

static void check_each_completed_once(void) {
  for (int i = 0; i < kInFlight; ++i) {
    CHECK_INT(1, __atomic_load_n(&completions[i], __ATOMIC_RELAXED));
  }
  CHECK_INT(0, __atomic_load_n(&other_codes, __ATOMIC_RELAXED));
}

static void close_completes_each_operation_once(void) {
  static const int64_t timeouts[] = {0, 1, 10000, -1};
  for (size_t i = 0; i < sizeof(timeouts) / sizeof(timeouts[0]); ++i) {
    vasto_client_t* client = open_client();
    vasto_keyspace_t* ks = open_keyspace(client);
    start_many(ks);
    CHECK_OK(vasto_client_close(client, timeouts[i], &err));
    check_each_completed_once();
    vasto_keyspace_destroy(ks);
    vasto_client_destroy(client);
  }
}

static void destroy_alone_does_the_same(void) {
  vasto_client_t* client = open_client();
  vasto_keyspace_t* ks = open_keyspace(client);
  start_many(ks);
  vasto_client_destroy(client);
  check_each_completed_once();
  vasto_keyspace_destroy(ks);
}

static void after_close_everything_says_closed(void) {
  vasto_client_t* client = open_client();
  vasto_keyspace_t* ks = open_keyspace(client);
  vasto_keyspace_t* other = NULL;
  vasto_value_t* value = NULL;
  vasto_future_t* future = NULL;
  vasto_batch_t* batch = NULL;
  vasto_iter_t *before = NULL, *after = NULL;
  vasto_kv_t row;
  const vasto_key_t key = key_of("life/closed");
  put_text(ks, "life/closed", "x");
  CHECK_OK(vasto_get(ks, &key, NULL, &value, &err));
  CHECK_OK(vasto_batch_create(&batch, &err));
  CHECK_OK(vasto_scan_prefix(ks, "life/", 5, NULL, &before, &err));
  CHECK_OK(vasto_client_close(client, 1000, &err));
  CHECK_OK(vasto_client_close(client, 1000, &err));
  // What is in hand stays.
  CHECK(vasto_value_size(value) == 1 && memcmp(vasto_value_data(value), "x", 1) == 0);
  vasto_value_destroy(value);
  CHECK_CODE(VASTO_CLOSED, vasto_get(ks, &key, NULL, &value, &err));
  CHECK_CODE(VASTO_CLOSED, vasto_put(ks, &key, "y", 1, NULL, NULL, &err));
  CHECK_CODE(VASTO_CLOSED, vasto_batch_write(ks, batch, NULL, NULL, &err));
  CHECK_CODE(VASTO_CLOSED, vasto_get_async(ks, &key, NULL, &future, &err));
  CHECK(future == NULL);
  CHECK_CODE(VASTO_CLOSED, vasto_iter_next(before, &row, &err));
  CHECK_CODE(VASTO_CLOSED, vasto_scan_prefix(ks, "", 0, NULL, &after, &err));
  CHECK_CODE(VASTO_CLOSED, vasto_keyspace_open(client, "capi", &other, &err));
  CHECK_CODE(VASTO_CLOSED,
             vasto_admin_describe(client, VASTO_DESCRIBE_STATUS, NULL, NULL, &value, &err));
  vasto_batch_destroy(batch);
  vasto_iter_destroy(before);
  vasto_client_destroy(client);
  vasto_keyspace_destroy(ks);
}

static void handles_go_in_any_order(void) {
  for (int order = 0; order < 4; ++order) {
    vasto_client_t* client = open_client();
    vasto_keyspace_t* ks = open_keyspace(client);
    const vasto_key_t key = key_of("life/order");
    vasto_future_t* future = NULL;
    vasto_iter_t* iter = NULL;
    vasto_value_t* value = NULL;
    put_text(ks, "life/order", "x");
    CHECK_OK(vasto_get(ks, &key, NULL, &value, &err));
    CHECK_OK(vasto_get_async(ks, &key, NULL, &future, &err));
    CHECK_OK(vasto_scan_prefix(ks, "life/", 5, NULL, &iter, &err));
    if (order % 2 == 0) vasto_client_destroy(client);
    if (order / 2 == 0) vasto_keyspace_destroy(ks);
    vasto_iter_destroy(iter);
    vasto_future_destroy(future);
    if (order / 2 == 1) vasto_keyspace_destroy(ks);
    if (order % 2 == 1) vasto_client_destroy(client);
    CHECK(vasto_value_size(value) == 1);
    vasto_value_destroy(value);
  }
}

static vasto_client_t* suicidal_client;
static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int destroyed;

static void destroy_client(vasto_future_t* future, void* user_data) {
  (void)user_data;
  vasto_client_destroy(suicidal_client);
  vasto_future_destroy(future);
  pthread_mutex_lock(&mu);
  destroyed = 1;
  pthread_cond_signal(&changed);
  pthread_mutex_unlock(&mu);
}

static void a_callback_may_destroy_its_client(void) {
  suicidal_client = open_client();
  vasto_keyspace_t* ks = open_keyspace(suicidal_client);
  const vasto_key_t key = key_of("life/suicide");
  vasto_future_t* future = NULL;
  CHECK_OK(vasto_get_async(ks, &key, NULL, &future, &err));
  CHECK_OK(vasto_future_on_ready(future, destroy_client, NULL, &err));
  pthread_mutex_lock(&mu);
  while (!destroyed) pthread_cond_wait(&changed, &mu);
  pthread_mutex_unlock(&mu);
  vasto_value_t* value = NULL;
  CHECK_CODE(VASTO_CLOSED, vasto_get(ks, &key, NULL, &value, &err));
  vasto_keyspace_destroy(ks);
}

static void two_clusters_in_one_process(void) {
  vasto_client_t *a = open_client_of("CAPI_MASTER"), *b = open_client_of("CAPI_MASTER2");
  vasto_keyspace_t *ka = open_keyspace(a), *kb = open_keyspace(b);
  CHECK(strcmp(vasto_keyspace_id(ka), vasto_keyspace_id(kb)) != 0);
  put_text(ka, "life/two", "first");
  put_text(kb, "life/two", "second");
  CHECK(has_text(ka, "life/two", "first"));
  CHECK(has_text(kb, "life/two", "second"));
  // One queue for both.
  vasto_queue_t* queue = NULL;
  CHECK_OK(vasto_queue_create(&queue, &err));
  const vasto_key_t key = key_of("life/two");
  for (uint64_t i = 0; i < 2; ++i) {
    vasto_future_t* future = NULL;
    CHECK_OK(vasto_get_async(i == 0 ? ka : kb, &key, NULL, &future, &err));
    CHECK_OK(vasto_queue_attach(queue, future, i, &err));
  }
  for (int i = 0; i < 2; ++i) {
    vasto_future_t* future = NULL;
    vasto_value_t* value = NULL;
    uint64_t tag = 77;
    CHECK_OK(vasto_queue_next(queue, -1, &future, &tag, &err));
    CHECK_OK(vasto_future_take_value(future, &value, &err));
    CHECK_INT(tag == 0 ? 5 : 6, vasto_value_size(value));
    vasto_value_destroy(value);
    vasto_future_destroy(future);
  }
  vasto_queue_destroy(queue);
  close_client(a);
  CHECK(has_text(kb, "life/two", "second"));
  vasto_keyspace_destroy(ka);
  vasto_keyspace_destroy(kb);
  close_client(b);
}

// What a forked child sees of its parent's handles.
static void child(vasto_client_t* client, vasto_keyspace_t* ks, vasto_future_t* future,
                  vasto_iter_t* iter, vasto_queue_t* queue) {
  const vasto_key_t key = key_of("life/fork");
  vasto_value_t* value = NULL;
  vasto_keyspace_t* other = NULL;
  vasto_future_t* started = NULL;
  vasto_kv_t row;
  alarm(30);
  CHECK_CODE(VASTO_FORKED, vasto_get(ks, &key, NULL, &value, &err));
  CHECK_CODE(VASTO_FORKED, vasto_put(ks, &key, "x", 1, NULL, NULL, &err));
  CHECK_CODE(VASTO_FORKED, vasto_get_async(ks, &key, NULL, &started, &err));
  CHECK_CODE(VASTO_FORKED, vasto_keyspace_open(client, "capi", &other, &err));
  CHECK_CODE(VASTO_FORKED, vasto_future_wait(future, 1000, &err));
  CHECK_CODE(VASTO_FORKED, vasto_future_status(future, &err));
  CHECK_CODE(VASTO_FORKED, vasto_iter_next(iter, &row, &err));
  CHECK_CODE(VASTO_FORKED, vasto_queue_next(queue, 0, &started, NULL, &err));
  CHECK_CODE(VASTO_FORKED, vasto_client_close(client, 0, &err));
  CHECK_CODE(VASTO_FORKED,
             vasto_admin_describe(client, VASTO_DESCRIBE_STATUS, NULL, NULL, &value, &err));
  vasto_future_cancel(future);
  vasto_future_destroy(future);
  vasto_iter_destroy(iter);
  vasto_queue_destroy(queue);
  vasto_keyspace_destroy(ks);
  vasto_client_destroy(client);
#ifndef __SANITIZE_THREAD__  // which does not let a forked child start threads
  // A client of its own is what a child may have.
  vasto_client_t* own = open_client();
  vasto_keyspace_t* own_ks = open_keyspace(own);
  put_text(own_ks, "life/child", "x");
  vasto_keyspace_destroy(own_ks);
  close_client(own);
#endif
  _exit(0);
}

static void a_forked_child_is_told_so(void) {
  vasto_client_t* client = open_client();
  vasto_keyspace_t* ks = open_keyspace(client);
  vasto_future_t* future = NULL;
  vasto_iter_t* iter = NULL;
  vasto_queue_t* queue = NULL;
  const vasto_key_t key = key_of("life/fork");
  CHECK_OK(vasto_get_async(ks, &key, NULL, &future, &err));
  CHECK_OK(vasto_scan_prefix(ks, "life/", 5, NULL, &iter, &err));
  CHECK_OK(vasto_queue_create(&queue, &err));
  const pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) child(client, ks, future, iter, queue);
  int status = 0;
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  // The parent goes on as if nothing had been.
  CHECK_OK(vasto_future_wait(future, -1, &err));
#ifndef __SANITIZE_THREAD__
  CHECK(has_text(ks, "life/child", "x"));
#endif
  vasto_future_destroy(future);
  vasto_iter_destroy(iter);
  vasto_queue_destroy(queue);
  vasto_keyspace_destroy(ks);
  close_client(client);
}

int main(int argc, char** argv) {
  static const test_t tests[] = {TEST(close_completes_each_operation_once),
                                 TEST(destroy_alone_does_the_same),
                                 TEST(after_close_everything_says_closed),
                                 TEST(handles_go_in_any_order),
                                 TEST(a_callback_may_destroy_its_client),
                                 TEST(two_clusters_in_one_process),
                                 TEST(a_forked_child_is_told_so)};
  return RUN_TESTS(tests);
}
