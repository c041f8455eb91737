// SPDX-License-Identifier: Apache-2.0
// A program of the time of version 1.0: built against the header of then (beside it), run with the library of today. It uses one
// function of each group. Never edited. Usage: program MASTER KEYSPACE
#include <stdio.h>
#include <string.h>

#include "vasto/vasto.h"

#define WANT(condition)                                        \
  do {                                                         \
    if (!(condition)) {                                        \
      fprintf(stderr, "line %d: %s\n", __LINE__, #condition);  \
      return 1;                                                \
    }                                                          \
  } while (0)

static int reads_and_writes(vasto_keyspace_t* ks) {
  const vasto_key_t key = vasto_make_key("released", 8);
  const vasto_key_t number = vasto_make_key_in("number", 6, vasto_partition_hash("n", 1));
  vasto_write_options_t* write = NULL;
  vasto_value_t* value = NULL;
  vasto_error_t* err = NULL;
  uint64_t version = 0;
  char buffer[8];
  size_t size = 0;
  WANT(vasto_write_options_create(&write, &err) == VASTO_OK);
  vasto_write_options_set_ttl_seconds(write, 100);
  WANT(vasto_put(ks, &key, "value", 5, write, &version, &err) == VASTO_OK && version != 0);
  vasto_write_options_set_if_absent(write);
  WANT(vasto_put(ks, &key, "other", 5, write, NULL, &err) == VASTO_ALREADY_EXISTS);
  WANT(vasto_error_code(err) == VASTO_ALREADY_EXISTS && !vasto_error_is_in_doubt(err));
  vasto_error_destroy(err);
  err = NULL;
  vasto_write_options_destroy(write);
  WANT(vasto_get(ks, &key, NULL, &value, &err) == VASTO_OK);
  WANT(vasto_value_size(value) == 5 && memcmp(vasto_value_data(value), "value", 5) == 0);
  WANT(vasto_value_version(value) == version && vasto_value_expires_at_ns(value) != 0);
  vasto_value_destroy(value);
  WANT(vasto_get_into(ks, &key, NULL, buffer, sizeof(buffer), &size, &err) == VASTO_OK && size == 5);
  WANT(vasto_merge(ks, &number, VASTO_MERGE_ADD_INT64, "2", 1, NULL, NULL, &err) == VASTO_OK);
  WANT(vasto_delete(ks, &number, NULL, NULL, &err) == VASTO_OK);
  WANT(vasto_get(ks, &number, NULL, &value, &err) == VASTO_NOT_FOUND && value == NULL && err == NULL);
  return 0;
}

static int batches_and_scans(vasto_keyspace_t* ks) {
  const vasto_key_t key = vasto_make_key("batch", 5);
  vasto_batch_t* batch = NULL;
  vasto_batch_result_t* result = NULL;
  vasto_iter_t* iter = NULL;
  vasto_kv_t rows[2];
  size_t count = 0;
  WANT(vasto_batch_create(&batch, NULL) == VASTO_OK);
  WANT(vasto_batch_put(batch, &key, "1", 1, NULL, NULL) == VASTO_OK);
  WANT(vasto_batch_write(ks, batch, NULL, &result, NULL) == VASTO_OK);
  WANT(vasto_batch_result_count(result) == 1 && vasto_batch_result_code(result, 0) == VASTO_OK);
  vasto_batch_result_destroy(result);
  vasto_batch_destroy(batch);
  WANT(vasto_scan_prefix(ks, "batch", 5, NULL, &iter, NULL) == VASTO_OK);
  WANT(vasto_iter_next_block(iter, rows, 2, &count, NULL) == VASTO_OK && count == 1);
  WANT(rows[0].key.size == 5 && rows[0].value.size == 1 && rows[0].version != 0);
  WANT(vasto_iter_next(iter, rows, NULL) == VASTO_END);
  vasto_iter_destroy(iter);
  return 0;
}

static int futures_and_watches(vasto_keyspace_t* ks) {
  const vasto_key_t key = vasto_make_key("watched", 7);
  vasto_queue_t* queue = NULL;
  vasto_future_t* future = NULL;
  vasto_future_t* done = NULL;
  vasto_watch_t* watch = NULL;
  vasto_kv_t change;
  uint64_t tag = 0;
  size_t count = 0;
  WANT(vasto_watch_open(ks, "watched", 7, NULL, &watch, NULL) == VASTO_OK);
  WANT(vasto_queue_create(&queue, NULL) == VASTO_OK);
  WANT(vasto_put_async(ks, &key, "x", 1, NULL, &future, NULL) == VASTO_OK);
  WANT(vasto_queue_attach(queue, future, 7, NULL) == VASTO_OK);
  WANT(vasto_queue_next(queue, 10000, &done, &tag, NULL) == VASTO_OK && done == future && tag == 7);
  WANT(vasto_future_status(future, NULL) == VASTO_OK && vasto_future_version(future) != 0);
  vasto_future_destroy(future);
  vasto_queue_destroy(queue);
  WANT(vasto_watch_next(watch, &change, 1, 10000, &count, NULL) == VASTO_OK && count == 1);
  WANT(change.key.size == 7 && change.value.size == 1 && (change.flags & VASTO_KV_DELETED) == 0);
  vasto_watch_destroy(watch);
  return 0;
}

int main(int argc, char** argv) {
  vasto_config_t* config = NULL;
  vasto_client_t* client = NULL;
  vasto_keyspace_t* ks = NULL;
  vasto_value_t* status = NULL;
  WANT(argc == 3);
  WANT(vasto_config_create(&config, NULL) == VASTO_OK);
  WANT(vasto_config_set(config, "masters", argv[1], NULL) == VASTO_OK);
  WANT(vasto_client_open(config, &client, NULL) == VASTO_OK);
  WANT(vasto_keyspace_open(client, argv[2], &ks, NULL) == VASTO_OK);
  WANT(reads_and_writes(ks) == 0 && batches_and_scans(ks) == 0 && futures_and_watches(ks) == 0);
  WANT(vasto_admin_describe(client, VASTO_DESCRIBE_STATUS, NULL, NULL, &status, NULL) == VASTO_OK);
  vasto_value_destroy(status);
  vasto_keyspace_destroy(ks);
  WANT(vasto_client_close(client, 5000, NULL) == VASTO_OK);
  vasto_client_destroy(client);
  vasto_config_destroy(config);
  return 0;
}
