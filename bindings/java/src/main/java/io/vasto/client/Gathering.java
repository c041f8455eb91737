// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import java.util.ArrayList;
import java.util.List;

/**
 * Gets or puts that the dispatcher's thread starts in a row: they go to the library in one call,
 * which sends their requests together.
 *
 * <p>Threads: {@link #add} one; {@link #flush} any.
 */
final class Gathering {
  private static final int CAPACITY = 64;

  private final long queue;
  private final InFlight running;

  // Guarded by this; the points go with one another.
  private final List<Point> points = new ArrayList<>(CAPACITY);
  private final List<VastoFuture<?>> operations = new ArrayList<>(CAPACITY);
  private final long[] tags = new long[CAPACITY];

  Gathering(long queue, InFlight running) {
    this.queue = queue;
    this.running = running;
  }

  /** Has an operation that is in flight under the tag start with the next flush. */
  void add(Point point, VastoFuture<?> operation, int tag) {
    if (!takes(point)) {
      flush();
    }
    synchronized (this) {
      tags[points.size()] = tag;
      points.add(point.copy());
      operations.add(operation);
    }
  }

  private synchronized boolean takes(Point point) {
    return points.isEmpty() || (points.size() < CAPACITY && point.goesWith(points.get(0)));
  }

  /** Starts what was added. */
  void flush() {
    List<VastoFuture<?>> refused = new ArrayList<>(0);
    Throwable failure;
    synchronized (this) {
      long[] futures = new long[points.size()];
      failure = start(futures);
      for (int i = 0; i < futures.length; i++) {
        if (futures[i] != 0) {
          operations.get(i).started(futures[i]);
        } else {
          refused.add(running.remove((int) tags[i]));
        }
      }
      points.clear();
      operations.clear();
    }
    // Not under the lock: what hangs on them may start others.
    for (VastoFuture<?> operation : refused) {
      operation.fail(failure);
    }
  }

  /** What kept operations from being started; null if nothing. */
  private Throwable start(long[] futures) {
    try {
      if (futures.length > 0) {
        Operations.start(queue, points, tags, futures);
      }
      return null;
    } catch (RuntimeException | Error e) {
      return e;
    }
  }
}
