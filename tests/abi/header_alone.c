// SPDX-License-Identifier: Apache-2.0
// The header needs nothing before it and may be included twice.
#include <vasto/vasto.h>

int main(void) { return vasto_make_key("", 0).key.size == 0 ? 0 : 1; }
