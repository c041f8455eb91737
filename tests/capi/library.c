// SPDX-License-Identifier: Apache-2.0
#include "check.h"

static void version_is_that_of_the_header(void) {
  int32_t major = -1, minor = -1, patch = -1;
  vasto_version(&major, &minor, &patch);
  CHECK_INT(VASTO_VERSION_MAJOR, major);
  CHECK_INT(VASTO_VERSION_MINOR, minor);
  CHECK_INT(VASTO_VERSION_PATCH, patch);
  vasto_version(NULL, NULL, NULL);
  CHECK_INT(VASTO_VERSION_CODE, major * 10000 + minor * 100 + patch);
  CHECK(strncmp(vasto_version_string(), "vasto ", 6) == 0);
  CHECK(strstr(vasto_version_string(), "abi 1.1.0") != NULL);
}

static void every_code_has_a_name(void) {
  static const struct {
    vasto_status_t code;
    const char* name;
  } codes[] = {{VASTO_OK, "OK"},
               {VASTO_NOT_FOUND, "NOT_FOUND"},
               {VASTO_END, "END"},
               {VASTO_INVALID_ARGUMENT, "INVALID_ARGUMENT"},
               {VASTO_TIMEOUT, "TIMEOUT"},
               {VASTO_UNAVAILABLE, "UNAVAILABLE"},
               {VASTO_BUSY, "BUSY"},
               {VASTO_STALE_WRITE, "STALE_WRITE"},
               {VASTO_RESIZING, "RESIZING"},
               {VASTO_TOO_LARGE, "TOO_LARGE"},
               {VASTO_BUFFER_TOO_SMALL, "BUFFER_TOO_SMALL"},
               {VASTO_CORRUPTION, "CORRUPTION"},
               {VASTO_IO_ERROR, "IO_ERROR"},
               {VASTO_NO_SPACE, "NO_SPACE"},
               {VASTO_NOT_SUPPORTED, "NOT_SUPPORTED"},
               {VASTO_ALREADY_EXISTS, "ALREADY_EXISTS"},
               {VASTO_CANCELLED, "CANCELLED"},
               {VASTO_CLOSED, "CLOSED"},
               {VASTO_WRONG_THREAD, "WRONG_THREAD"},
               {VASTO_FORKED, "FORKED"},
               {VASTO_PERMISSION, "PERMISSION"},
               {VASTO_TOO_OLD, "TOO_OLD"},
               {VASTO_INTERNAL, "INTERNAL"},
               {12345, "INTERNAL"},
               {-1, "INTERNAL"}};
  for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); ++i) {
    CHECK_TEXT(codes[i].name, vasto_status_name(codes[i].code));
  }
}

static void only_passing_failures_are_retryable(void) {
  for (vasto_status_t code = -2; code < 200; ++code) {
    const bool passing = code == VASTO_TIMEOUT || code == VASTO_UNAVAILABLE || code == VASTO_BUSY ||
                         code == VASTO_RESIZING;
    CHECK_INT(passing, vasto_status_is_retryable(code));
  }
}

// Placement is part of the data format: these values must never change.
static void partition_hash_is_xxh3(void) {
  CHECK(vasto_partition_hash("", 0) == 0x2d06800538d394c2u);
  CHECK(vasto_partition_hash(NULL, 0) == 0x2d06800538d394c2u);
  CHECK(vasto_partition_hash("vasto", 5) == vasto_partition_hash("vasto", 5));
  CHECK(vasto_partition_hash("vasto", 5) != vasto_partition_hash("vast", 4));
}

static void version_time_is_in_nanoseconds(void) {
  CHECK(vasto_version_time_ns(0) == 0);
  const uint64_t micros = 1700000000000000u;
  CHECK(vasto_version_time_ns(micros << 12) == micros * 1000);
  CHECK(vasto_version_time_ns((micros << 12) + 4 * 7) == micros * 1000 + 7);
}

static void keys_are_made_inline(void) {
  const vasto_key_t plain = vasto_make_key("abc", 3);
  CHECK(plain.key.size == 3 && plain.flags == 0 && plain.reserved == 0);
  const vasto_key_t placed = vasto_make_key_in("abc", 3, 42);
  CHECK(placed.partition_hash == 42 && placed.flags == VASTO_KEY_HAS_PARTITION_HASH);
  vasto_kv_t row;
  memset(&row, 0, sizeof(row));
  row.key = placed.key;
  row.partition_hash = 42;
  row.flags = VASTO_KEY_HAS_PARTITION_HASH | 0x80000000u;
  const vasto_key_t again = vasto_key_of(&row);
  CHECK(again.partition_hash == 42 && again.flags == VASTO_KEY_HAS_PARTITION_HASH);
}

static void null_errors_are_harmless(void) {
  CHECK_INT(VASTO_INTERNAL, vasto_error_code(NULL));
  CHECK_TEXT("", vasto_error_message(NULL));
  CHECK_TEXT("", vasto_error_origin(NULL));
  CHECK(!vasto_error_is_retryable(NULL) && !vasto_error_is_in_doubt(NULL));
  vasto_error_destroy(NULL);
}

static void an_error_tells_what_went_wrong(void) {
  vasto_error_t* error = NULL;
  CHECK_INT(VASTO_INVALID_ARGUMENT, vasto_config_create(NULL, &error));
  CHECK(error != NULL);
  CHECK_INT(VASTO_INVALID_ARGUMENT, vasto_error_code(error));
  CHECK(strstr(vasto_error_message(error), "out_config") != NULL);
  CHECK_TEXT("client", vasto_error_origin(error));
  CHECK(!vasto_error_is_retryable(error) && !vasto_error_is_in_doubt(error));
  vasto_error_destroy(error);
  CHECK_INT(VASTO_INVALID_ARGUMENT, vasto_config_create(NULL, NULL));
}

static void every_destroy_takes_null(void) {
  vasto_config_destroy(NULL);
  vasto_client_destroy(NULL);
  vasto_keyspace_destroy(NULL);
  vasto_read_options_destroy(NULL);
  vasto_write_options_destroy(NULL);
  vasto_scan_options_destroy(NULL);
  vasto_keyspace_options_destroy(NULL);
  vasto_value_destroy(NULL);
  vasto_batch_destroy(NULL);
  vasto_batch_result_destroy(NULL);
  vasto_iter_destroy(NULL);
  vasto_future_destroy(NULL);
  vasto_queue_destroy(NULL);
  vasto_admin_op_destroy(NULL);
}

int main(int argc, char** argv) {
  static const test_t tests[] = {TEST(version_is_that_of_the_header),
                                 TEST(every_code_has_a_name),
                                 TEST(only_passing_failures_are_retryable),
                                 TEST(partition_hash_is_xxh3),
                                 TEST(version_time_is_in_nanoseconds),
                                 TEST(keys_are_made_inline),
                                 TEST(null_errors_are_harmless),
                                 TEST(an_error_tells_what_went_wrong),
                                 TEST(every_destroy_takes_null)};
  return RUN_TESTS(tests);
}
