// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import java.lang.ref.Cleaner;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongConsumer;

/**
 * A native handle that ends exactly once: when it was closed, or its owner was collected, and no
 * call uses it any more.
 *
 * <p>A method of the owner calls {@link #acquire} or {@link #acquireAlone}, uses the address, and
 * calls {@link #release}; after the last use of its owner it needs a {@code
 * reachabilityFence(this)}.
 *
 * <p>Threads: any.
 */
final class Handle implements Runnable {
  private static final Cleaner CLEANER = Cleaner.create();
  private static final int CLOSED = 1 << 31;

  private final String what;
  private final long address;
  private final LongConsumer destroy;
  // The number of calls that use the handle, and the CLOSED bit.
  private final AtomicInteger state = new AtomicInteger();

  /**
   * @param what its name in messages
   * @param destroy must not refer to the owner
   */
  Handle(String what, long address, LongConsumer destroy) {
    this.what = what;
    this.address = address;
    this.destroy = destroy;
  }

  /** Has the handle end when {@code owner} is collected without a close. */
  Handle ownedBy(Object owner) {
    CLEANER.register(owner, this);
    return this;
  }

  /** The address, valid until {@link #release}. */
  long acquire() {
    while (true) {
      int users = state.get();
      if (users < 0) {
        throw Errors.closed(what);
      }
      if (state.compareAndSet(users, users + 1)) {
        return address;
      }
    }
  }

  /** As {@link #acquire}, for an object that one thread at a time may use. */
  long acquireAlone() {
    if (state.compareAndSet(0, 1)) {
      return address;
    }
    if (isClosed()) {
      throw Errors.closed(what);
    }
    throw new IllegalStateException("the " + what + " is being used by another thread");
  }

  void release() {
    if (state.decrementAndGet() == CLOSED) {
      destroy.accept(address);
    }
  }

  boolean isClosed() {
    return state.get() < 0;
  }

  /** Refuses new uses; the handle ends now or with the last use. False if it was closed before. */
  boolean close() {
    while (true) {
      int users = state.get();
      if (users < 0) {
        return false;
      }
      if (state.compareAndSet(users, users | CLOSED)) {
        if (users == 0) {
          destroy.accept(address);
        }
        return true;
      }
    }
  }

  /** The cleaner's action. */
  @Override
  public void run() {
    close();
  }
}
