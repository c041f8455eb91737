// SPDX-License-Identifier: Apache-2.0
package io.vasto.client.bench;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongConsumer;
import java.util.stream.IntStream;

/** The measurements of tests/bench/bindings: WHAT IN_FLIGHT COUNT. */
public final class Bench {
  static final byte[] VALUE = new byte[100];

  private static final int MAX_REDIS_KEYS = 100_000;
  private static final int WARM_UP = 100_000;
  private static final int PAGE = 4096;

  private final String what;
  private final int inFlight;
  private final long count;
  private final Keys keys;

  private Bench(String what, int inFlight, long count) {
    int all = Integer.parseInt(variable("VASTO_BENCH_KEYS"));
    this.what = what;
    this.inFlight = inFlight;
    this.count = count;
    keys = new Keys(what.startsWith("redis_") ? Math.min(all, MAX_REDIS_KEYS) : all);
  }

  /**
   * Prints the result as the last line.
   *
   * @param args WHAT IN_FLIGHT COUNT
   * @throws IOException if the memory of the process cannot be read
   */
  public static void main(String[] args) throws IOException {
    if (args.length != 3) {
      throw new IllegalArgumentException("usage: WHAT IN_FLIGHT COUNT");
    }
    Arrays.fill(VALUE, (byte) 'v');
    new Bench(args[0], Integer.parseInt(args[1]), Long.parseLong(args[2])).run();
  }

  static String variable(String name) {
    String value = System.getenv(name);
    if (value == null) {
      throw new IllegalStateException(name + " is not set: use tests/bench/bindings");
    }
    return value;
  }

  static void check(byte[] value) {
    if (value == null || value.length != VALUE.length) {
      throw new IllegalStateException("no value of " + VALUE.length + " bytes");
    }
  }

  private void run() throws IOException {
    try (Side side = what.startsWith("redis_") ? new RedisSide() : new VastoSide()) {
      switch (what) {
        case "get" -> measureGet(side);
        case "put", "redis_put" -> measure(operation(side::put, side::putAsync));
        case "redis_get" -> {
          fill(side);
          measureGet(side);
        }
        case "scan" -> measureScan((VastoSide) side);
        case "memory" -> measureMemory(side);
        default -> throw new IllegalArgumentException("what is " + what + "?");
      }
    }
  }

  private void measureGet(Side side) {
    measure(operation(side::get, side::getAsync));
  }

  private LongConsumer operation(
      Consumer<String> blocking, Function<String, CompletableFuture<?>> async) {
    if (inFlight > 1) {
      return operations -> Load.run(async, keys, inFlight, operations);
    }
    return operations -> {
      for (long i = 0; i < operations; i++) {
        blocking.accept(keys.next());
      }
    };
  }

  private void measure(LongConsumer operations) {
    operations.accept(WARM_UP);
    long begin = System.nanoTime();
    operations.accept(count);
    printRate(count, begin);
  }

  private static void measureScan(VastoSide side) {
    side.scan(WARM_UP);
    long begin = System.nanoTime();
    printRate(side.scan(0), begin);
  }

  private static void printRate(long operations, long begin) {
    double seconds = (System.nanoTime() - begin) / 1e9;
    System.out.println("{\"per_second\": " + Math.round(operations / seconds) + "}");
  }

  private void fill(Side side) {
    CompletableFuture.allOf(
            IntStream.range(0, keys.count())
                .mapToObj(index -> side.putAsync(Keys.key(index)))
                .toArray(CompletableFuture<?>[]::new))
        .join();
  }

  private void measureMemory(Side side) throws IOException {
    AtomicInteger turn = new AtomicInteger();
    LongConsumer operations =
        operation(
            key -> {
              side.get(key);
              side.put(key);
            },
            key -> (turn.getAndIncrement() & 1) == 0 ? side.getAsync(key) : side.putAsync(key));
    operations.accept(count / 10);
    long before = memoryInUse();
    operations.accept(count - count / 10);
    System.out.println("{\"grown_bytes\": " + (memoryInUse() - before) + "}");
  }

  /**
   * Resident memory, and what is alive of the heap: all of that is resident from the start
   * (AlwaysPreTouch), so a leak there would not show otherwise.
   */
  private static long memoryInUse() throws IOException {
    System.gc();
    long heap = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    return Long.parseLong(Files.readString(Path.of("/proc/self/statm")).split(" ")[1]) * PAGE
        + heap;
  }
}
