// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import java.lang.ref.Reference;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;

/**
 * How to write. Immutable, for any number of writes by any threads; made once and kept, it costs a
 * write nothing.
 *
 * <pre>{@code
 * WriteOptions options = WriteOptions.builder().ttl(Duration.ofHours(1)).acks(Acks.QUORUM).build();
 * }</pre>
 */
public final class WriteOptions {
  private static final long NEVER = -1L;
  private static final int ACKS_KEYSPACE = -1;

  // Ends when this is collected.
  private final long address;

  private WriteOptions(Builder builder) {
    NativeApi api = Functions.api();
    Scratch scratch = Scratch.begin();
    scratch.check(api.vasto_write_options_create(scratch.out(0), scratch.err()));
    address = scratch.result(0);
    long options = address;
    new Handle("WriteOptions", options, api::vasto_write_options_destroy).ownedBy(this);
    api.vasto_write_options_set_timeout_ms(options, builder.timeoutMs);
    api.vasto_write_options_set_acks(options, builder.acks);
    api.vasto_write_options_set_updated_at_ns(options, builder.updatedAtNanos);
    api.vasto_write_options_set_value_type(options, builder.valueType);
    if (builder.expiresAtNanos != 0) {
      api.vasto_write_options_set_expires_at_ns(options, builder.expiresAtNanos);
    } else {
      api.vasto_write_options_set_ttl_seconds(options, builder.ttlSeconds);
    }
    if (builder.ifAbsent) {
      api.vasto_write_options_set_if_absent(options);
    } else if (builder.ifVersion != null) {
      api.vasto_write_options_set_if_version(options, builder.ifVersion);
    }
    if (builder.session != null) {
      builder.session.use(session -> api.vasto_write_options_set_session(options, session));
    }
    // Or it could be collected, and the options end, before this.
    Reference.reachabilityFence(this);
  }

  /** The native options, valid while {@code options} is reachable; 0 for null. */
  static long addressOf(WriteOptions options) {
    if (options == null) {
      return 0;
    }
    return options.address;
  }

  /**
   * Begins with the defaults.
   *
   * @return a builder
   */
  public static Builder builder() {
    return new Builder();
  }

  /** Makes {@link WriteOptions}. Not for several threads at once. */
  public static final class Builder {
    private long timeoutMs;
    private long ttlSeconds;
    private long expiresAtNanos;
    private long updatedAtNanos;
    private int valueType;
    private boolean ifAbsent;
    private Long ifVersion;
    private int acks = ACKS_KEYSPACE;
    private Session session;

    private Builder() {}

    /**
     * The deadline of the operation, from its start, retries included. Ignored in the options of
     * one entry of a batch.
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
     * The value expires this long after the write. Replaces an earlier time of expiry.
     *
     * @param ttl in seconds, rounded up; zero, the default: what the keyspace says
     * @return this builder
     */
    public Builder ttl(Duration ttl) {
      ttlSeconds = Times.seconds(ttl);
      expiresAtNanos = 0;
      return this;
    }

    /**
     * The value expires at this moment. Replaces an earlier time to live.
     *
     * @param nanos in nanoseconds since 1970-01-01 UTC, unsigned, such as the {@link
     *     Stat#expiresAtNanos()} of another value; 0: what the keyspace says
     * @return this builder
     */
    public Builder expiresAtNanos(long nanos) {
      expiresAtNanos = nanos;
      ttlSeconds = 0;
      return this;
    }

    /**
     * The value expires at this moment. Replaces an earlier time to live.
     *
     * @param moment kept in whole microseconds
     * @return this builder
     */
    public Builder expiresAt(Instant moment) {
      return expiresAtNanos(Times.nanos(moment));
    }

    /**
     * The value never expires, whatever the keyspace says.
     *
     * @return this builder
     */
    public Builder neverExpires() {
      return expiresAtNanos(NEVER);
    }

    /**
     * The event time of the write. The last event time wins: a write that is older than what is
     * stored changes nothing and fails with {@link ErrorCode#STALE_WRITE}.
     *
     * @param nanos in nanoseconds since 1970-01-01 UTC, unsigned, at most 10 s ahead of the store's
     *     clock; 0, the default: the store takes its own time
     * @return this builder
     */
    public Builder updatedAtNanos(long nanos) {
      updatedAtNanos = nanos;
      return this;
    }

    /**
     * The event time of the write, as {@link #updatedAtNanos}.
     *
     * @param moment the time
     * @return this builder
     */
    public Builder updatedAt(Instant moment) {
      return updatedAtNanos(Times.nanos(moment));
    }

    /**
     * The label stored with the value.
     *
     * @param type 0, the default, for plain bytes, or 64 and above
     * @return this builder
     */
    public Builder valueType(int type) {
      valueType = type;
      return this;
    }

    /**
     * The write happens only if the key does not exist, else {@link ErrorCode#ALREADY_EXISTS}.
     * Replaces another condition.
     *
     * @return this builder
     */
    public Builder ifAbsent() {
      ifAbsent = true;
      ifVersion = null;
      return this;
    }

    /**
     * The write happens only if the key exists with this version, else {@link
     * ErrorCode#STALE_WRITE}. Replaces another condition.
     *
     * @param version a {@link Value#version()}; 0 is {@link #ifAbsent()}
     * @return this builder
     */
    public Builder ifVersion(long version) {
      ifAbsent = false;
      ifVersion = version;
      return this;
    }

    /**
     * How many replicas must have the write before it is acknowledged. Ignored in the options of
     * one entry of a batch.
     *
     * @param acks by default what the keyspace says
     * @return this builder
     */
    public Builder acks(Acks acks) {
      this.acks = Objects.requireNonNull(acks, "acks").value();
      return this;
    }

    /**
     * The writes belong to this session. Ignored in the options of one entry of a batch.
     *
     * @param session may be closed before the options; null, the default: none
     * @return this builder
     */
    public Builder session(Session session) {
      this.session = session;
      return this;
    }

    /**
     * The options.
     *
     * @return the options
     * @throws VastoClosedException if the session is closed
     */
    public WriteOptions build() {
      return new WriteOptions(this);
    }
  }
}
