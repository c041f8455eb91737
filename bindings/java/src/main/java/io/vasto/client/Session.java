// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import java.lang.ref.Reference;
import java.util.Objects;
import java.util.function.LongConsumer;

/**
 * Reads that never go back behind what was seen. An operation whose options have a session belongs
 * to it: a read sees at least what the operations of the session that ended before have written or
 * seen, whichever replica answers.
 *
 * <p>Threads: any number at once.
 */
public final class Session implements AutoCloseable {
  private static final int TOKEN_SIZE = 1024;

  private final Handle handle;

  Session(long session) {
    handle = new Handle("session", session, Functions.api()::vasto_session_destroy).ownedBy(this);
  }

  void use(LongConsumer user) {
    try {
      long session = handle.acquire();
      try {
        user.accept(session);
      } finally {
        handle.release();
      }
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /**
   * All that the session has seen, to be stored or sent to any client of the cluster.
   *
   * @return bytes that mean nothing to the caller
   * @throws VastoException if the session is closed
   */
  public byte[] token() {
    NativeApi api = Functions.api();
    byte[][] token = new byte[1][];
    use(
        session -> {
          int size = TOKEN_SIZE;
          // It may grow between two calls, as others use the session.
          while (token[0] == null) {
            Scratch scratch = Scratch.begin(size);
            long at = scratch.take(size);
            int code = api.vasto_session_token(session, at, size, scratch.out(0), scratch.err());
            if (code == Errors.OK) {
              token[0] = NativeMemory.bytes(at, scratch.result(0));
            } else if (code == Errors.BUFFER_TOO_SMALL) {
              Errors.discard(scratch.takeError());
              size = Math.toIntExact(2 * scratch.result(0));
            } else {
              throw Errors.of(code, scratch.takeError());
            }
          }
        });
    return token[0];
  }

  /**
   * Adds all that another session had seen when it gave this token.
   *
   * @param token of a session of the same keyspace
   * @throws VastoException {@link ErrorCode#INVALID_ARGUMENT} if the token is damaged, of another
   *     keyspace or of another number of shards; nothing is added then
   */
  public void importToken(byte[] token) {
    Objects.requireNonNull(token, "token");
    use(
        session -> {
          Scratch scratch = Scratch.begin(Scratch.sizeOf(token.length));
          scratch.check(
              Functions.api()
                  .vasto_session_import(
                      session, scratch.bytes(token), token.length, scratch.err()));
        });
  }

  /**
   * Ends the session. Options and operations that have it are not affected. A second close does
   * nothing.
   */
  @Override
  public void close() {
    handle.close();
  }
}
