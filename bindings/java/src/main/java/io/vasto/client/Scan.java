// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.Queue;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * A running scan: an iterator over rows in the order of their keys' bytes, or block by block.
 *
 * <pre>{@code
 * try (Scan scan = users.scan("a".getBytes(UTF_8))) {
 *   while (scan.hasNext()) {
 *     System.out.println(scan.next().key());
 *   }
 * }
 * }</pre>
 *
 * <p>A key that is there all the time comes exactly once; one that is written or deleted meanwhile
 * comes at most once. A scan is no snapshot. After a failure that is retryable the same call may be
 * repeated, and loses no row.
 *
 * <p>Rows come from the library in blocks of up to 256. A wait for them is ended by an interrupt,
 * by the cancel of a future or by {@link #close}; after the first two, calls may fail with {@link
 * ErrorCode#BUSY} until the request that was under way is over.
 *
 * <p>Threads: one at a time; while one waits, others get an {@link IllegalStateException}. {@link
 * #close}: any.
 */
public final class Scan implements Iterator<Row>, AutoCloseable {
  private static final long NO_LIMIT = -1;
  private static final int CAPACITY = 256;

  private final Source source = new Source();
  private final Cursor<Row> cursor;
  // Rows that came and were not handed out.
  private final Queue<Row> rows = new ArrayDeque<>();
  // Where the scan stood before those came.
  private byte[] tokenBefore;
  private boolean ended;

  Scan(Keyspace keyspace, long iter) {
    NativeApi api = Functions.api();
    cursor = new Cursor<>("scan", keyspace, iter, api::vasto_iter_destroy, source);
  }

  private static final class Source implements Cursor.Source<Row> {
    private final NativeApi api = Functions.api();
    private final Rows block = new Rows(CAPACITY);
    private volatile int capacity;

    @Override
    public long ready(long iter) {
      Scratch scratch = Scratch.begin();
      scratch.check(api.vasto_iter_ready_async(iter, scratch.out(0), scratch.err()));
      return scratch.result(0);
    }

    @Override
    public List<Row> take(long iter) {
      Scratch scratch = Scratch.begin();
      int code =
          api.vasto_iter_next_block(iter, block.address(), capacity, scratch.out(0), scratch.err());
      if (code == Errors.END) {
        return List.of();
      }
      scratch.check(code);
      return block.copy((int) scratch.result(0), Row::new);
    }
  }

  /**
   * Whether there is another row. May wait up to the scan's timeout.
   *
   * @return false at the end
   * @throws VastoNotFoundException if the keyspace is gone
   * @throws VastoException if it failed otherwise, or the scan is closed
   */
  @Override
  public boolean hasNext() {
    cursor.requireOpen();
    if (rows.isEmpty() && !ended) {
      tokenBefore = token();
      add(fetch(CAPACITY));
    }
    return !rows.isEmpty();
  }

  /**
   * The next row. May wait up to the scan's timeout.
   *
   * @return the row
   * @throws NoSuchElementException at the end
   * @throws VastoNotFoundException if the keyspace is gone
   * @throws VastoException if it failed otherwise, or the scan is closed
   */
  @Override
  public Row next() {
    if (!hasNext()) {
      throw new NoSuchElementException("the scan has no more rows");
    }
    return rows.remove();
  }

  /**
   * The next rows, as many as are at hand. May wait up to the scan's timeout.
   *
   * @param max how many rows at most, 1 or more; there are never more than 256
   * @return at least one row; none at the end
   * @throws VastoNotFoundException if the keyspace is gone
   * @throws VastoException if it failed otherwise, or the scan is closed
   */
  public List<Row> nextBlock(int max) {
    requirePositive(max);
    cursor.requireOpen();
    return rows.isEmpty() ? fetch(max) : leftOver(max);
  }

  /**
   * As {@link #nextBlock}, without waiting.
   *
   * @param max how many rows at most, 1 or more; there are never more than 256
   * @return a future of the same; after its cancel, the rows come with the next call
   */
  public CompletableFuture<List<Row>> nextBlockAsync(int max) {
    requirePositive(max);
    if (!rows.isEmpty() && !cursor.isClosed()) {
      return CompletableFuture.completedFuture(leftOver(max));
    }
    source.capacity = Math.min(max, CAPACITY);
    return cursor.nextAsync();
  }

  /**
   * Where the scan stands, for {@link ScanOptions.Builder#resumeToken}, in any process and at any
   * time later. After {@link #nextBlock} and {@link #nextBlockAsync} that is behind the last row.
   * {@link #next} takes its rows from a block that came as a whole: as long as there are more rows
   * in it, the token is the one before the block, and a scan that resumes there gives its rows
   * again.
   *
   * @return bytes that mean nothing to the caller
   * @throws VastoException if the scan is closed
   */
  public byte[] resumeToken() {
    cursor.requireOpen();
    return rows.isEmpty() ? token() : tokenBefore.clone();
  }

  /**
   * The rest of the rows as a sequential stream, which closes the scan when it is closed.
   *
   * @return the stream
   */
  public Stream<Row> stream() {
    int properties = Spliterator.ORDERED | Spliterator.NONNULL;
    return StreamSupport.stream(Spliterators.spliteratorUnknownSize(this, properties), false)
        .onClose(this::close);
  }

  private static void requirePositive(int max) {
    if (max < 1) {
      throw new IllegalArgumentException("max is " + max + ", must be 1 or more");
    }
  }

  private List<Row> fetch(int max) {
    source.capacity = Math.min(max, CAPACITY);
    return cursor.next(NO_LIMIT, null);
  }

  private List<Row> leftOver(int max) {
    List<Row> block = new ArrayList<>();
    while (block.size() < max && !rows.isEmpty()) {
      block.add(rows.remove());
    }
    return block;
  }

  private void add(List<Row> block) {
    ended = block.isEmpty();
    rows.addAll(block);
  }

  private byte[] token() {
    return cursor.use(
        iter -> {
          Scratch scratch = Scratch.begin();
          scratch.check(
              Functions.api()
                  .vasto_iter_resume_token(iter, scratch.out(0), scratch.out(1), scratch.err()));
          return Objects.requireNonNullElse(
              NativeMemory.bytes(scratch.result(0), scratch.result(1)), new byte[0]);
        });
  }

  /**
   * Ends the scan, wherever it stands, and a wait in another thread. A second close does nothing.
   */
  @Override
  public void close() {
    cursor.close();
  }
}
