// SPDX-License-Identifier: Apache-2.0
// The smallest possible test harness for plain C: checks that end the program with a line on
// stderr, and a table of tests.
//
// CHECK(condition); CHECK_CODE(VASTO_NOT_FOUND, vasto_get(..., &err)); CHECK_OK(...) is CHECK_CODE
// with VASTO_OK. The code checks destroy the error in the file's variable `err` and want one
// exactly where the header promises one. CHECK_PLAIN(code, call) wants the code without an error
// object.
#ifndef TESTS_CAPI_CHECK_H_
#define TESTS_CAPI_CHECK_H_

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vasto/vasto.h>

static vasto_error_t* err;

#define CHECK(condition)                                                            \
  do {                                                                              \
    if (!(condition)) {                                                             \
      fprintf(stderr, "%s:%d: CHECK(%s) failed\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                                      \
    }                                                                               \
  } while (0)

#define CHECK_INT(expected, actual)                                                          \
  do {                                                                                       \
    const long long check_e = (long long)(expected), check_a = (long long)(actual);          \
    if (check_e != check_a) {                                                                \
      fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #actual, check_a, \
              check_e);                                                                      \
      exit(1);                                                                               \
    }                                                                                        \
  } while (0)

#define CHECK_TEXT(expected, actual)                                                    \
  do {                                                                                  \
    const char* check_t = (actual);                                                     \
    if (check_t == NULL || strcmp((expected), check_t) != 0) {                          \
      fprintf(stderr, "%s:%d: %s is \"%s\", not \"%s\"\n", __FILE__, __LINE__, #actual, \
              check_t == NULL ? "(NULL)" : check_t, (expected));                        \
      exit(1);                                                                          \
    }                                                                                   \
  } while (0)

// wants_error: 1 yes, 0 no, -1 either.
static inline void check_code(vasto_status_t expected, vasto_status_t actual, int wants_error,
                              const char* what, const char* file, int line) {
  if (expected != actual || (wants_error >= 0 && (err != NULL) != wants_error) ||
      (err != NULL && vasto_error_code(err) != actual)) {
    fprintf(stderr, "%s:%d: %s gave %s (%s), not %s%s\n", file, line, what,
            vasto_status_name(actual), err != NULL ? vasto_error_message(err) : "no error object",
            vasto_status_name(expected), wants_error == 1 ? " with an error object" : "");
    exit(1);
  }
  if (err != NULL) CHECK(vasto_error_message(err)[0] != '\0');
  vasto_error_destroy(err);
  err = NULL;
}

#define CHECK_CODE(expected, call) \
  check_code((expected), (call), (expected) != VASTO_OK, #call, __FILE__, __LINE__)
#define CHECK_PLAIN(expected, call) check_code((expected), (call), 0, #call, __FILE__, __LINE__)
#define CHECK_OK(call) CHECK_PLAIN(VASTO_OK, call)

typedef struct test_t {
  const char* name;
  void (*run)(void);
} test_t;

#define TEST(function) \
  { #function, function }

// Runs the tests whose names are given, or all. Returns the program's exit code.
static inline int run_tests(int argc, char** argv, const test_t* tests, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    int wanted = argc < 2;
    for (int a = 1; a < argc; ++a) wanted = wanted || strcmp(argv[a], tests[i].name) == 0;
    if (!wanted) continue;
    fprintf(stderr, "[ RUN ] %s\n", tests[i].name);
    tests[i].run();
    CHECK(err == NULL);
  }
  return 0;
}

#define RUN_TESTS(tests) run_tests(argc, argv, (tests), sizeof(tests) / sizeof((tests)[0]))

#endif  // TESTS_CAPI_CHECK_H_
