// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Objects;

/**
 * The C library libvasto itself.
 *
 * <p>It is loaded once for the process, when something first needs it: from the path that {@link
 * #load} was given, else from that in the environment variable {@code VASTO_LIBRARY}, else as
 * {@code libvasto.so.1} from where the dynamic linker finds it.
 */
public final class Vasto {
  private Vasto() {}

  /**
   * The version of the interface of a library.
   *
   * @param major 1
   * @param minor grows when something is added
   * @param patch grows otherwise
   */
  public record Version(int major, int minor, int patch) {}

  /**
   * Loads the library from a path, before anything else of this package is used.
   *
   * @param library the path of {@code libvasto.so.1}
   * @throws VastoLibraryException if it is not there, is too old, or is something else; another try
   *     is possible
   * @throws IllegalStateException if another one is loaded already
   */
  public static void load(Path library) {
    LibraryLoader.use(Objects.requireNonNull(library, "library").toString());
  }

  /**
   * The version of the interface of the library that is loaded.
   *
   * @return its numbers
   * @throws VastoLibraryException if it could not be loaded
   */
  public static Version version() {
    ByteBuffer numbers = ByteBuffer.allocateDirect(12).order(ByteOrder.nativeOrder());
    long address = NativeMemory.addressOf(numbers);
    Functions.api().vasto_version(address, address + 4, address + 8);
    return new Version(numbers.getInt(0), numbers.getInt(4), numbers.getInt(8));
  }

  /**
   * The product version and build, for people.
   *
   * @return as in "vasto 0.1.0 (abi 1.0.0)"
   * @throws VastoLibraryException if the library could not be loaded
   */
  public static String versionString() {
    return NativeMemory.text(Functions.api().vasto_version_string());
  }

  /**
   * The hash that places keys: XXH3, 64 bits; the same on every machine and in every version.
   *
   * @param data what to hash
   * @return the hash, unsigned
   * @throws VastoLibraryException if the library could not be loaded
   */
  public static long partitionHash(byte[] data) {
    Objects.requireNonNull(data, "data");
    Scratch scratch = Scratch.begin(Scratch.sizeOf(data.length));
    return Functions.api().vasto_partition_hash(scratch.bytes(data), data.length);
  }

  /**
   * The event time in a version.
   *
   * @param version a {@link Value#version()}, or what a write returned
   * @return the time
   * @throws VastoLibraryException if the library could not be loaded
   */
  public static Instant versionTime(long version) {
    return Times.instant(Functions.api().vasto_version_time_ns(version));
  }
}
