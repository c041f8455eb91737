// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import java.lang.ref.Reference;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import java.util.function.LongFunction;

/**
 * Administration of keyspaces and of the cluster. Every call needs a master and waits up to the
 * client's {@code timeout_ms}; an interrupt does not end that wait. Closing the client ends it.
 *
 * <p>Threads: any number at once.
 */
public final class Admin {
  private final Client client;

  Admin(Client client) {
    this.client = client;
  }

  /** What {@link #describe} tells about. */
  public enum Topic {
    /** The cluster: master, stores, keyspaces, health. */
    STATUS(0),
    /** Every store: id, addresses, state, disk, shards. */
    STORES(1),
    /** Every keyspace, in short. */
    KEYSPACES(2),
    /** One keyspace with its shards and replicas. */
    KEYSPACE(3),
    /** The numbers of {@link Admin#usage}. */
    USAGE(4);

    private final int value;

    Topic(int value) {
      this.value = value;
    }
  }

  /**
   * How full the cluster is, or what one keyspace may use and uses. The numbers are some seconds
   * old.
   *
   * @param capacityBytes of disk in all
   * @param freeBytes of disk
   * @param usedBytes of data, replicas counted once each
   * @param keys estimated, replicas not counted
   */
  public record Usage(long capacityBytes, long freeBytes, long usedBytes, long keys) {}

  /**
   * Starts to create a keyspace with one shard and one replica.
   *
   * @param name {@code [A-Za-z0-9_][A-Za-z0-9._-]*}, up to 128 characters
   * @return the operation; when it is done every open finds the keyspace
   * @throws ConditionFailedException {@link ErrorCode#ALREADY_EXISTS} if there is one
   * @throws VastoException if it failed otherwise
   */
  public AdminOperation createKeyspace(String name) {
    return createKeyspace(name, KeyspaceOptions.DEFAULTS);
  }

  /**
   * Starts to create a keyspace. What is wrong shows here if the master can tell, otherwise in the
   * operation.
   *
   * @param name {@code [A-Za-z0-9_][A-Za-z0-9._-]*}, up to 128 characters
   * @param options its shape
   * @return the operation; when it is done every open finds the keyspace
   * @throws ConditionFailedException {@link ErrorCode#ALREADY_EXISTS} if there is one
   * @throws VastoException {@link ErrorCode#INVALID_ARGUMENT} for an impossible name or shape, or
   *     if it failed otherwise
   */
  public AdminOperation createKeyspace(String name, KeyspaceOptions options) {
    Objects.requireNonNull(options, "options");
    return options.withNative(
        address ->
            start(
                name,
                (api, admin, text, out, err) ->
                    api.vasto_admin_create_keyspace(admin, text, address, out, err)));
  }

  /**
   * Starts to delete a keyspace with all its data, for ever.
   *
   * @param name of the keyspace
   * @return the operation
   * @throws VastoNotFoundException if there is none
   * @throws VastoException if it failed otherwise
   */
  public AdminOperation deleteKeyspace(String name) {
    return start(name, NativeApi::vasto_admin_delete_keyspace);
  }

  /**
   * Starts to compact every replica of a keyspace: drops what is deleted or expired from the disk.
   *
   * @param name of the keyspace
   * @return the operation
   * @throws VastoNotFoundException if there is none
   * @throws VastoException if it failed otherwise
   */
  public AdminOperation compactKeyspace(String name) {
    return start(name, NativeApi::vasto_admin_compact_keyspace);
  }

  /**
   * Describes something of the cluster as JSON: one object with {@code "schema": 1} and the names
   * that {@code vasto.h} lists under {@code vasto_admin_describe}.
   *
   * @param topic what to describe
   * @return the text of the object
   * @throws VastoException {@link ErrorCode#INVALID_ARGUMENT} if the topic needs a name, or if it
   *     failed otherwise
   */
  public String describe(Topic topic) {
    return describe(topic, null, null);
  }

  /**
   * Describes something of the cluster as JSON, as {@link #describe(Topic)}.
   *
   * @param topic what to describe
   * @param keyspace its name, for {@link Topic#KEYSPACE} and {@link Topic#USAGE}; null for the
   *     others
   * @param options of which only the timeout matters; null: the defaults
   * @return the text of the object
   * @throws VastoNotFoundException if there is no such keyspace
   * @throws VastoException if it failed otherwise
   */
  public String describe(Topic topic, String keyspace, ReadOptions options) {
    int what = topic.value;
    Value value =
        use(
            admin -> {
              Scratch scratch = Scratch.beginText(keyspace);
              long name = scratch.text(keyspace);
              long read = ReadOptions.addressOf(options);
              scratch.check(
                  Functions.api()
                      .vasto_admin_describe(
                          admin, what, name, read, scratch.out(0), scratch.err()));
              Reference.reachabilityFence(options);
              return Value.take(scratch.result(0));
            });
    return new String(value.bytes(), StandardCharsets.UTF_8);
  }

  /**
   * How full the cluster is.
   *
   * @return the numbers
   * @throws VastoException if it failed
   */
  public Usage usage() {
    return usage(null, null);
  }

  /**
   * How full the cluster is, or what one keyspace may use and uses.
   *
   * @param keyspace its name; null: the cluster
   * @param options of which only the timeout matters; null: the defaults
   * @return the numbers
   * @throws VastoNotFoundException if there is no such keyspace
   * @throws VastoException if it failed otherwise
   */
  public Usage usage(String keyspace, ReadOptions options) {
    return use(
        admin -> {
          Scratch scratch = Scratch.beginText(keyspace);
          scratch.check(
              Functions.api()
                  .vasto_admin_usage(
                      admin,
                      scratch.text(keyspace),
                      ReadOptions.addressOf(options),
                      scratch.out(0),
                      scratch.out(1),
                      scratch.out(2),
                      scratch.out(3),
                      scratch.err()));
          Reference.reachabilityFence(options);
          return new Usage(
              scratch.result(0), scratch.result(1), scratch.result(2), scratch.result(3));
        });
  }

  private interface Start {
    int start(NativeApi api, long client, long name, long out, long err);
  }

  private AdminOperation start(String name, Start start) {
    Objects.requireNonNull(name, "name");
    return use(
        admin -> {
          Scratch scratch = Scratch.beginText(name);
          long text = scratch.text(name);
          scratch.check(start.start(Functions.api(), admin, text, scratch.out(0), scratch.err()));
          return new AdminOperation(scratch.result(0));
        });
  }

  private <T> T use(LongFunction<T> user) {
    Handle handle = client.core().handle();
    try {
      long address = handle.acquire();
      try {
        return user.apply(address);
      } finally {
        handle.release();
      }
    } finally {
      Reference.reachabilityFence(client);
    }
  }
}
