// SPDX-License-Identifier: Apache-2.0
#include <poll.h>
#include <pthread.h>

#include "cluster.h"

static vasto_queue_t* queue_new(void) {
  vasto_queue_t* queue = NULL;
  CHECK_OK(vasto_queue_create(&queue, &err));
  CHECK(queue != NULL);
  return queue;
}

static int readable(vasto_queue_t* queue, int timeout_ms) {
  struct pollfd fd = {vasto_queue_fd(queue), POLLIN, 0};
  return poll(&fd, 1, timeout_ms) == 1;
}

static void an_empty_queue_times_out_plainly(void) {
  vasto_queue_t* queue = queue_new();
  vasto_future_t* future = (vasto_future_t*)&future;
  uint64_t tag = 77;
  size_t count = 77;
  CHECK(vasto_queue_fd(queue) >= 0);
  CHECK(!readable(queue, 0));
  CHECK_PLAIN(VASTO_TIMEOUT, vasto_queue_next(queue, 0, &future, &tag, &err));
  CHECK(future == NULL && tag == 0);
  CHECK_PLAIN(VASTO_TIMEOUT, vasto_queue_next(queue, 30, &future, NULL, &err));
  CHECK_PLAIN(VASTO_TIMEOUT, vasto_queue_next_block(queue, 0, &future, NULL, 1, &count, &err));
  CHECK(count == 0);
  CHECK_CODE(VASTO_INVALID_ARGUMENT,
             vasto_queue_next_block(queue, 0, &future, NULL, 0, &count, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_queue_attach(queue, NULL, 0, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_queue_next(queue, 0, NULL, NULL, &err));
  vasto_queue_destroy(queue);
}

static vasto_future_t* start_get(vasto_keyspace_t* ks) {
  const vasto_key_t key = key_of("queue/key");
  vasto_future_t* future = NULL;
  CHECK_OK(vasto_get_async(ks, &key, NULL, &future, &err));
  return future;
}

static void the_descriptor_is_level_triggered(void) {
  vasto_client_t* client = open_client();
  vasto_keyspace_t* ks = open_keyspace(client);
  vasto_queue_t* queue = queue_new();
  for (int round = 0; round < 20; ++round) {
    for (uint64_t i = 0; i < 3; ++i) {
      vasto_future_t* future = start_get(ks);
      CHECK_OK(vasto_queue_attach(queue, future, 100 + i, &err));
    }
    uint64_t seen = 0;
    for (int i = 0; i < 3; ++i) {
      vasto_future_t* future = NULL;
      uint64_t tag = 0;
      CHECK(readable(queue, 10000));
      CHECK(readable(queue, 0));
      CHECK_OK(vasto_queue_next(queue, 0, &future, &tag, &err));
      CHECK(vasto_future_is_ready(future));
      seen |= 1u << (tag - 100);
      vasto_future_destroy(future);
    }
    CHECK_INT(7, seen);
    CHECK(!readable(queue, 0));
  }
  vasto_queue_destroy(queue);
  vasto_keyspace_destroy(ks);
  close_client(client);
}

static void a_block_takes_many_at_once(void) {
  enum { kCount = 500 };
  static int seen[kCount];
  vasto_client_t* client = open_client();
  vasto_keyspace_t* ks = open_keyspace(client);
  vasto_queue_t* queue = queue_new();
  for (int i = 0; i < kCount; ++i) {
    CHECK_OK(vasto_queue_attach(queue, start_get(ks), (uint64_t)i, &err));
  }
  for (size_t left = kCount; left > 0;) {
    vasto_future_t* futures[64];
    uint64_t tags[64];
    size_t count = 0;
    CHECK_OK(vasto_queue_next_block(queue, -1, futures, tags, 64, &count, &err));
    CHECK(count > 0 && count <= 64);
    for (size_t i = 0; i < count; ++i) {
      ++seen[tags[i]];
      CHECK_PLAIN(VASTO_NOT_FOUND, vasto_future_status(futures[i], &err));
      vasto_future_destroy(futures[i]);
    }
    left -= count;
  }
  for (int i = 0; i < kCount; ++i) CHECK_INT(1, seen[i]);
  vasto_queue_destroy(queue);
  vasto_keyspace_destroy(ks);
  close_client(client);
}

static void finished_and_destroyed_futures(void) {
  vasto_client_t* client = open_client();
  vasto_keyspace_t* ks = open_keyspace(client);
  vasto_queue_t* queue = queue_new();
  vasto_future_t *a = start_get(ks), *b = start_get(ks), *got = NULL;
  CHECK_OK(vasto_future_wait(a, -1, &err));
  CHECK_OK(vasto_queue_attach(queue, a, 1, &err));
  CHECK_CODE(VASTO_ALREADY_EXISTS, vasto_queue_attach(queue, a, 2, &err));
  CHECK_OK(vasto_queue_attach(queue, b, 2, &err));
  CHECK_OK(vasto_future_wait(b, -1, &err));
  vasto_future_destroy(a);
  CHECK_OK(vasto_queue_next(queue, -1, &got, NULL, &err));
  CHECK(got == b);
  CHECK(!readable(queue, 0));
  vasto_future_destroy(b);

  // A cancelled future appears too, and a queue that goes first leaves its futures alone.
  a = start_get(ks);
  CHECK_OK(vasto_queue_attach(queue, a, 3, &err));
  vasto_future_cancel(a);
  CHECK_OK(vasto_queue_next(queue, -1, &got, NULL, &err));
  CHECK(got == a);
  vasto_future_destroy(a);
  a = start_get(ks);
  b = start_get(ks);
  CHECK_OK(vasto_future_wait(b, -1, &err));
  CHECK_OK(vasto_queue_attach(queue, a, 4, &err));
  CHECK_OK(vasto_queue_attach(queue, b, 4, &err));
  vasto_queue_destroy(queue);
  CHECK_OK(vasto_future_wait(a, -1, &err));
  vasto_future_destroy(a);
  vasto_future_destroy(b);
  vasto_keyspace_destroy(ks);
  close_client(client);
}

static vasto_queue_t* shared_queue;

static void* consume(void* arg) {
  for (;;) {
    vasto_future_t* future = NULL;
    uint64_t tag = 0;
    CHECK_INT(VASTO_OK, vasto_queue_next(shared_queue, -1, &future, &tag, NULL));
    vasto_future_destroy(future);
    if (tag == 0) return NULL;
    __atomic_add_fetch((int*)arg, 1, __ATOMIC_RELAXED);
  }
}

static void threads_share_the_work(void) {
  enum { kThreads = 4, kCount = 1000 };
  pthread_t threads[kThreads];
  int consumed = 0;
  vasto_client_t* client = open_client();
  vasto_keyspace_t* ks = open_keyspace(client);
  shared_queue = queue_new();
  for (int i = 0; i < kThreads; ++i) {
    CHECK(pthread_create(&threads[i], NULL, consume, &consumed) == 0);
  }
  for (int i = 0; i < kCount + kThreads; ++i) {
    CHECK_OK(vasto_queue_attach(shared_queue, start_get(ks), i < kCount ? 1 : 0, &err));
  }
  for (int i = 0; i < kThreads; ++i) CHECK(pthread_join(threads[i], NULL) == 0);
  // The last ones of the work may still be in the queue, behind the words to stop.
  vasto_future_t* future = NULL;
  while (consumed < kCount) {
    CHECK_OK(vasto_queue_next(shared_queue, -1, &future, NULL, &err));
    vasto_future_destroy(future);
    ++consumed;
  }
  CHECK_INT(kCount, consumed);
  vasto_queue_destroy(shared_queue);
  vasto_keyspace_destroy(ks);
  close_client(client);
}

int main(int argc, char** argv) {
  static const test_t tests[] = {
      TEST(an_empty_queue_times_out_plainly), TEST(the_descriptor_is_level_triggered),
      TEST(a_block_takes_many_at_once), TEST(finished_and_destroyed_futures),
      TEST(threads_share_the_work)};
  return RUN_TESTS(tests);
}
