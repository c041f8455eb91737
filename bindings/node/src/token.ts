// SPDX-License-Identifier: Apache-2.0

import type { Functions, Pointer } from './native/functions.js';
import type { Library } from './native/library.js';
import { copyOut } from './native/memory.js';

/** A copy of the token that a scan or watch owns. */
export function takeToken(library: Library, function_: Functions['vasto_iter_resume_token'], pointer: Pointer): Buffer {
  const { fn, call } = library;
  library.check(function_(pointer, call.outAt(0), call.outAt(1), call.error));
  return copyOut(fn, call.word(0), Number(call.word(1)));
}
