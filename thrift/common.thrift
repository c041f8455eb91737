// SPDX-License-Identifier: Apache-2.0
// What every service shares: result codes, identities, the one exception.
//
// Conventions of all IDL files. No field is `required`: an absent field has the default written
// here, so fields can be added and given up. Ids are never reused. Counts, sizes, times and
// checksums are unsigned; Thrift has no such integers, so their bits travel in i32 or i64. Names
// that end in _us are microseconds since the Unix epoch.
//
// protocol_version, in the first messages of a connection (register_store, watch_cluster): what
// meaning the sender gives to all messages; now 1. 0 or absent: the first version. Who is told a
// higher number than it knows refuses with NOT_SUPPORTED and names both.
namespace cpp vasto.thrift
namespace py vasto_thrift.common

// The numbers of core/base/status_codes.inc; an unknown number reads as INTERNAL.
enum Code {
  OK = 0,
  NOT_FOUND = 1,
  AT_END = 2,  // END in the table; a reserved word here
  INVALID_ARGUMENT = 3,
  TIMEOUT = 4,
  UNAVAILABLE = 5,
  BUSY = 6,
  STALE_WRITE = 7,
  RESIZING = 8,
  TOO_LARGE = 9,
  BUFFER_TOO_SMALL = 10,
  CORRUPTION = 11,
  IO_ERROR = 12,
  NO_SPACE = 13,
  NOT_SUPPORTED = 14,
  ALREADY_EXISTS = 15,
  CANCELLED = 16,
  CLOSED = 17,
  WRONG_THREAD = 18,
  FORKED = 19,
  PERMISSION = 20,
  TOO_OLD = 21,
  INTERNAL = 99,
}

// 16 bytes, most significant first (RFC 9562); empty or all zero: none.
typedef binary Uuid

// 52 bits of microseconds since the Unix epoch, then 12 bits of counter; unsigned. 0: not given.
typedef i64 EventTime

// A log: what one replica accepted from clients between two openings of its database. Random; 0: none.
typedef i64 LogId

// All changes of the log up to and including the sequence.
struct Position {
  1: LogId log = 0,
  2: i64 sequence = 0,
}

// A call that failed as a whole. A result of one key is in its response instead.
exception VastoError {
  1: Code code = Code.INTERNAL,
  2: string message,  // for people: what happened and what to do
}
