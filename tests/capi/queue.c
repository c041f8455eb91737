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

// Takes what is there, waiting for the first as who polls does.
static size_t take_results(vasto_queue_t* queue, vasto_future_t** futures, vasto_status_t* codes,
                           vasto_kv_t* rows, size_t capacity) {
  size_t count = 0;
  vasto_status_t code = VASTO_TIMEOUT;
  while ((code = vasto_queue_next_results(queue, 0, futures, NULL, codes, rows, capacity, &count,
                                          &err)) == VASTO_TIMEOUT) {
    CHECK(readable(queue, 10000));
  }
  CHECK_OK(code);
  return count;
}

static void a_put_brings_its_version(void) {
  vasto_client_t* client = open_client();
  vasto_keyspace_t* ks = open_keyspace(client);
  vasto_queue_t* queue = queue_new();
  const vasto_key_t key = key_of("results/there");
  const vasto_slice_t value = {"some bytes", 10};
  const uint64_t tag = 7;
  vasto_future_t *started = NULL, *done = NULL;
  vasto_status_t code = VASTO_INTERNAL;
  vasto_kv_t row;
  uint64_t got = 0;
  size_t count = 0;
  CHECK_OK(vasto_queue_start_puts(queue, ks, &key, &value, &tag, 1, NULL, &started, &err));
  CHECK_OK(vasto_queue_next_results(queue, -1, &done, &got, &code, &row, 1, &count, &err));
  CHECK(count == 1 && done == started && got == tag && code == VASTO_OK);
  CHECK(row.version != 0 && row.version == vasto_future_version(done));
  CHECK(row.updated_at_ns == vasto_version_time_ns(row.version));
  CHECK(row.value.data == NULL && row.value.size == 0);
  vasto_future_destroy(done);

  // After a stat there are no bytes.
  CHECK_OK(vasto_stat_async(ks, &key, NULL, &started, &err));
  CHECK_OK(vasto_queue_attach(queue, started, 1, &err));
  CHECK_OK(vasto_queue_next_results(queue, -1, &done, NULL, &code, &row, 1, &count, &err));
  CHECK(row.value.data == NULL && row.value.size == 10 && row.version != 0);
  vasto_future_destroy(done);
  vasto_queue_destroy(queue);
  vasto_keyspace_destroy(ks);
  close_client(client);
}

static void a_bad_key_spoils_its_own_get_only(void) {
  vasto_client_t* client = open_client();
  vasto_keyspace_t* ks = open_keyspace(client);
  vasto_queue_t* queue = queue_new();
  static char large[VASTO_MAX_KEY_SIZE + 1];
  const vasto_key_t there = key_of("results/there");
  const vasto_key_t keys[] = {there, key_of("results/absent"), vasto_make_key(large, sizeof large)};
  const uint64_t numbers[] = {0, 1, 2};
  static const vasto_status_t want[] = {VASTO_OK, VASTO_NOT_FOUND, VASTO_TOO_LARGE};
  vasto_future_t *started[4] = {NULL, NULL, NULL, NULL}, *done[3];
  unsigned seen = 0;
  CHECK_OK(vasto_put(ks, &there, "some bytes", 10, NULL, NULL, &err));
  CHECK_OK(vasto_queue_start_gets(queue, ks, keys, numbers, 3, NULL, started, &err));
  while (seen != 7) {
    vasto_status_t codes[3];
    vasto_kv_t rows[3];
    uint64_t tags[3];
    size_t count = 0;
    CHECK_OK(vasto_queue_next_results(queue, -1, done, tags, codes, rows, 3, &count, &err));
    for (size_t i = 0; i < count; ++i) {
      CHECK(done[i] == started[tags[i]] && (seen & 1u << tags[i]) == 0);
      seen |= 1u << tags[i];
      CHECK_INT(want[tags[i]], codes[i]);
      CHECK_INT(tags[i] == 0 ? 10 : 0, rows[i].value.size);
      if (tags[i] != 0) continue;
      CHECK(memcmp(rows[i].value.data, "some bytes", 10) == 0 && rows[i].version != 0);
      CHECK(rows[i].key.size == 0 && rows[i].type == VASTO_TYPE_BYTES);
    }
  }
  CHECK_PLAIN(VASTO_NOT_FOUND, vasto_future_status(started[1], &err));
  CHECK_CODE(VASTO_TOO_LARGE, vasto_future_status(started[2], &err));
  vasto_future_destroy_block(started, 4);
  for (int i = 0; i < 4; ++i) CHECK(started[i] == NULL);
  vasto_queue_destroy(queue);
  vasto_keyspace_destroy(ks);
  close_client(client);
}

static void blocks_check_their_arguments(void) {
  vasto_client_t* client = open_client();
  vasto_keyspace_t* ks = open_keyspace(client);
  vasto_queue_t* queue = queue_new();
  const vasto_key_t key = key_of("results/there");
  vasto_future_t* future = (vasto_future_t*)&future;
  vasto_status_t code = VASTO_OK;
  size_t count = 77;
  CHECK_CODE(VASTO_INVALID_ARGUMENT,
             vasto_queue_start_gets(queue, ks, &key, NULL, 1, NULL, NULL, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT,
             vasto_queue_start_gets(queue, ks, NULL, NULL, 1, NULL, &future, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT,
             vasto_queue_start_puts(queue, ks, &key, NULL, NULL, 1, NULL, &future, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT,
             vasto_queue_start_gets(NULL, ks, &key, NULL, 1, NULL, &future, &err));
  CHECK(future == NULL);
  CHECK_CODE(VASTO_INVALID_ARGUMENT,
             vasto_queue_start_gets(queue, NULL, &key, NULL, 1, NULL, &future, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT,
             vasto_queue_next_results(queue, 0, &future, NULL, &code, NULL, 1, &count, &err));
  CHECK(count == 0);
  CHECK_OK(vasto_queue_start_gets(queue, ks, NULL, NULL, 0, NULL, NULL, &err));
  vasto_future_destroy_block(NULL, 0);
  vasto_queue_destroy(queue);
  vasto_keyspace_destroy(ks);
  close_client(client);
}

// Who polls and looks does the network I/O itself after a while. Nothing may get lost then, when it
// looks in vain, when other threads use the client, and when it stays away.
static void who_polls_misses_nothing(void) {
  enum { kRounds = 3000, kInFlight = 8 };
  vasto_client_t* client = open_client();
  vasto_keyspace_t* ks = open_keyspace(client);
  vasto_queue_t* queue = queue_new();
  const vasto_key_t key = key_of("results/polled");
  vasto_key_t keys[kInFlight];
  vasto_future_t* future = NULL;
  for (int i = 0; i < kInFlight; ++i) keys[i] = key;
  CHECK(vasto_queue_fd(queue) >= 0);
  for (int round = 0; round < kRounds; ++round) {
    vasto_future_t *started[kInFlight], *done[kInFlight];
    vasto_status_t codes[kInFlight];
    vasto_kv_t rows[kInFlight];
    const size_t in_flight = round % 3 == 0 ? 1 : kInFlight;
    CHECK_OK(vasto_queue_start_gets(queue, ks, keys, NULL, in_flight, NULL, started, &err));
    if (round % 100 == 50) {
      vasto_value_t* value = NULL;
      CHECK_PLAIN(VASTO_NOT_FOUND, vasto_get(ks, &key, NULL, &value, &err));
    }
    for (size_t left = in_flight; left > 0;) {
      const size_t count = take_results(queue, done, codes, rows, kInFlight);
      for (size_t i = 0; i < count; ++i) CHECK_INT(VASTO_NOT_FOUND, codes[i]);
      vasto_future_destroy_block(done, count);
      left -= count;
    }
  }
  CHECK_OK(vasto_queue_start_gets(queue, ks, keys, NULL, 1, NULL, &future, &err));
  CHECK_OK(vasto_future_wait(future, 10000, &err));
  vasto_future_destroy(future);
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
  static const test_t tests[] = {TEST(an_empty_queue_times_out_plainly),
                                 TEST(the_descriptor_is_level_triggered),
                                 TEST(a_block_takes_many_at_once),
                                 TEST(a_put_brings_its_version),
                                 TEST(a_bad_key_spoils_its_own_get_only),
                                 TEST(blocks_check_their_arguments),
                                 TEST(who_polls_misses_nothing),
                                 TEST(finished_and_destroyed_futures),
                                 TEST(threads_share_the_work)};
  return RUN_TESTS(tests);
}
