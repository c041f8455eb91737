// SPDX-License-Identifier: Apache-2.0
// What the tests against a live cluster share. run_with_server.py puts the masters' addresses into
// CAPI_MASTER and CAPI_MASTER2 (two clusters); each has the keyspace "capi" with 4 shards.
#ifndef TESTS_CAPI_CLUSTER_H_
#define TESTS_CAPI_CLUSTER_H_

#include "check.h"

// A client of the cluster whose master is in the environment variable `name`.
static inline vasto_client_t* open_client_of(const char* name) {
  const char* master = getenv(name);
  if (master == NULL) {
    fprintf(stderr, "%s is not set: run this through run_with_server.py\n", name);
    exit(77);
  }
  vasto_config_t* config = NULL;
  vasto_client_t* client = NULL;
  CHECK_OK(vasto_config_create(&config, &err));
  CHECK_OK(vasto_config_set(config, "masters", master, &err));
  CHECK_OK(vasto_client_open(config, &client, &err));
  CHECK(client != NULL);
  vasto_config_destroy(config);
  return client;
}

static inline vasto_client_t* open_client(void) { return open_client_of("CAPI_MASTER"); }

static inline vasto_keyspace_t* open_keyspace(vasto_client_t* client) {
  vasto_keyspace_t* keyspace = NULL;
  CHECK_OK(vasto_keyspace_open(client, "capi", &keyspace, &err));
  CHECK(keyspace != NULL);
  return keyspace;
}

static inline void close_client(vasto_client_t* client) {
  CHECK_OK(vasto_client_close(client, 5000, &err));
  vasto_client_destroy(client);
}

// A key of text. The bytes stay borrowed.
static inline vasto_key_t key_of(const char* text) { return vasto_make_key(text, strlen(text)); }

// Stores text under text; returns the version.
static inline uint64_t put_text(vasto_keyspace_t* keyspace, const char* key, const char* value) {
  const vasto_key_t k = key_of(key);
  uint64_t version = 0;
  CHECK_OK(vasto_put(keyspace, &k, value, strlen(value), NULL, &version, &err));
  CHECK(version != 0);
  return version;
}

// Whether the key has this value.
static inline int has_text(vasto_keyspace_t* keyspace, const char* key, const char* value) {
  const vasto_key_t k = key_of(key);
  vasto_value_t* got = NULL;
  const vasto_status_t code = vasto_get(keyspace, &k, NULL, &got, NULL);
  const int same = code == VASTO_OK && vasto_value_size(got) == strlen(value) &&
                   memcmp(vasto_value_data(got), value, strlen(value)) == 0;
  vasto_value_destroy(got);
  return same;
}

#endif  // TESTS_CAPI_CLUSTER_H_
