// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import java.lang.ref.Reference;
import java.time.Duration;
import java.util.Objects;

/**
 * How to read. Immutable, for any number of reads by any threads; made once and kept, it costs a
 * read nothing.
 *
 * <pre>{@code
 * ReadOptions options = ReadOptions.builder().replica(Replica.NEAREST).timeout(Duration.ofSeconds(1)).build();
 * }</pre>
 */
public final class ReadOptions {
  // Ends when this is collected.
  private final long address;

  private ReadOptions(Builder builder) {
    NativeApi api = Functions.api();
    Scratch scratch = Scratch.begin();
    scratch.check(api.vasto_read_options_create(scratch.out(0), scratch.err()));
    address = scratch.result(0);
    long options = address;
    new Handle("ReadOptions", options, api::vasto_read_options_destroy).ownedBy(this);
    api.vasto_read_options_set_timeout_ms(options, builder.timeoutMs);
    api.vasto_read_options_set_replica(options, builder.replica.value());
    api.vasto_read_options_set_max_staleness_ms(options, builder.maxStalenessMs);
    api.vasto_read_options_set_hedge(options, builder.hedge ? 1 : 0);
    if (builder.session != null) {
      builder.session.use(session -> api.vasto_read_options_set_session(options, session));
    }
    // Or it could be collected, and the options end, before this.
    Reference.reachabilityFence(this);
  }

  /** The native options, valid while {@code options} is reachable; 0 for null. */
  static long addressOf(ReadOptions options) {
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

  /** Makes {@link ReadOptions}. Not for several threads at once. */
  public static final class Builder {
    private long timeoutMs;
    private Replica replica = Replica.PRIMARY;
    private long maxStalenessMs;
    private boolean hedge;
    private Session session;

    private Builder() {}

    /**
     * The deadline of the operation, from its start, retries included.
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
     * Which replica may answer. A replica that cannot is passed over.
     *
     * @param replica the default is {@link Replica#PRIMARY}
     * @return this builder
     */
    public Builder replica(Replica replica) {
      this.replica = Objects.requireNonNull(replica, "replica");
      return this;
    }

    /**
     * With {@link Replica#ANY} or {@link Replica#NEAREST}: a replica answers only if it lacks
     * nothing that the replicas before it had so long ago.
     *
     * @param maxStaleness in milliseconds, rounded up; zero, the default: no bound
     * @return this builder
     */
    public Builder maxStaleness(Duration maxStaleness) {
      maxStalenessMs = Times.millis(maxStaleness);
      return this;
    }

    /**
     * With {@link Replica#ANY} or {@link Replica#NEAREST}: when the first replica is slow, a second
     * one is asked too.
     *
     * @param hedge the default is false
     * @return this builder
     */
    public Builder hedge(boolean hedge) {
      this.hedge = hedge;
      return this;
    }

    /**
     * The reads belong to this session.
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
    public ReadOptions build() {
      return new ReadOptions(this);
    }
  }
}
