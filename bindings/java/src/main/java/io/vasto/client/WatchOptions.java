// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import java.time.Duration;
import java.util.function.LongFunction;

/** How to watch. Immutable, for any number of watches by any threads. */
public final class WatchOptions {
  static final WatchOptions DEFAULTS = builder().build();

  private final long timeoutMs;
  private final byte[] resumeToken;

  private WatchOptions(Builder builder) {
    timeoutMs = builder.timeoutMs;
    resumeToken = builder.resumeToken;
  }

  /** Calls a function with native options, and ends them. */
  <T> T withNative(LongFunction<T> user) {
    NativeApi api = Functions.api();
    Scratch scratch = Scratch.begin(Scratch.sizeOf(resumeToken.length));
    scratch.check(api.vasto_watch_options_create(scratch.out(0), scratch.err()));
    long options = scratch.result(0);
    try {
      api.vasto_watch_options_set_timeout_ms(options, timeoutMs);
      if (resumeToken.length > 0) {
        long token = scratch.bytes(resumeToken);
        api.vasto_watch_options_set_resume_token(options, token, resumeToken.length);
      }
      return user.apply(options);
    } finally {
      api.vasto_watch_options_destroy(options);
    }
  }

  /**
   * Begins with the defaults.
   *
   * @return a builder
   */
  public static Builder builder() {
    return new Builder();
  }

  /** Makes {@link WatchOptions}. Not for several threads at once. */
  public static final class Builder {
    private long timeoutMs;
    private byte[] resumeToken = {};

    private Builder() {}

    /**
     * How long {@link Keyspace#watch(byte[], WatchOptions)} may wait.
     *
     * @param timeout in milliseconds, rounded up; zero, the default: the client's {@code
     *     timeout_ms}
     * @return this builder
     */
    public Builder timeout(Duration timeout) {
      timeoutMs = Times.millis(timeout);
      return this;
    }

    /**
     * The watch goes on behind the changes that were handed out when {@link Watch#resumeToken()}
     * gave this token.
     *
     * @param token copied; empty, the default: from now on
     * @return this builder
     */
    public Builder resumeToken(byte[] token) {
      resumeToken = token.clone();
      return this;
    }

    /**
     * The options.
     *
     * @return the options
     */
    public WatchOptions build() {
      return new WatchOptions(this);
    }
  }
}
