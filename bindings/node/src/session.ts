// SPDX-License-Identifier: Apache-2.0

import { bytesOf, type Bytes } from './arguments.js';
import { Status } from './errors.js';
import type { Pointer } from './native/functions.js';
import { closeWithOwner, Handle } from './native/handle.js';
import type { Library } from './native/library.js';

/**
 * What reads must not go back behind. Operations whose options have a session belong to it: a read sees at least what
 * the operations of the session that ended before have written or seen, whichever replica answers.
 */
export class Session {
  readonly #library: Library;
  readonly #handle: Handle;

  /** @internal */
  constructor(library: Library, keyspace: Pointer) {
    const { fn, call } = library;
    library.check(fn.vasto_session_create(keyspace, call.out, call.error));
    this.#library = library;
    this.#handle = new Handle('session', call.word(), fn.vasto_session_destroy);
    closeWithOwner(this, this.#handle);
  }

  /** @internal */
  static pointerOf(session: Session): Pointer {
    return session.#handle.pointer;
  }

  /** All that the session has seen, as bytes that may be stored and sent to any client of the cluster. */
  token(): Buffer {
    const { fn, call } = this.#library;
    let token = Buffer.alloc(0);
    for (;;) {
      const room = token.length === 0 ? null : token;
      const status = fn.vasto_session_token(this.#handle.pointer, room, token.length, call.out, call.error);
      const size = Number(call.word());
      if (status !== Status.BUFFER_TOO_SMALL) {
        this.#library.check(status);
        return token.subarray(0, size);
      }
      this.#library.errorDetails(status);
      token = Buffer.alloc(size);
    }
  }

  /**
   * Adds all that another session had seen when it gave this token. `INVALID_ARGUMENT`: the token is damaged, or of
   * another keyspace or number of shards.
   */
  import(token: Bytes): void {
    const { fn, call } = this.#library;
    const bytes = bytesOf(token, 'token');
    this.#library.check(fn.vasto_session_import(this.#handle.pointer, bytes, bytes.length, call.error));
  }

  /** Ends the handle. Running operations that have the session are not affected. */
  close(): void {
    this.#handle.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
