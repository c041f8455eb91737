// SPDX-License-Identifier: Apache-2.0
// What the bindings are measured against: gets, puts and scans through vasto.h.
//
//   capi_bench get|put|scan IN_FLIGHT COUNT    prints {"per_second": N}
//
// The master is in VASTO_TEST_MASTER, the keyspace in VASTO_BENCH_KEYSPACE, how many keys there are
// in VASTO_BENCH_KEYS: key:%012u with values of 100 bytes. One in flight is a blocking call after
// the other; more are futures of one queue.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vasto/vasto.h"

enum { kKeySize = 16, kValueSize = 100, kBlock = 512, kMaxInFlight = 4096 };

static vasto_keyspace_t* ks;
static uint32_t keys;
static uint64_t random_state = 88172645463325252u;
static char value[kValueSize];

static void must(vasto_status_t code, const char* what) {
  if (code == VASTO_OK) return;
  fprintf(stderr, "capi_bench: %s: %s\n", what, vasto_status_name(code));
  exit(1);
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

// Writes the next key, of all that there are, to `text`.
static vasto_key_t next_key(char* text) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  snprintf(text, kKeySize + 1, "key:%012" PRIu32, (uint32_t)(random_state % keys));
  return vasto_make_key(text, kKeySize);
}

static void one_at_a_time(int put, long count) {
  char text[kKeySize + 1];
  for (long i = 0; i < count; ++i) {
    const vasto_key_t key = next_key(text);
    if (put) {
      must(vasto_put(ks, &key, value, kValueSize, NULL, NULL, NULL), "put");
    } else {
      vasto_value_t* got = NULL;
      must(vasto_get(ks, &key, NULL, &got, NULL), "get");
      if (vasto_value_size(got) != kValueSize) exit(1);
      vasto_value_destroy(got);
    }
  }
}

static void start(int put, vasto_queue_t* queue) {
  char text[kKeySize + 1];
  const vasto_key_t key = next_key(text);
  vasto_future_t* future = NULL;
  must(put ? vasto_put_async(ks, &key, value, kValueSize, NULL, &future, NULL)
           : vasto_get_async(ks, &key, NULL, &future, NULL),
       "start");
  must(vasto_queue_attach(queue, future, 0, NULL), "attach");
}

static void finish(int put, vasto_future_t* future) {
  if (put) {
    must(vasto_future_status(future, NULL), "put");
  } else {
    vasto_value_t* got = NULL;
    must(vasto_future_take_value(future, &got, NULL), "get");
    if (vasto_value_size(got) != kValueSize) exit(1);
    vasto_value_destroy(got);
  }
  vasto_future_destroy(future);
}

static void many(int put, long in_flight, long count) {
  static vasto_future_t* done[kMaxInFlight];
  vasto_queue_t* queue = NULL;
  must(vasto_queue_create(&queue, NULL), "queue");
  long started = 0;
  for (; started < in_flight && started < count; ++started) start(put, queue);
  for (long ended = 0; ended < count;) {
    size_t some = 0;
    must(vasto_queue_next_block(queue, 60000, done, NULL, kMaxInFlight, &some, NULL), "queue");
    for (size_t i = 0; i < some; ++i, ++ended) {
      finish(put, done[i]);
      if (started < count) {
        start(put, queue);
        ++started;
      }
    }
  }
  vasto_queue_destroy(queue);
}

static long scan(void) {
  vasto_kv_t rows[kBlock];
  vasto_iter_t* iter = NULL;
  long found = 0;
  size_t count = 0;
  vasto_status_t code = VASTO_OK;
  must(vasto_scan_prefix(ks, NULL, 0, NULL, &iter, NULL), "scan");
  while ((code = vasto_iter_next_block(iter, rows, kBlock, &count, NULL)) == VASTO_OK)
    found += (long)count;
  if (code != VASTO_END) must(code, "scan");
  vasto_iter_destroy(iter);
  return found;
}

int main(int argc, char** argv) {
  vasto_config_t* config = NULL;
  vasto_client_t* client = NULL;
  const char* master = getenv("VASTO_TEST_MASTER");
  const char* keyspace = getenv("VASTO_BENCH_KEYSPACE");
  const char* number = getenv("VASTO_BENCH_KEYS");
  if (argc != 4 || master == NULL || keyspace == NULL || number == NULL) {
    fprintf(stderr,
            "usage: capi_bench get|put|scan IN_FLIGHT COUNT, in the environment of "
            "tests/bench/bindings\n");
    return 2;
  }
  const long in_flight = strtol(argv[2], NULL, 10);
  long count = strtol(argv[3], NULL, 10);
  keys = (uint32_t)strtoul(number, NULL, 10);
  if (in_flight < 1 || in_flight > kMaxInFlight || count < 1 || keys == 0) return 2;
  memset(value, 'v', sizeof(value));
  must(vasto_config_create(&config, NULL), "config");
  must(vasto_config_set(config, "masters", master, NULL), "masters");
  must(vasto_client_open(config, &client, NULL), "open");
  must(vasto_keyspace_open(client, keyspace, &ks, NULL), "keyspace");
  const int put = strcmp(argv[1], "put") == 0;
  const double begin = seconds();
  if (strcmp(argv[1], "scan") == 0) {
    count = scan();
  } else if (in_flight == 1) {
    one_at_a_time(put, count);
  } else {
    many(put, in_flight, count);
  }
  printf("{\"per_second\": %.0f}\n", (double)count / (seconds() - begin));
  vasto_keyspace_destroy(ks);
  must(vasto_client_close(client, 5000, NULL), "close");
  vasto_client_destroy(client);
  vasto_config_destroy(config);
  return 0;
}
