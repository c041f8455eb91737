// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ForkJoinPool;
import java.util.function.LongFunction;

/**
 * What a client is opened with: names and values, checked at once, and what Java adds to them.
 *
 * <p>Names, with their defaults: {@code masters} (host:port[,host:port...]; must be set), {@code
 * timeout_ms} 10000, {@code connect_timeout_ms} 5000, {@code connections_per_store} 0, {@code
 * io_threads} 0, {@code unix_sockets} true. {@link #names()} lists those of the library at hand.
 *
 * <p>Threads: one at a time. A client takes a copy.
 */
public final class ClientConfig {
  private final Map<String, String> values = new TreeMap<>();
  private Executor executor = defaultExecutor();
  private LogHandler logHandler;
  private LogLevel logLevel = LogLevel.ERROR;

  /** A configuration with the default values. */
  public ClientConfig() {}

  /**
   * Sets a value.
   *
   * @param name one of {@link #names()}
   * @param value as text
   * @return this configuration
   * @throws VastoNotFoundException if there is no such name
   * @throws VastoException {@link ErrorCode#INVALID_ARGUMENT} if the value does not parse
   */
  public ClientConfig set(String name, String value) {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(value, "value");
    withNative(config -> setIn(config, name, value));
    values.put(name, value);
    return this;
  }

  /**
   * Sets {@code masters}.
   *
   * @param masters host:port[,host:port...]
   * @return this configuration
   * @throws VastoException {@link ErrorCode#INVALID_ARGUMENT} if the value does not parse
   */
  public ClientConfig masters(String masters) {
    return set("masters", masters);
  }

  /**
   * Sets every {@code name = value} line of a text file; all or, on failure, none.
   *
   * @param file empty lines and lines that begin with # are skipped
   * @return this configuration
   * @throws VastoException {@link ErrorCode#IO_ERROR} if it cannot be read, {@link
   *     ErrorCode#NOT_FOUND} for an unknown name, {@link ErrorCode#INVALID_ARGUMENT} for a value
   *     that does not parse
   */
  public ClientConfig load(Path file) {
    Objects.requireNonNull(file, "file");
    withNative(
        config -> {
          Scratch scratch = Scratch.beginText(file.toString());
          scratch.check(
              Functions.api()
                  .vasto_config_load_file(config, scratch.text(file.toString()), scratch.err()));
          for (String name : names()) {
            values.put(name, getFrom(config, name));
          }
          return null;
        });
    return this;
  }

  /**
   * The value of a name.
   *
   * @param name one of {@link #names()}
   * @return what was set, or the default
   * @throws VastoNotFoundException if there is no such name
   */
  public String get(String name) {
    Objects.requireNonNull(name, "name");
    return withNative(config -> getFrom(config, name));
  }

  /**
   * The names that the library knows.
   *
   * @return the names
   */
  public static List<String> names() {
    List<String> names = new ArrayList<>();
    String name;
    while ((name = NativeMemory.text(Functions.api().vasto_config_key_at(names.size()))) != null) {
      names.add(name);
    }
    return names;
  }

  /**
   * Who completes the futures of asynchronous operations, and so runs what is hung on them.
   *
   * @param executor by default {@link ForkJoinPool#commonPool()}; with {@code Runnable::run} it is
   *     the client's own thread, which is faster and must not be held up then
   * @return this configuration
   */
  public ClientConfig executor(Executor executor) {
    this.executor = Objects.requireNonNull(executor, "executor");
    return this;
  }

  /**
   * Who receives log messages; by default nobody.
   *
   * @param level the least important messages that are wanted
   * @param handler who receives them
   * @return this configuration
   */
  public ClientConfig onLog(LogLevel level, LogHandler handler) {
    this.logLevel = Objects.requireNonNull(level, "level");
    this.logHandler = Objects.requireNonNull(handler, "handler");
    return this;
  }

  /**
   * The common pool also where {@link CompletableFuture} makes a thread for each task: on two
   * processors.
   */
  private static Executor defaultExecutor() {
    return ForkJoinPool.getCommonPoolParallelism() > 0
        ? ForkJoinPool.commonPool()
        : new CompletableFuture<Void>().defaultExecutor();
  }

  Executor executor() {
    return executor;
  }

  LogRelay.Registration registerLog() {
    return LogRelay.register(logHandler, logLevel);
  }

  /** Calls a function with a native configuration that has these values, and ends it. */
  <T> T withNative(LongFunction<T> user) {
    NativeApi api = Functions.api();
    Scratch scratch = Scratch.begin();
    scratch.check(api.vasto_config_create(scratch.out(0), scratch.err()));
    long config = scratch.result(0);
    try {
      values.forEach((name, value) -> setIn(config, name, value));
      return user.apply(config);
    } finally {
      api.vasto_config_destroy(config);
    }
  }

  private static Void setIn(long config, String name, String value) {
    Scratch scratch = Scratch.beginText(name, value);
    scratch.check(
        Functions.api()
            .vasto_config_set(config, scratch.text(name), scratch.text(value), scratch.err()));
    return null;
  }

  private static String getFrom(long config, String name) {
    Scratch scratch = Scratch.beginText(name);
    scratch.check(
        Functions.api()
            .vasto_config_get(config, scratch.text(name), scratch.out(0), scratch.err()));
    return NativeMemory.text(scratch.result(0));
  }
}
