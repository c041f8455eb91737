// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;

/**
 * What a client and everything made from it share. It refers to none of them, so that the client
 * can be collected.
 *
 * <p>Threads: any.
 */
final class ClientCore {
  private final Handle handle;
  private final Waiters waiters = new Waiters();
  private final Executor executor;
  private final LogRelay.Registration log;
  // Null until the first asynchronous operation; written under this.
  private volatile Dispatcher dispatcher;

  ClientCore(Client owner, long client, Executor executor, LogRelay.Registration log) {
    this.executor = executor;
    this.log = log;
    this.handle = new Handle("client", client, this::end).ownedBy(owner);
  }

  Handle handle() {
    return handle;
  }

  /** Starts an operation of this client and waits for it, as {@link Waiters#await}. */
  <T> T await(Start start, Taker<T> taker) {
    return await(start, -1, null, taker);
  }

  /** The same for so many milliseconds, then gives {@code late}. */
  <T> T await(Start start, long timeoutMs, T late, Taker<T> taker) {
    // On the dispatcher's thread those would have to wait, too.
    if (dispatcher != null && dispatcher.isCurrent()) {
      startGathered();
    }
    return waiters.await(start, timeoutMs, late, taker);
  }

  /** Starts an operation of a keyspace whose result comes through the executor. */
  <T> CompletableFuture<T> submit(Keyspace keyspace, Start start, Taker<T> taker) {
    handle.acquire();
    try {
      return dispatcher(keyspace).submit(start, taker, keyspace);
    } finally {
      handle.release();
    }
  }

  private Dispatcher dispatcher(Keyspace keyspace) {
    Dispatcher current = dispatcher;
    return current != null ? current : newDispatcher(keyspace);
  }

  private synchronized Dispatcher newDispatcher(Keyspace keyspace) {
    if (dispatcher == null) {
      dispatcher = new Dispatcher(executor, keyspace.doneFuture());
    }
    return dispatcher;
  }

  /** Starts what was submitted and is not yet, because others were to start with it. */
  void startGathered() {
    Dispatcher current = dispatcher;
    if (current != null) {
      current.startGathered();
    }
  }

  int inFlight() {
    return dispatcher == null ? 0 : dispatcher.inFlight();
  }

  /**
   * Closes the client for new operations, gives those that run this long, and ends the rest with
   * CLOSED.
   */
  void close(long timeoutMs) {
    long client;
    try {
      client = handle.acquire();
    } catch (VastoClosedException e) {
      return;
    }
    try {
      startGathered();
      Scratch scratch = Scratch.begin();
      scratch.check(Functions.api().vasto_client_close(client, timeoutMs, scratch.err()));
      handle.close();
    } finally {
      handle.release();
    }
  }

  /** When nothing uses the client any more. Every operation is over after its destroy. */
  private void end(long client) {
    NativeApi api = Functions.api();
    api.vasto_client_destroy(client);
    synchronized (this) {
      if (dispatcher != null) {
        dispatcher.stop();
      }
    }
    waiters.close();
    log.end();
  }
}
