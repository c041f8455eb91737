// SPDX-License-Identifier: Apache-2.0
// Memory that runs out inside a call is NO_SPACE, and nothing is thrown through the interface: each
// call is made again and again, and each time another of its allocations fails.
#include "cluster.h"

// The allocator of this process: glibc's, but for the one allocation of this thread that is to
// fail.
void* __libc_malloc(size_t size);

static __thread long fail_at;  // counts down; 0: none fails
static __thread int failed;

__attribute__((visibility("default"))) void* malloc(size_t size) {
  if (fail_at > 0 && --fail_at == 0) {
    failed = 1;
    return NULL;
  }
  return __libc_malloc(size);
}

static vasto_client_t* client;
static vasto_keyspace_t* ks;
static const char kLong[] = "a text that is too long to be kept in place by any kind of string";
static const char kMasters[] = "127.0.0.1:9333,127.0.0.1:9334,127.0.0.1:9335";

// Makes the call with its first, second, third... allocation failing, until none is left to fail.
// undo: what a call that succeeded has to have undone. At least `fewest` allocations have failed,
// or the test tests nothing.
#define SURVIVES(fewest, call, undo)                      \
  do {                                                    \
    long count = 0;                                       \
    for (;;) {                                            \
      failed = 0;                                         \
      fail_at = ++count;                                  \
      const vasto_status_t code = (call);                 \
      fail_at = 0;                                        \
      if (code == VASTO_OK) {                             \
        CHECK(err == NULL);                               \
        undo;                                             \
        if (!failed) break;                               \
      } else {                                            \
        CHECK(failed);                                    \
        CHECK_INT(VASTO_NO_SPACE, code);                  \
        CHECK_INT(VASTO_NO_SPACE, vasto_error_code(err)); \
        vasto_error_destroy(err);                         \
        err = NULL;                                       \
      }                                                   \
      CHECK(count < 10000);                               \
    }                                                     \
    CHECK(count > (fewest));                              \
  } while (0)

static void configurations(void) {
  vasto_config_t* config = NULL;
  SURVIVES(1, vasto_config_create(&config, &err), vasto_config_destroy(config));
  CHECK_OK(vasto_config_create(&config, &err));
  SURVIVES(1, vasto_config_set(config, "masters", kMasters, &err), (void)0);
  CHECK_OK(vasto_config_set(config, "masters", kMasters, &err));
  vasto_config_destroy(config);
}

static void options_and_batches(void) {
  vasto_read_options_t* read = NULL;
  vasto_write_options_t* write = NULL;
  vasto_scan_options_t* scan = NULL;
  vasto_watch_options_t* watch = NULL;
  vasto_keyspace_options_t* keyspace = NULL;
  vasto_batch_t* batch = NULL;
  const vasto_key_t key = key_of(kLong);
  SURVIVES(1, vasto_read_options_create(&read, &err), vasto_read_options_destroy(read));
  SURVIVES(1, vasto_write_options_create(&write, &err), vasto_write_options_destroy(write));
  SURVIVES(1, vasto_scan_options_create(&scan, &err), vasto_scan_options_destroy(scan));
  SURVIVES(1, vasto_watch_options_create(&watch, &err), vasto_watch_options_destroy(watch));
  SURVIVES(1, vasto_keyspace_options_create(&keyspace, &err),
           vasto_keyspace_options_destroy(keyspace));
  SURVIVES(1, vasto_batch_create(&batch, &err), vasto_batch_destroy(batch));
  CHECK_OK(vasto_batch_create(&batch, &err));
  SURVIVES(1, vasto_batch_put(batch, &key, kLong, sizeof(kLong), NULL, &err),
           vasto_batch_clear(batch));
  CHECK_INT(0, vasto_batch_count(batch));
  vasto_batch_destroy(batch);
}

// A token that could not be copied makes the calls that would use it fail.
static void a_setter_without_memory(void) {
  vasto_scan_options_t* options = NULL;
  vasto_iter_t* iter = NULL;
  CHECK_OK(vasto_scan_options_create(&options, &err));
  fail_at = 1;
  vasto_scan_options_set_resume_token(options, kLong, sizeof(kLong));
  CHECK(fail_at == 0);
  CHECK_CODE(VASTO_NO_SPACE, vasto_scan_prefix(ks, NULL, 0, options, &iter, &err));
  CHECK(iter == NULL);
  vasto_scan_options_destroy(options);
}

static void handles(void) {
  vasto_keyspace_t* keyspace = NULL;
  vasto_session_t* session = NULL;
  vasto_iter_t* iter = NULL;
  vasto_queue_t* queue = NULL;
  SURVIVES(1, vasto_keyspace_open(client, "capi", &keyspace, &err),
           vasto_keyspace_destroy(keyspace));
  SURVIVES(1, vasto_session_create(ks, &session, &err), vasto_session_destroy(session));
  SURVIVES(1, vasto_scan_prefix(ks, kLong, sizeof(kLong), NULL, &iter, &err),
           vasto_iter_destroy(iter));
  SURVIVES(1, vasto_queue_create(&queue, &err), vasto_queue_destroy(queue));
}

int main(int argc, char** argv) {
  static const test_t tests[] = {TEST(configurations), TEST(options_and_batches),
                                 TEST(a_setter_without_memory), TEST(handles)};
  client = open_client();
  ks = open_keyspace(client);
  const int result = RUN_TESTS(tests);
  vasto_keyspace_destroy(ks);
  close_client(client);
  return result;
}
