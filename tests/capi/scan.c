// SPDX-License-Identifier: Apache-2.0
#include <poll.h>

#include "cluster.h"

enum { kRows = 1000 };

static vasto_client_t* client;
static vasto_keyspace_t* ks;

static void name_of(int i, char* name, size_t size) { snprintf(name, size, "scan/%05d", i); }

static void fill(void) {
  vasto_batch_t* batch = NULL;
  CHECK_OK(vasto_batch_create(&batch, &err));
  for (int i = 0; i < kRows; ++i) {
    char name[32];
    name_of(i, name, sizeof(name));
    const vasto_key_t key = key_of(name);
    CHECK_OK(vasto_batch_put(batch, &key, name, strlen(name), NULL, &err));
  }
  CHECK_OK(vasto_batch_write(ks, batch, NULL, NULL, &err));
  vasto_batch_destroy(batch);
}

static void check_row(const vasto_kv_t* row, int i, int with_value) {
  char name[32];
  name_of(i, name, sizeof(name));
  CHECK_INT(strlen(name), row->key.size);
  CHECK(memcmp(row->key.data, name, row->key.size) == 0);
  CHECK_INT(strlen(name), row->value.size);
  CHECK(row->version != 0 && row->updated_at_ns == vasto_version_time_ns(row->version));
  CHECK(row->expires_at_ns == 0 && row->type == VASTO_TYPE_BYTES);
  CHECK((row->value.data != NULL) == with_value);
  if (with_value) CHECK(memcmp(row->value.data, name, row->value.size) == 0);
}

static vasto_iter_t* scan(const vasto_scan_options_t* options) {
  vasto_iter_t* iter = NULL;
  CHECK_OK(vasto_scan_prefix(ks, "scan/", 5, options, &iter, &err));
  return iter;
}

// Reads to the end in blocks; returns the index after the last row.
static int drain(vasto_iter_t* iter, int next, size_t capacity, int with_value) {
  vasto_kv_t rows[128];
  for (;;) {
    size_t count = 77;
    const vasto_status_t code = vasto_iter_next_block(iter, rows, capacity, &count, &err);
    if (code == VASTO_END) {
      CHECK(err == NULL && count == 0);
      return next;
    }
    CHECK_OK(code);
    CHECK(count > 0 && count <= capacity);
    for (size_t i = 0; i < count; ++i) check_row(&rows[i], next++, with_value);
  }
}

static void rows_come_in_key_order(void) {
  vasto_iter_t* iter = scan(NULL);
  CHECK_INT(kRows, drain(iter, 0, 100, 1));
  vasto_kv_t row;
  CHECK_PLAIN(VASTO_END, vasto_iter_next(iter, &row, &err));
  vasto_iter_destroy(iter);
}

static void one_by_one_gives_the_same(void) {
  vasto_iter_t* iter = scan(NULL);
  vasto_kv_t row;
  for (int i = 0; i < kRows; ++i) {
    CHECK_OK(vasto_iter_next(iter, &row, &err));
    check_row(&row, i, 1);
  }
  CHECK_PLAIN(VASTO_END, vasto_iter_next(iter, &row, &err));
  vasto_iter_destroy(iter);
}

static void keys_only_keeps_the_sizes(void) {
  vasto_scan_options_t* options = NULL;
  CHECK_OK(vasto_scan_options_create(&options, &err));
  vasto_scan_options_set_keys_only(options, true);
  vasto_scan_options_set_page_bytes(options, 1);
  vasto_iter_t* iter = scan(options);
  vasto_scan_options_destroy(options);
  CHECK_INT(kRows, drain(iter, 0, 128, 0));
  vasto_iter_destroy(iter);
}

static void limit_and_range_bound_the_scan(void) {
  vasto_scan_options_t* options = NULL;
  CHECK_OK(vasto_scan_options_create(&options, &err));
  vasto_scan_options_set_limit(options, 7);
  vasto_iter_t* iter = scan(options);
  CHECK_INT(7, drain(iter, 0, 128, 1));
  vasto_iter_destroy(iter);
  vasto_scan_options_destroy(options);

  CHECK_OK(vasto_scan_range(ks, "scan/00100", 10, "scan/00200", 10, NULL, &iter, &err));
  CHECK_INT(200, drain(iter, 100, 128, 1));
  vasto_iter_destroy(iter);
  CHECK_OK(vasto_scan_range(ks, "scan/00300", 10, "scan/00300", 10, NULL, &iter, &err));
  CHECK_INT(0, drain(iter, 0, 128, 1));
  vasto_iter_destroy(iter);
  CHECK_OK(vasto_scan_range(ks, "scan/zzz", 8, NULL, 0, NULL, &iter, &err));
  CHECK_INT(0, drain(iter, 0, 128, 1));
  vasto_iter_destroy(iter);
}

static void a_token_resumes_after_the_last_row(void) {
  vasto_scan_options_t* options = NULL;
  CHECK_OK(vasto_scan_options_create(&options, &err));
  vasto_iter_t* iter = scan(NULL);
  vasto_kv_t rows[33];
  int next = 0;
  for (;;) {
    size_t count = 0;
    const vasto_status_t code = vasto_iter_next_block(iter, rows, 33, &count, &err);
    if (code == VASTO_END) break;
    CHECK_OK(code);
    for (size_t i = 0; i < count; ++i) check_row(&rows[i], next++, 1);
    const void* token = NULL;
    size_t size = 0;
    CHECK_OK(vasto_iter_resume_token(iter, &token, &size, &err));
    CHECK(token != NULL && size > 0);
    vasto_scan_options_set_resume_token(options, token, size);
    vasto_iter_destroy(iter);
    iter = scan(options);
  }
  CHECK_INT(kRows, next);
  vasto_iter_destroy(iter);

  CHECK_OK(vasto_scan_range(ks, "other", 5, NULL, 0, options, &iter, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_iter_next(iter, rows, &err));
  vasto_iter_destroy(iter);
  vasto_scan_options_set_resume_token(options, "garbage", 7);
  iter = scan(options);
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_iter_next(iter, rows, &err));
  vasto_iter_destroy(iter);
  vasto_scan_options_set_resume_token(options, NULL, 0);
  iter = scan(options);
  CHECK_INT(kRows, drain(iter, 0, 128, 1));
  vasto_iter_destroy(iter);
  vasto_scan_options_destroy(options);
}

static void waiting_for_rows_needs_no_thread(void) {
  vasto_queue_t* queue = NULL;
  CHECK_OK(vasto_queue_create(&queue, &err));
  vasto_iter_t* iter = scan(NULL);
  vasto_kv_t rows[64];
  int next = 0;
  for (;;) {
    vasto_future_t *future = NULL, *done = NULL;
    CHECK_OK(vasto_iter_ready_async(iter, &future, &err));
    CHECK_OK(vasto_queue_attach(queue, future, 5, &err));
    struct pollfd fd = {vasto_queue_fd(queue), POLLIN, 0};
    CHECK_INT(1, poll(&fd, 1, 10000));
    CHECK_OK(vasto_queue_next(queue, 0, &done, NULL, &err));
    CHECK(done == future);
    CHECK_OK(vasto_future_status(future, &err));
    vasto_future_destroy(future);
    size_t count = 0;
    const vasto_status_t code = vasto_iter_next_block(iter, rows, 64, &count, &err);
    if (code == VASTO_END) break;
    CHECK_OK(code);
    for (size_t i = 0; i < count; ++i) check_row(&rows[i], next++, 1);
    // The token speaks of the rows handed out, not of those that wait in the iterator.
    const void* token = NULL;
    size_t size = 0;
    CHECK_OK(vasto_iter_resume_token(iter, &token, &size, &err));
    vasto_scan_options_t* options = NULL;
    CHECK_OK(vasto_scan_options_create(&options, &err));
    vasto_scan_options_set_resume_token(options, token, size);
    vasto_scan_options_set_limit(options, 1);
    vasto_iter_t* other = scan(options);
    CHECK_INT(next < kRows ? next + 1 : next, drain(other, next, 1, 1));
    vasto_iter_destroy(other);
    vasto_scan_options_destroy(options);
  }
  CHECK_INT(kRows, next);
  vasto_iter_destroy(iter);
  vasto_queue_destroy(queue);
}

typedef struct whole_scan_t {
  vasto_iter_t* iter;
  vasto_queue_t* queue;  // where the last future is put as a sign of the end
  vasto_future_t* sign;
  int rows;
  vasto_status_t last;
} whole_scan_t;

static void go_on(vasto_future_t* future, void* user_data) {
  whole_scan_t* whole = user_data;
  vasto_kv_t rows[64];
  size_t count = 0;
  vasto_future_destroy(future);
  // No call here may wait; rows, errors and the end are there already.
  while ((whole->last = vasto_iter_next_block(whole->iter, rows, 64, &count, NULL)) == VASTO_OK) {
    whole->rows += (int)count;
    vasto_future_t* next = NULL;
    if (vasto_iter_ready_async(whole->iter, &next, NULL) != VASTO_OK) break;
    if (vasto_future_on_ready(next, go_on, whole, NULL) == VASTO_OK) return;
  }
  const vasto_key_t key = vasto_make_key("", 0);
  if (vasto_stat_async(ks, &key, NULL, &whole->sign, NULL) == VASTO_OK) {
    if (vasto_queue_attach(whole->queue, whole->sign, 0, NULL) != VASTO_OK) abort();
  }
}

static void callbacks_alone_can_read_to_the_end(void) {
  whole_scan_t whole = {scan(NULL), NULL, NULL, 0, VASTO_INTERNAL};
  CHECK_OK(vasto_queue_create(&whole.queue, &err));
  vasto_future_t *future = NULL, *done = NULL;
  CHECK_OK(vasto_iter_ready_async(whole.iter, &future, &err));
  CHECK_OK(vasto_future_on_ready(future, go_on, &whole, &err));
  CHECK_OK(vasto_queue_next(whole.queue, 20000, &done, NULL, &err));
  CHECK_INT(VASTO_END, whole.last);
  CHECK_INT(kRows, whole.rows);
  vasto_future_destroy(done);
  vasto_iter_destroy(whole.iter);
  vasto_queue_destroy(whole.queue);
}

static void a_destroyed_scan_ends_its_wait(void) {
  for (int i = 0; i < 20; ++i) {
    vasto_iter_t* iter = scan(NULL);
    vasto_future_t* future = NULL;
    CHECK_OK(vasto_iter_ready_async(iter, &future, &err));
    vasto_iter_destroy(iter);
    CHECK_OK(vasto_future_wait(future, -1, &err));
    const vasto_status_t code = vasto_future_status(future, NULL);
    CHECK(code == VASTO_OK || code == VASTO_CANCELLED);
    vasto_future_destroy(future);
  }
}

static void rows_tell_their_partition_hash(void) {
  const uint64_t hash = vasto_partition_hash("elsewhere", 9);
  const vasto_key_t key = vasto_make_key_in("scanp/key", 9, hash);
  vasto_iter_t* iter = NULL;
  vasto_value_t* value = NULL;
  vasto_kv_t row;
  CHECK_OK(vasto_put(ks, &key, "x", 1, NULL, NULL, &err));
  CHECK_OK(vasto_scan_prefix(ks, "scanp/", 6, NULL, &iter, &err));
  CHECK_OK(vasto_iter_next(iter, &row, &err));
  CHECK(row.flags == VASTO_KEY_HAS_PARTITION_HASH && row.partition_hash == hash);
  const vasto_key_t again = vasto_key_of(&row);
  CHECK_OK(vasto_get(ks, &again, NULL, &value, &err));
  vasto_value_destroy(value);
  CHECK_PLAIN(VASTO_END, vasto_iter_next(iter, &row, &err));
  vasto_iter_destroy(iter);
}

static void a_scan_may_be_left_in_the_middle(void) {
  vasto_iter_t* iter = scan(NULL);
  vasto_kv_t row;
  CHECK_OK(vasto_iter_next(iter, &row, &err));
  vasto_iter_destroy(iter);
  vasto_iter_destroy(scan(NULL));
}

static void bad_arguments_are_refused(void) {
  vasto_iter_t* iter = NULL;
  vasto_kv_t row;
  size_t count = 0;
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_scan_prefix(ks, NULL, 3, NULL, &iter, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_scan_range(ks, NULL, 3, NULL, 0, NULL, &iter, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_scan_prefix(ks, NULL, 0, NULL, NULL, &err));
  iter = scan(NULL);
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_iter_next(iter, NULL, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_iter_next_block(iter, &row, 0, &count, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_iter_next_block(iter, &row, 1, NULL, &err));
  vasto_iter_destroy(iter);
}

int main(int argc, char** argv) {
  static const test_t tests[] = {TEST(fill),
                                 TEST(rows_come_in_key_order),
                                 TEST(one_by_one_gives_the_same),
                                 TEST(keys_only_keeps_the_sizes),
                                 TEST(limit_and_range_bound_the_scan),
                                 TEST(a_token_resumes_after_the_last_row),
                                 TEST(waiting_for_rows_needs_no_thread),
                                 TEST(callbacks_alone_can_read_to_the_end),
                                 TEST(a_destroyed_scan_ends_its_wait),
                                 TEST(rows_tell_their_partition_hash),
                                 TEST(a_scan_may_be_left_in_the_middle),
                                 TEST(bad_arguments_are_refused)};
  client = open_client();
  ks = open_keyspace(client);
  const int result = RUN_TESTS(tests);
  vasto_keyspace_destroy(ks);
  close_client(client);
  return result;
}
