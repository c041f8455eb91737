// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

/** What a libvasto of version 1.0.0 may lack: bound when a watch is first opened. */
final class NativeWatchApi {
  native int vasto_watch_ready_async(long watch, long outFuture, long err);
}
