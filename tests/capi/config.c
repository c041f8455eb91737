// SPDX-License-Identifier: Apache-2.0
#include "check.h"

static vasto_config_t* make(void) {
  vasto_config_t* config = NULL;
  CHECK_OK(vasto_config_create(&config, &err));
  CHECK(config != NULL);
  return config;
}

static const char* get(const vasto_config_t* config, const char* name) {
  const char* value = NULL;
  CHECK_OK(vasto_config_get(config, name, &value, &err));
  return value;
}

static void defaults_are_those_of_the_header(void) {
  vasto_config_t* config = make();
  CHECK_TEXT("", get(config, "masters"));
  CHECK_TEXT("10000", get(config, "timeout_ms"));
  CHECK_TEXT("5000", get(config, "connect_timeout_ms"));
  CHECK_TEXT("0", get(config, "connections_per_store"));
  CHECK_TEXT("0", get(config, "io_threads"));
  CHECK_TEXT("true", get(config, "unix_sockets"));
  vasto_config_destroy(config);
}

static void every_listed_name_can_be_read(void) {
  vasto_config_t* config = make();
  size_t count = 0;
  for (; vasto_config_key_at(count) != NULL; ++count) {
    CHECK(get(config, vasto_config_key_at(count)) != NULL);
  }
  CHECK_INT(6, count);
  CHECK(vasto_config_key_at((size_t)-1) == NULL);
  vasto_config_destroy(config);
}

static void values_are_copied(void) {
  vasto_config_t* config = make();
  char value[] = "127.0.0.1:9333, [::1]:9334";
  CHECK_OK(vasto_config_set(config, "masters", value, &err));
  memset(value, 'x', sizeof(value) - 1);
  CHECK_TEXT("127.0.0.1:9333, [::1]:9334", get(config, "masters"));
  CHECK_OK(vasto_config_set(config, "timeout_ms", "250", &err));
  CHECK_TEXT("250", get(config, "timeout_ms"));
  vasto_config_destroy(config);
}

static void unknown_names_are_refused(void) {
  vasto_config_t* config = make();
  const char* value = "untouched";
  CHECK_CODE(VASTO_NOT_FOUND, vasto_config_set(config, "mastres", "a:1", &err));
  CHECK_PLAIN(VASTO_NOT_FOUND, vasto_config_get(config, "mastres", &value, &err));
  CHECK(value == NULL);
  vasto_config_destroy(config);
}

static void bad_values_are_refused_at_once(void) {
  static const char* const bad[][2] = {{"masters", "localhost"},
                                       {"masters", "localhost:0"},
                                       {"masters", "localhost:65536"},
                                       {"masters", ":9333"},
                                       {"masters", "a:1,,b:2"},
                                       {"masters", "a:9x"},
                                       {"timeout_ms", ""},
                                       {"timeout_ms", "-1"},
                                       {"timeout_ms", "10s"},
                                       {"timeout_ms", "99999999999999999999"},
                                       {"io_threads", "65"},
                                       {"unix_sockets", "yes"}};
  vasto_config_t* config = make();
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
    CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_config_set(config, bad[i][0], bad[i][1], &err));
  }
  CHECK_TEXT("", get(config, "masters"));
  CHECK_TEXT("10000", get(config, "timeout_ms"));
  vasto_config_destroy(config);
}

static void null_arguments_are_refused(void) {
  vasto_config_t* config = make();
  const char* value = NULL;
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_config_create(NULL, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_config_set(NULL, "masters", "a:1", &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_config_set(config, NULL, "a:1", &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_config_set(config, "masters", NULL, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_config_get(NULL, "masters", &value, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_config_get(config, "masters", NULL, &err));
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_config_load_file(config, NULL, &err));
  vasto_config_set_log_callback(NULL, NULL, NULL, 0);
  vasto_config_destroy(config);
}

static char path[] = "/tmp/vasto-capi-config-XXXXXX";

static void write_file(const char* text) {
  FILE* file = fopen(path, "w");
  CHECK(file != NULL);
  CHECK(fputs(text, file) >= 0);
  CHECK(fclose(file) == 0);
}

static void a_file_is_taken_whole_or_not_at_all(void) {
  vasto_config_t* config = make();
  const int fd = mkstemp(path);
  CHECK(fd >= 0);
  write_file("# a comment\n\n  masters = m1:9333,m2:9333  \r\ntimeout_ms=77");
  CHECK_OK(vasto_config_load_file(config, path, &err));
  CHECK_TEXT("m1:9333,m2:9333", get(config, "masters"));
  CHECK_TEXT("77", get(config, "timeout_ms"));

  write_file("timeout_ms = 99\n\nunheard_of = 1\n");
  CHECK_INT(VASTO_NOT_FOUND, vasto_config_load_file(config, path, &err));
  CHECK(strstr(vasto_error_message(err), ":3") != NULL);
  vasto_error_destroy(err);
  err = NULL;
  CHECK_TEXT("77", get(config, "timeout_ms"));

  write_file("timeout_ms\n");
  CHECK_CODE(VASTO_INVALID_ARGUMENT, vasto_config_load_file(config, path, &err));
  CHECK(remove(path) == 0);
  CHECK_CODE(VASTO_IO_ERROR, vasto_config_load_file(config, path, &err));
  vasto_config_destroy(config);
}

int main(int argc, char** argv) {
  static const test_t tests[] = {TEST(defaults_are_those_of_the_header),
                                 TEST(every_listed_name_can_be_read),
                                 TEST(values_are_copied),
                                 TEST(unknown_names_are_refused),
                                 TEST(bad_values_are_refused_at_once),
                                 TEST(null_arguments_are_refused),
                                 TEST(a_file_is_taken_whole_or_not_at_all)};
  return RUN_TESTS(tests);
}
