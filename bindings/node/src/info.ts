// SPDX-License-Identifier: Apache-2.0

import { bytesOf, u64Of, type Bytes } from './arguments.js';
import { libraryAt, type LibraryVersion } from './native/library.js';

/** Which libvasto is loaded. */
export interface LibraryInfo {
  /** What was loaded: a path, or a name that the dynamic linker resolved. */
  readonly path: string;

  /** The version of its interface. */
  readonly version: LibraryVersion;

  /** Version and build of the product, for people. */
  readonly text: string;
}

/** Loads the library, if that was not done before, and tells about it. Throws a {@link LibraryError}. */
export function libraryInfo(library?: string): LibraryInfo {
  const { path, version, fn } = libraryAt(library);
  return { path, version, text: fn.vasto_version_string() ?? '' };
}

/** The hash that places keys: XXH3, 64 bits, the same on every machine and in every version. */
export function partitionHash(data: Bytes, library?: string): bigint {
  const bytes = bytesOf(data, 'data');
  return BigInt(libraryAt(library).fn.vasto_partition_hash(bytes, bytes.length));
}

/** The event time in a version, in nanoseconds since 1970-01-01 UTC; `0n` for version `0n`. */
export function versionTimeNs(version: bigint, library?: string): bigint {
  return BigInt(libraryAt(library).fn.vasto_version_time_ns(u64Of(version, 'version')));
}
