// SPDX-License-Identifier: Apache-2.0
// Writes the values of keys to stdout: what cat does for files, through libvasto.
//
//   cat HOST:PORT KEYSPACE KEY...
//
// Build: cc cat.c -o cat $(pkg-config --cflags --libs vasto)
#include <stdio.h>
#include <string.h>
#include <vasto/vasto.h>

static int Fail(const char* what, vasto_error_t* error) {
  fprintf(stderr, "%s: %s\n", what, vasto_error_message(error));
  vasto_error_destroy(error);
  return 1;
}

static int CatKey(vasto_keyspace_t* keyspace, const char* name) {
  vasto_key_t key = vasto_make_key(name, strlen(name));
  vasto_value_t* value = NULL;
  vasto_error_t* error = NULL;
  vasto_status_t status = vasto_get(keyspace, &key, NULL, &value, &error);
  if (status == VASTO_NOT_FOUND && error == NULL) {
    fprintf(stderr, "%s: no such key\n", name);
    return 1;
  }
  if (status != VASTO_OK) return Fail(name, error);
  fwrite(vasto_value_data(value), 1, vasto_value_size(value), stdout);
  vasto_value_destroy(value);
  return 0;
}

static int CatKeys(const vasto_config_t* config, const char* name, int count, char** keys) {
  vasto_client_t* client = NULL;
  vasto_error_t* error = NULL;
  if (vasto_client_open(config, &client, &error) != VASTO_OK) return Fail("open", error);
  int result = 0;
  vasto_keyspace_t* keyspace = NULL;
  if (vasto_keyspace_open(client, name, &keyspace, &error) != VASTO_OK) {
    result = Fail(name, error);
  }
  for (int i = 0; i < count && result == 0; i++) result = CatKey(keyspace, keys[i]);
  vasto_keyspace_destroy(keyspace);
  vasto_client_destroy(client);
  return result;
}

int main(int argc, char** argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: %s HOST:PORT KEYSPACE KEY...\n", argv[0]);
    return 2;
  }
  vasto_config_t* config = NULL;
  vasto_error_t* error = NULL;
  if (vasto_config_create(&config, &error) != VASTO_OK) return Fail("config", error);
  int result = vasto_config_set(config, "masters", argv[1], &error) == VASTO_OK
                   ? CatKeys(config, argv[2], argc - 3, argv + 3)
                   : Fail(argv[1], error);
  vasto_config_destroy(config);
  return result;
}
