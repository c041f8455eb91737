// SPDX-License-Identifier: Apache-2.0
/**
 * The client of the Vasto distributed key-value store, over the C library libvasto.
 *
 * <p>{@link io.vasto.client.Client} connects to a cluster, {@link io.vasto.client.Keyspace} reads
 * and writes, {@link io.vasto.client.Admin} creates keyspaces. Failures are {@link
 * io.vasto.client.VastoException}.
 */
package io.vasto.client;
