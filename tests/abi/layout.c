// SPDX-License-Identifier: Apache-2.0
// The public structs are frozen: their sizes, their members' places, and that they have no padding
// a compiler could choose.
#include <stdio.h>
#include <vasto/vasto.h>

static int failures;

static void expect(const char* what, size_t expected, size_t actual) {
  if (expected == actual) return;
  fprintf(stderr, "%s is %zu, not %zu\n", what, actual, expected);
  ++failures;
}

#define SIZE(type, expected) expect("sizeof(" #type ")", (expected), sizeof(type))
#define PLACE(type, member, expected) \
  expect("offsetof(" #type ", " #member ")", (expected), offsetof(type, member))

int main(void) {
  SIZE(vasto_status_t, 4);

  SIZE(vasto_slice_t, 16);
  PLACE(vasto_slice_t, data, 0);
  PLACE(vasto_slice_t, size, 8);

  SIZE(vasto_key_t, 32);
  PLACE(vasto_key_t, key, 0);
  PLACE(vasto_key_t, partition_hash, 16);
  PLACE(vasto_key_t, flags, 24);
  PLACE(vasto_key_t, reserved, 28);

  SIZE(vasto_kv_t, 72);
  PLACE(vasto_kv_t, key, 0);
  PLACE(vasto_kv_t, value, 16);
  PLACE(vasto_kv_t, partition_hash, 32);
  PLACE(vasto_kv_t, version, 40);
  PLACE(vasto_kv_t, updated_at_ns, 48);
  PLACE(vasto_kv_t, expires_at_ns, 56);
  PLACE(vasto_kv_t, type, 64);
  PLACE(vasto_kv_t, flags, 68);
  return failures == 0 ? 0 : 1;
}
