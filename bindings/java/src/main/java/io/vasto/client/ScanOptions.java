// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import java.time.Duration;
import java.util.Objects;
import java.util.function.LongFunction;

/** How to scan. Immutable, for any number of scans by any threads. */
public final class ScanOptions {
  static final ScanOptions DEFAULTS = builder().build();

  private final long timeoutMs;
  private final long limit;
  private final boolean keysOnly;
  private final long pageBytes;
  private final Replica replica;
  private final long maxStalenessMs;
  private final Session session;
  private final byte[] resumeToken;

  private ScanOptions(Builder builder) {
    timeoutMs = builder.timeoutMs;
    limit = builder.limit;
    keysOnly = builder.keysOnly;
    pageBytes = builder.pageBytes;
    replica = builder.replica;
    maxStalenessMs = builder.maxStalenessMs;
    session = builder.session;
    resumeToken = builder.resumeToken;
  }

  /** Calls a function with native options, and ends them. */
  <T> T withNative(LongFunction<T> user) {
    NativeApi api = Functions.api();
    Scratch scratch = Scratch.begin(Scratch.sizeOf(resumeToken.length));
    scratch.check(api.vasto_scan_options_create(scratch.out(0), scratch.err()));
    long options = scratch.result(0);
    try {
      api.vasto_scan_options_set_timeout_ms(options, timeoutMs);
      api.vasto_scan_options_set_limit(options, limit);
      api.vasto_scan_options_set_keys_only(options, keysOnly ? 1 : 0);
      api.vasto_scan_options_set_page_bytes(options, pageBytes);
      api.vasto_scan_options_set_replica(options, replica.value());
      api.vasto_scan_options_set_max_staleness_ms(options, maxStalenessMs);
      if (session != null) {
        session.use(address -> api.vasto_scan_options_set_session(options, address));
      }
      if (resumeToken.length > 0) {
        long token = scratch.bytes(resumeToken);
        api.vasto_scan_options_set_resume_token(options, token, resumeToken.length);
      }
      return user.apply(options);
    } finally {
      api.vasto_scan_options_destroy(options);
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

  /** Makes {@link ScanOptions}. Not for several threads at once. */
  public static final class Builder {
    private long timeoutMs;
    private long limit;
    private boolean keysOnly;
    private long pageBytes;
    private Replica replica = Replica.PRIMARY;
    private long maxStalenessMs;
    private Session session;
    private byte[] resumeToken = {};

    private Builder() {}

    /**
     * How long one wait for rows may take. There is no limit on the whole scan.
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
     * The scan ends after this many rows.
     *
     * @param limit 0, the default: no limit
     * @return this builder
     */
    public Builder limit(long limit) {
      if (limit < 0) {
        throw new IllegalArgumentException("a negative limit: " + limit);
      }
      this.limit = limit;
      return this;
    }

    /**
     * Rows come without the bytes of their values; sizes and times are there.
     *
     * @param keysOnly the default is false
     * @return this builder
     */
    public Builder keysOnly(boolean keysOnly) {
      this.keysOnly = keysOnly;
      return this;
    }

    /**
     * About how many bytes of rows one answer of a store holds; a larger row still comes whole.
     *
     * @param pageBytes 0, the default: 1 MiB
     * @return this builder
     */
    public Builder pageBytes(long pageBytes) {
      if (pageBytes < 0) {
        throw new IllegalArgumentException("a negative page size: " + pageBytes);
      }
      this.pageBytes = pageBytes;
      return this;
    }

    /**
     * Which replica may answer, for all rows.
     *
     * @param replica the default is {@link Replica#PRIMARY}
     * @return this builder
     */
    public Builder replica(Replica replica) {
      this.replica = Objects.requireNonNull(replica, "replica");
      return this;
    }

    /**
     * As {@link ReadOptions.Builder#maxStaleness}, for each page at the moment when it is read.
     *
     * @param maxStaleness in milliseconds, rounded up; zero, the default: no bound
     * @return this builder
     */
    public Builder maxStaleness(Duration maxStaleness) {
      maxStalenessMs = Times.millis(maxStaleness);
      return this;
    }

    /**
     * Each page is a read of this session when it is fetched.
     *
     * @param session must be open when a scan begins; null, the default: none
     * @return this builder
     */
    public Builder session(Session session) {
      this.session = session;
      return this;
    }

    /**
     * The scan goes on where {@link Scan#resumeToken()} gave this token. It must have the same
     * prefix or range.
     *
     * @param token copied; empty, the default: from the beginning
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
    public ScanOptions build() {
      return new ScanOptions(this);
    }
  }
}
