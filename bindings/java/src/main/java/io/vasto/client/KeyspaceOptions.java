// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import java.time.Duration;
import java.util.Objects;
import java.util.function.LongFunction;

/** The shape of a new keyspace. Immutable. */
public final class KeyspaceOptions {
  static final KeyspaceOptions DEFAULTS = builder().build();

  private final int shards;
  private final int replicas;
  private final Acks acks;
  private final Sync sync;
  private final long ttlSeconds;
  private final String tags;

  private KeyspaceOptions(Builder builder) {
    shards = builder.shards;
    replicas = builder.replicas;
    acks = builder.acks;
    sync = builder.sync;
    ttlSeconds = builder.ttlSeconds;
    tags = builder.tags;
  }

  /** Calls a function with native options, and ends them. */
  <T> T withNative(LongFunction<T> user) {
    NativeApi api = Functions.api();
    Scratch scratch = Scratch.beginText(tags);
    scratch.check(api.vasto_keyspace_options_create(scratch.out(0), scratch.err()));
    long options = scratch.result(0);
    try {
      api.vasto_keyspace_options_set_shards(options, shards);
      api.vasto_keyspace_options_set_replicas(options, replicas);
      api.vasto_keyspace_options_set_acks(options, acks.value());
      api.vasto_keyspace_options_set_sync(options, sync.value());
      api.vasto_keyspace_options_set_ttl_seconds(options, ttlSeconds);
      api.vasto_keyspace_options_set_tags(options, scratch.text(tags));
      return user.apply(options);
    } finally {
      api.vasto_keyspace_options_destroy(options);
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

  /** Makes {@link KeyspaceOptions}. Not for several threads at once. */
  public static final class Builder {
    private int shards = 1;
    private int replicas = 1;
    private Acks acks = Acks.ONE;
    private Sync sync = Sync.NONE;
    private long ttlSeconds;
    private String tags = "";

    private Builder() {}

    /**
     * The number of shards.
     *
     * @param shards 1, the default, to 4096
     * @return this builder
     */
    public Builder shards(int shards) {
      this.shards = shards;
      return this;
    }

    /**
     * The number of copies of each shard.
     *
     * @param replicas 1, the default, to the number of stores
     * @return this builder
     */
    public Builder replicas(int replicas) {
      this.replicas = replicas;
      return this;
    }

    /**
     * When a write is acknowledged.
     *
     * @param acks the default is {@link Acks#ONE}
     * @return this builder
     */
    public Builder acks(Acks acks) {
      this.acks = Objects.requireNonNull(acks, "acks");
      return this;
    }

    /**
     * When a write is on the disk.
     *
     * @param sync the default is {@link Sync#NONE}
     * @return this builder
     */
    public Builder sync(Sync sync) {
      this.sync = Objects.requireNonNull(sync, "sync");
      return this;
    }

    /**
     * When a value expires whose write does not say.
     *
     * @param ttl in seconds, rounded up; zero, the default: never
     * @return this builder
     */
    public Builder ttl(Duration ttl) {
      ttlSeconds = Times.seconds(ttl);
      return this;
    }

    /**
     * Only stores with all these tags get replicas.
     *
     * @param tags such as "ssd,fast"; empty, the default: any store
     * @return this builder
     */
    public Builder tags(String tags) {
      this.tags = Objects.requireNonNull(tags, "tags");
      return this;
    }

    /**
     * The options.
     *
     * @return the options
     */
    public KeyspaceOptions build() {
      return new KeyspaceOptions(this);
    }
  }
}
