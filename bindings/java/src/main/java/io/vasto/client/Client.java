// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import java.lang.ref.Reference;
import java.time.Duration;
import java.util.Objects;

/**
 * A connection to a cluster.
 *
 * <p>Close it when it is no longer needed; one that is forgotten is closed when it is collected.
 * Objects made from it may be closed before or after it, in any order: after its close their
 * operations fail with {@link VastoClosedException}.
 *
 * <p>Threads: any number at once.
 */
public final class Client implements AutoCloseable {
  private static final long CLOSE_MS = 1000;

  private final ClientCore core;

  private Client(ClientConfig config) {
    NativeApi api = Functions.api();
    LogRelay.Registration log = config.registerLog();
    boolean open = false;
    try {
      long client =
          config.withNative(
              nativeConfig -> {
                LogRelay.attach(log, nativeConfig);
                Scratch scratch = Scratch.begin();
                scratch.check(api.vasto_client_open(nativeConfig, scratch.out(0), scratch.err()));
                return scratch.result(0);
              });
      core = new ClientCore(this, client, config.executor(), log);
      open = true;
    } finally {
      if (!open) {
        log.end();
      }
    }
  }

  /**
   * Connects to the cluster of these masters. Waits for it up to 5 s; an interrupt does not end the
   * wait.
   *
   * @param masters host:port[,host:port...]
   * @return the client
   * @throws VastoUnavailableException if no master answered
   * @throws VastoException if it failed otherwise
   * @throws VastoLibraryException if libvasto could not be loaded
   */
  public static Client open(String masters) {
    return open(new ClientConfig().masters(masters));
  }

  /**
   * Connects to a cluster. Waits up to {@code connect_timeout_ms}; an interrupt does not end the
   * wait.
   *
   * @param config with {@code masters}
   * @return the client
   * @throws VastoUnavailableException if no master answered
   * @throws VastoException {@link ErrorCode#INVALID_ARGUMENT} without masters, or if it failed
   *     otherwise
   * @throws VastoLibraryException if libvasto could not be loaded
   */
  public static Client open(ClientConfig config) {
    return new Client(Objects.requireNonNull(config, "config"));
  }

  /**
   * Opens a keyspace, which must exist. Waits up to {@code timeout_ms}, usually not at all; an
   * interrupt does not end the wait.
   *
   * @param name of the keyspace
   * @return the keyspace
   * @throws VastoNotFoundException if there is none of the name
   * @throws VastoException {@link ErrorCode#INVALID_ARGUMENT} if no keyspace can have the name, or
   *     if it failed otherwise
   */
  public Keyspace keyspace(String name) {
    Objects.requireNonNull(name, "name");
    try {
      long client = core.handle().acquire();
      try {
        Scratch scratch = Scratch.beginText(name);
        scratch.check(
            Functions.api()
                .vasto_keyspace_open(client, scratch.text(name), scratch.out(0), scratch.err()));
        return new Keyspace(this, scratch.result(0));
      } finally {
        core.handle().release();
      }
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /**
   * The administration of the cluster.
   *
   * @return a view of this client
   */
  public Admin admin() {
    return new Admin(this);
  }

  /**
   * Closes the client as {@link #close(Duration)} with one second.
   *
   * @throws VastoException if the library fails; the client is closed all the same when it is
   *     collected
   */
  @Override
  public void close() {
    closeWithin(CLOSE_MS);
  }

  /**
   * Closes the client: refuses new operations, lets running ones go on for a time, and then ends
   * the rest with {@link VastoClosedException}. Every operation ends exactly once. A second close
   * does nothing.
   *
   * @param timeout in milliseconds, rounded up; zero: running operations end at once
   * @throws VastoException if the library fails
   */
  public void close(Duration timeout) {
    closeWithin(Times.millis(timeout));
  }

  private void closeWithin(long timeoutMs) {
    try {
      core.close(timeoutMs);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  ClientCore core() {
    return core;
  }
}
