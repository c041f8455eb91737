// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;

/**
 * Changes of keys as they happen.
 *
 * <p>Every change that is acknowledged after the watch was opened, or behind its token, is given at
 * least once. The changes of a key come in order; some may come again, from an earlier one on.
 * There is no order between keys.
 *
 * <p>A failure that is retryable (see {@link VastoException#isRetryable}) only tells that a shard
 * cannot be reached now: the watch goes on with the next call. After {@link ErrorCode#TOO_OLD} read
 * the keyspace by a scan, having opened a new watch before.
 *
 * <p>Threads: one at a time; while one waits, others get an {@link IllegalStateException}. {@link
 * #close}: any; it ends a wait with {@link VastoClosedException}.
 */
public final class Watch implements AutoCloseable {
  private static final long NO_LIMIT = -1;
  private static final int CAPACITY = 256;

  private final Source source = new Source();
  private final Cursor<Change> cursor;

  Watch(Keyspace keyspace, long watch) {
    NativeApi api = Functions.api();
    cursor = new Cursor<>("watch", keyspace, watch, api::vasto_watch_destroy, source);
  }

  private static final class Source implements Cursor.Source<Change> {
    private final NativeApi api = Functions.api();
    private final Rows block = new Rows(CAPACITY);

    @Override
    public long ready(long watch) {
      Scratch scratch = Scratch.begin();
      scratch.check(api.vasto_watch_ready_async(watch, scratch.out(0), scratch.err()));
      return scratch.result(0);
    }

    @Override
    public List<Change> take(long watch) {
      Scratch scratch = Scratch.begin();
      int code =
          api.vasto_watch_next(watch, block.address(), CAPACITY, 0, scratch.out(0), scratch.err());
      long error = code == Errors.TIMEOUT ? scratch.takeError() : 0;
      if (code == Errors.TIMEOUT && error == 0) {
        return List.of();
      }
      if (code != Errors.OK) {
        throw Errors.of(code, error != 0 ? error : scratch.takeError());
      }
      return block.copy((int) scratch.result(0), Change::new);
    }
  }

  /**
   * Waits without limit for the next changes. An interrupt ends the wait.
   *
   * @return at least one change, up to 256
   * @throws VastoInterruptedException if the thread is interrupted; the watch goes on with the next
   *     call
   * @throws VastoNotFoundException if the keyspace is gone
   * @throws VastoClosedException if the watch, or its client, is closed, also while this waits
   * @throws VastoException if it failed otherwise
   */
  public List<Change> next() {
    List<Change> changes = List.of();
    while (changes.isEmpty()) {
      changes = cursor.next(NO_LIMIT, List.of());
    }
    return changes;
  }

  /**
   * Waits for the next changes. An interrupt ends the wait.
   *
   * @param timeout in milliseconds, rounded up; zero: does not wait
   * @return at least one change, up to 256; none if nothing came in time
   * @throws VastoInterruptedException if the thread is interrupted; the watch goes on with the next
   *     call
   * @throws VastoNotFoundException if the keyspace is gone
   * @throws VastoClosedException if the watch, or its client, is closed, also while this waits
   * @throws VastoException if it failed otherwise
   */
  public List<Change> next(Duration timeout) {
    long timeoutMs = Times.millis(timeout);
    if (timeoutMs == 0) {
      return cursor.use(source::take);
    }
    long begun = System.nanoTime();
    List<Change> changes = cursor.next(timeoutMs, List.of());
    // Now and then a wait ends with nothing, before its time.
    long left;
    while (changes.isEmpty() && (left = timeoutMs - elapsedMs(begun)) > 0) {
      changes = cursor.next(left, List.of());
    }
    return changes;
  }

  private static long elapsedMs(long begun) {
    return (System.nanoTime() - begun) / 1_000_000;
  }

  /**
   * The next changes, without waiting.
   *
   * @return a future that fails as {@link #next()} does. It completes with at least one change, up
   *     to 256; now and then, every 10 s or so, with none. Its cancel loses no change.
   */
  public CompletableFuture<List<Change>> nextAsync() {
    return cursor.nextAsync();
  }

  /**
   * Where the watch stands, for {@link WatchOptions.Builder#resumeToken}: behind the last change
   * handed out, or a little before it, so that some come again.
   *
   * @return bytes that mean nothing to the caller
   * @throws VastoException if the watch is closed
   */
  public byte[] resumeToken() {
    return cursor.use(
        watch -> {
          Scratch scratch = Scratch.begin();
          scratch.check(
              Functions.api()
                  .vasto_watch_resume_token(watch, scratch.out(0), scratch.out(1), scratch.err()));
          return Objects.requireNonNullElse(
              NativeMemory.bytes(scratch.result(0), scratch.result(1)), new byte[0]);
        });
  }

  /** Ends the watch, and a wait in another thread. A second close does nothing. */
  @Override
  public void close() {
    cursor.close();
  }
}
