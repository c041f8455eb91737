// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import java.lang.ref.Reference;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongConsumer;
import java.util.function.LongFunction;

/**
 * What a scan and a watch have in common: something native that one thread at a time waits for and
 * takes rows from.
 *
 * <p>It is busy from before a wait until its rows are taken or the wait was given up. The native
 * handle is not in use during a wait: a close destroys it, and that ends the wait.
 *
 * <p>Threads: any; all but a close fails while it is busy.
 */
final class Cursor<R> {
  /** What the library has for it. Must not refer to the cursor. */
  interface Source<R> {
    /** Starts to wait: the native future, which the caller then owns. */
    long ready(long cursor);

    /** Takes rows without waiting, after the wait has succeeded; none at the end. */
    List<R> take(long cursor);
  }

  private final String what;
  private final Keyspace keyspace;
  private final Handle handle;
  private final Source<R> source;
  private final Taker<List<R>> taker = new Rest();
  private final AtomicBoolean busy = new AtomicBoolean();

  Cursor(String what, Keyspace keyspace, long cursor, LongConsumer destroy, Source<R> source) {
    this.what = what;
    this.keyspace = keyspace;
    this.source = source;
    this.handle = new Handle(what, cursor, destroy).ownedBy(this);
  }

  /** Waits for rows and takes them; {@code late} when the time is over (negative: no limit). */
  List<R> next(long timeoutMs, List<R> late) {
    try {
      return keyspace.core().await(this::begin, timeoutMs, late, taker);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** The same without waiting. */
  CompletableFuture<List<R>> nextAsync() {
    try {
      return keyspace.core().submit(keyspace, this::begin, taker);
    } catch (VastoException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  /** Calls a function that does not wait. */
  <T> T use(LongFunction<T> user) {
    enter();
    try {
      return useHandle(user);
    } finally {
      busy.set(false);
      Reference.reachabilityFence(this);
    }
  }

  boolean isClosed() {
    return handle.isClosed();
  }

  void requireOpen() {
    if (isClosed()) {
      throw Errors.closed(what);
    }
  }

  void close() {
    handle.close();
  }

  private void enter() {
    requireOpen();
    if (!busy.compareAndSet(false, true)) {
      throw new IllegalStateException("the " + what + " is being used already");
    }
  }

  private <T> T useHandle(LongFunction<T> user) {
    long cursor = handle.acquire();
    try {
      return user.apply(cursor);
    } finally {
      handle.release();
    }
  }

  private long begin(long queue, long tag) {
    enter();
    boolean started = false;
    try {
      long future = Operations.attach(queue, tag, useHandle(source::ready));
      started = true;
      return future;
    } finally {
      if (!started) {
        busy.set(false);
      }
    }
  }

  /** What comes after the wait. */
  private final class Rest implements Taker<List<R>> {
    @Override
    public List<R> take(Results results, int index) {
      try {
        // Closed meanwhile is what the user is told, not that the wait was cancelled by it.
        requireOpen();
        Takers.requireOk(results, index);
        return useHandle(source::take);
      } finally {
        busy.set(false);
      }
    }

    @Override
    public void drop() {
      busy.set(false);
    }
  }
}
