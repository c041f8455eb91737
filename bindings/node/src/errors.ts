// SPDX-License-Identifier: Apache-2.0

/** The codes of vasto.h by name: how a call ended. */
export const Status = {
  OK: 0,
  NOT_FOUND: 1,
  END: 2,
  INVALID_ARGUMENT: 3,
  TIMEOUT: 4,
  UNAVAILABLE: 5,
  BUSY: 6,
  STALE_WRITE: 7,
  RESIZING: 8,
  TOO_LARGE: 9,
  BUFFER_TOO_SMALL: 10,
  CORRUPTION: 11,
  IO_ERROR: 12,
  NO_SPACE: 13,
  NOT_SUPPORTED: 14,
  ALREADY_EXISTS: 15,
  CANCELLED: 16,
  CLOSED: 17,
  WRONG_THREAD: 18,
  FORKED: 19,
  PERMISSION: 20,
  TOO_OLD: 21,
  INTERNAL: 99,
} as const;

/** The name of a code. Codes that are younger than this package are `'INTERNAL'`. */
export type StatusName = keyof typeof Status;

const NAMES = new Map<number, StatusName>(Object.entries(Status).map(([name, status]) => [status, name as StatusName]));

/** The name of `status`; `'INTERNAL'` for one that this package does not know. */
export function statusName(status: number): StatusName {
  return NAMES.get(status) ?? 'INTERNAL';
}

/** What a {@link VastoError} says besides its message. */
export interface VastoErrorDetails {
  status: number;
  origin?: string;
  retryable?: boolean;
  inDoubt?: boolean;
}

/** A call failed. The wording of `message` is no part of the interface; `code` is. */
export class VastoError extends Error {
  override readonly name: string = 'VastoError';

  /** The name of the code, as `'TIMEOUT'`. */
  readonly code: StatusName;

  /** The number of the code, also when its name is not known here. */
  readonly status: number;

  /** `'client'` when the error arose in the library, else the address of the server that gave it; `''` if unknown. */
  readonly origin: string;

  /** Whether the same call may succeed if it is made again later. */
  readonly retryable: boolean;

  /** Whether a failed write may nevertheless have happened, or may still happen. */
  readonly inDoubt: boolean;

  constructor(message: string, details: VastoErrorDetails) {
    super(message);
    this.status = details.status;
    this.code = statusName(details.status);
    this.origin = details.origin ?? 'client';
    this.retryable = details.retryable ?? false;
    this.inDoubt = details.inDoubt ?? false;
  }
}

/** How one entry of a batch ended. */
export interface BatchEntryResult {
  /** The name of the entry's code; `'OK'` when it was written. */
  code: StatusName;

  /** The number of the entry's code. */
  status: number;

  /** The version that the entry got; `0n` if it failed. */
  version: bigint;
}

/** Some entries of a batch failed: `results` tells of each. The code is that of the first that failed. */
export class BatchError extends VastoError {
  override readonly name = 'BatchError';

  /** How each entry ended, in the order in which they were added. */
  readonly results: readonly BatchEntryResult[];

  constructor(message: string, details: VastoErrorDetails, results: readonly BatchEntryResult[]) {
    super(message, details);
    this.results = results;
  }
}

/** Some keys of a multiGet could not be read. The code is that of the first of them. */
export class MultiGetError<V> extends VastoError {
  override readonly name = 'MultiGetError';

  /** For each key its value, `undefined` when there is none, or the error that kept it away. */
  readonly results: readonly (V | undefined | VastoError)[];

  constructor(message: string, details: VastoErrorDetails, results: readonly (V | undefined | VastoError)[]) {
    super(message, details);
    this.results = results;
  }
}

/** libvasto could not be loaded; the message says which file was looked for and what to do. */
export class LibraryError extends Error {
  override readonly name = 'LibraryError';

  /** What was looked for. */
  readonly path: string;

  constructor(message: string, path: string, options?: ErrorOptions) {
    super(message, options);
    this.path = path;
  }
}
