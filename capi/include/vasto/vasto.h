// SPDX-License-Identifier: Apache-2.0
//
// vasto.h: the C interface of libvasto, the client library of the Vasto distributed key-value
// store.
//
// This header is the authoritative description of the interface; manual pages and bindings follow
// it. It is C99 and C++17, includes nothing but stddef.h, stdint.h and stdbool.h, and everything it
// declares is found by name in libvasto.so.1.
//
// A first look (error handling left out):
//
//   vasto_config_t* config;      vasto_config_create(&config, NULL);
//   vasto_config_set(config, "masters", "127.0.0.1:9333", NULL);
//   vasto_client_t* client;      vasto_client_open(config, &client, NULL);
//   vasto_keyspace_t* ks;        vasto_keyspace_open(client, "users", &ks, NULL);
//   vasto_key_t key = vasto_make_key("k1", 2);
//   vasto_put(ks, &key, "hello", 5, NULL, NULL, NULL);
//   vasto_value_t* value;        vasto_get(ks, &key, NULL, &value, NULL);
//   fwrite(vasto_value_data(value), 1, vasto_value_size(value), stdout);
//   vasto_value_destroy(value);  vasto_keyspace_destroy(ks);
//   vasto_client_close(client, 1000, NULL);  vasto_client_destroy(client);
//   vasto_config_destroy(config);
//
// ERRORS
//   Every function that can fail, or ever could, returns a vasto_status_t and takes, as its last
//   argument, `vasto_error_t** err`. err may be NULL. It is written only on failure, and then the
//   error is owned by the caller until vasto_error_destroy. NOT_FOUND, END and the TIMEOUT of a
//   pure wait (vasto_future_wait, vasto_queue_next, vasto_admin_op_wait) are plain answers: they
//   allocate no error object. There is no "last error" state. On failure, and for NOT_FOUND and
//   END, out arguments that are handles are set to NULL, and out arguments that are numbers to 0,
//   unless the function says otherwise. An out argument documented as "may be NULL" is skipped
//   then.
//
//   Codes that *every* function with a status may return, not repeated below: INVALID_ARGUMENT (a
//   NULL handle, a NULL pointer with a size other than 0, an impossible option), CLOSED (after
//   vasto_client_close), FORKED, NO_SPACE (out of memory) and INTERNAL.
//   "Network codes", named so below: TIMEOUT (the deadline passed), UNAVAILABLE (no replica or
//   master could be reached, or fewer replicas than a write's acks need), BUSY (overload: try
//   later), RESIZING, CORRUPTION (a checksum did not match), IO_ERROR, PERMISSION, CANCELLED,
//   NOT_FOUND (only if said) and NOT_SUPPORTED (the server is older than the request).
//
// OWNERSHIP, in four words
//   borrowed     valid for the duration of the call (or, where said, up to a named later call);
//   copied       the library made its own copy: the original may go at once;
//   owned by X until Y   X must call Y, exactly once;
//   transferred  the receiver is the new owner, whatever the function returns.
//   Arguments are always borrowed; configurations and options are copied at use. Results are always
//   handles with their own _destroy, so nothing is ever given to free(). Every _destroy takes NULL
//   as a no-op, returns nothing and cannot fail. Children (keyspaces, iterators, futures,
//   operations) keep what they need of their client alive, so handles may be destroyed in any
//   order. Bytes: a (pointer, size) pair whose size is 0 may have a NULL pointer. Text arguments
//   are NUL-terminated UTF-8.
//
// THREADS
//   class     objects                          may be used by
//   any       client, keyspace, session,       any number of threads at once
//             queue
//   setup     config, *_options                one thread while it is being changed; any number of
//                                              threads once nobody changes it any more
//   single    batch, iter                      one thread at a time
//   watch     watch                            next, ready_async, resume_token: one thread at a
//                                              time; destroy: any thread, also while a next waits
//   future    future                           wait, status, cancel: any threads; take: one thread,
//                                              once; destroy: when no other call on it is running
//   shared    value, error, batch_result,      any number of threads, read-only; destroy as future
//             admin_op
//   "Threads:" below names the class. "Blocks:" says how long a call may wait; a call without it
//   never waits for the network. Time limits: on options, 0 means the default of the client
//   ("timeout_ms" of its configuration); on waits, 0 polls and a negative number waits without
//   limit.
//
// PROCESS
//   The library has no global state, reads no environment, installs no signal handlers, and writes
//   neither to stdout nor to stderr. A process may have any number of clients. After fork() the
//   child must not use handles of its parent: its calls return FORKED, its _destroy calls leave the
//   memory alone. The library is never unloaded (it owns threads). Memory that runs out while
//   something is made here is NO_SPACE; under an operation that has begun it ends the process.
//
// VERSIONS
//   Nothing declared here changes or goes away while the library is called libvasto.so.1; a
//   behaviour that must change gets a new name. Unknown status codes are to be treated as INTERNAL,
//   so that new codes may come. Define VASTO_API_VERSION (MMmmpp) before the include to hide what
//   is younger. Reserved for later 1.x headers, not to be used for names of your own:
//   vasto_admin_resize_keyspace, vasto_admin_replace_node and all names that begin with vasto_ or
//   VASTO_.

#ifndef VASTO_VASTO_H_
#define VASTO_VASTO_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The version of the interface this header describes, as MMmmpp.
#define VASTO_VERSION_MAJOR 1
#define VASTO_VERSION_MINOR 1
#define VASTO_VERSION_PATCH 0
#define VASTO_VERSION_CODE 10100

// What the program wants to see: unset means everything.
#ifndef VASTO_API_VERSION
#define VASTO_API_VERSION VASTO_VERSION_CODE
#endif

// VASTO_API: a function of the library; none ever throws. VASTO_STATUS: one whose result has to be
// looked at.
#if defined(__GNUC__)
#define VASTO_API __attribute__((visibility("default"), nothrow))
#define VASTO_STATUS \
  __attribute__((visibility("default"), nothrow, warn_unused_result)) vasto_status_t
#else
#define VASTO_API
#define VASTO_STATUS vasto_status_t
#endif

#ifdef __cplusplus
extern "C" {
#endif

// ------------------------------------------------------------------------------------------------
// Constants
// ------------------------------------------------------------------------------------------------

// The result of a call; one of the codes below. New codes may appear: treat unknown ones as
// VASTO_INTERNAL. Since 1.0.
typedef int32_t vasto_status_t;

#define VASTO_OK 0                 // Done.
#define VASTO_NOT_FOUND 1          // No such key, keyspace, entry or configuration name.
#define VASTO_END 2                // The scan has no more rows.
#define VASTO_INVALID_ARGUMENT 3   // The call can never succeed as it was made.
#define VASTO_TIMEOUT 4            // The deadline passed; see vasto_error_is_in_doubt for writes.
#define VASTO_UNAVAILABLE 5        // No master, or not enough replicas, could be reached.
#define VASTO_BUSY 6               // Overloaded, or the object is in use: try again later.
#define VASTO_STALE_WRITE 7        // A newer value is stored, or the version did not match.
#define VASTO_RESIZING 8           // The keyspace is changing shape and could not serve this now.
#define VASTO_TOO_LARGE 9          // Key, value, batch or name over its limit.
#define VASTO_BUFFER_TOO_SMALL 10  // The caller's buffer; the needed size was reported.
#define VASTO_CORRUPTION 11        // Stored or received bytes fail their checksum.
#define VASTO_IO_ERROR 12          // A disk or network operation failed for good.
#define VASTO_NO_SPACE 13          // Out of disk (at a store) or of memory (here).
#define VASTO_NOT_SUPPORTED 14     // The server, or this build, cannot do that.
#define VASTO_ALREADY_EXISTS 15    // The key (put-if-absent) or the keyspace exists.
#define VASTO_CANCELLED 16         // Cancelled by vasto_future_cancel or a destroy.
#define VASTO_CLOSED 17            // The client is closed.
#define VASTO_WRONG_THREAD 18      // A call that may wait was made inside a callback.
#define VASTO_FORKED 19            // The handle belongs to the parent process.
#define VASTO_PERMISSION 20        // The server refused the caller.
#define VASTO_TOO_OLD 21           // No server remembers what came after the watch's token.
#define VASTO_INTERNAL 99          // A defect, or a code younger than this header.

// Limits that servers enforce; a longer key or value is TOO_LARGE. Since 1.0.
#define VASTO_MAX_KEY_SIZE 65536u       // 64 KiB; a key of 0 bytes is a key
#define VASTO_MAX_VALUE_SIZE 67108864u  // 64 MiB; a value of 0 bytes is a value
#define VASTO_MAX_KEYSPACE_NAME 128u    // [A-Za-z0-9_][A-Za-z0-9._-]*

// Value types, a label stored with a value: 0 to 63 belong to the library, 64 and above mean
// whatever the application wants. Since 1.0.
#define VASTO_TYPE_BYTES 0         // Plain bytes; the default.
#define VASTO_TYPE_APPLICATION 64  // The first of the application's own types.

// Flags of vasto_key_t and vasto_kv_t. Since 1.0.
#define VASTO_KEY_HAS_PARTITION_HASH 1u  // partition_hash is meant; else the hash of the key.
#define VASTO_KV_DELETED 2u              // Of a change: the key was deleted; there is no value.

// Which replica may answer a read. Since 1.0.
#define VASTO_REPLICA_PRIMARY 0  // The first that can be reached: fresh and monotonic; the default.
#define VASTO_REPLICA_ANY 1      // Any, the reads spread over all: may be behind the primary.
#define VASTO_REPLICA_NEAREST 2  // One on this host, else the quickest to reach: as ANY.

// What a merge does with the value and its operand. The first six work on numbers as decimal text,
// so that values read like any other: an int64, or a float64 as strtod(3) reads it in the C locale,
// finite and without hex; white space around it does not count. Without a value ADD begins at 0,
// MIN and MAX at the operand. Since 1.0.
#define VASTO_MERGE_ADD_INT64 1
#define VASTO_MERGE_MIN_INT64 2
#define VASTO_MERGE_MAX_INT64 3
#define VASTO_MERGE_ADD_FLOAT64 4
#define VASTO_MERGE_MIN_FLOAT64 5
#define VASTO_MERGE_MAX_FLOAT64 6
#define VASTO_MERGE_APPEND 7  // The operand comes behind the value, whatever both are.

// When a write to a keyspace is acknowledged: how many replicas have it. Since 1.0.
#define VASTO_ACKS_ONE 0
#define VASTO_ACKS_QUORUM 1
#define VASTO_ACKS_ALL 2
#define VASTO_ACKS_KEYSPACE (-1)  // Of a write: what the keyspace says.

// When a write to a keyspace reaches the disk of a replica. Since 1.0.
#define VASTO_SYNC_NONE 0      // When the operating system writes it back; the default.
#define VASTO_SYNC_INTERVAL 1  // Within about a second.
#define VASTO_SYNC_ALWAYS 2    // Before it is acknowledged.

// What vasto_admin_describe tells about. Since 1.0.
#define VASTO_DESCRIBE_STATUS 0     // the cluster: master, stores, keyspaces, health
#define VASTO_DESCRIBE_STORES 1     // every store: id, addresses, state, disk, shards
#define VASTO_DESCRIBE_KEYSPACES 2  // every keyspace, in short
#define VASTO_DESCRIBE_KEYSPACE 3   // one keyspace with its shards and replicas
#define VASTO_DESCRIBE_USAGE 4      // the numbers of vasto_admin_usage

// Levels of log messages. Since 1.0.
#define VASTO_LOG_DEBUG 0
#define VASTO_LOG_INFO 1
#define VASTO_LOG_WARNING 2
#define VASTO_LOG_ERROR 3

// ------------------------------------------------------------------------------------------------
// Types
// ------------------------------------------------------------------------------------------------

// Handles. Their contents are private; they are used by pointer only. Since 1.0.
typedef struct vasto_error_t vasto_error_t;                        // why a call failed
typedef struct vasto_config_t vasto_config_t;                      // how to open a client
typedef struct vasto_client_t vasto_client_t;                      // a connection to a cluster
typedef struct vasto_keyspace_t vasto_keyspace_t;                  // a named map of the cluster
typedef struct vasto_keyspace_options_t vasto_keyspace_options_t;  // the shape of a new keyspace
typedef struct vasto_session_t vasto_session_t;                    // what reads must not go behind
typedef struct vasto_read_options_t vasto_read_options_t;
typedef struct vasto_write_options_t vasto_write_options_t;
typedef struct vasto_scan_options_t vasto_scan_options_t;
typedef struct vasto_watch_options_t vasto_watch_options_t;
typedef struct vasto_value_t vasto_value_t;                // a value that was read
typedef struct vasto_batch_t vasto_batch_t;                // writes to be sent together
typedef struct vasto_batch_result_t vasto_batch_result_t;  // their results, one by one
typedef struct vasto_iter_t vasto_iter_t;                  // a running scan
typedef struct vasto_watch_t vasto_watch_t;                // a running watch
typedef struct vasto_future_t vasto_future_t;              // the result of an operation to come
typedef struct vasto_queue_t vasto_queue_t;                // where futures appear when done
typedef struct vasto_admin_op_t vasto_admin_op_t;          // a running administrative operation

// Some bytes. size 0 allows data NULL. Layout frozen. Since 1.0.
typedef struct vasto_slice_t {
  const void* data;
  size_t size;
} vasto_slice_t;

// A key, and optionally where it lives. By default a key lives in the shard its own hash selects.
// With VASTO_KEY_HAS_PARTITION_HASH it lives where partition_hash says (vasto_partition_hash of
// whatever is to stay together); every later access must then give the same hash. reserved must be
// 0, unknown flags are INVALID_ARGUMENT. Layout frozen. Since 1.0.
typedef struct vasto_key_t {
  vasto_slice_t key;
  uint64_t partition_hash;
  uint32_t flags;  // VASTO_KEY_*
  uint32_t reserved;
} vasto_key_t;

// One row of a scan. In a keys-only scan value.data is NULL and value.size is still the full size
// of the value; otherwise value.data is not NULL, even for a value of 0 bytes. partition_hash is
// meaningful with VASTO_KEY_HAS_PARTITION_HASH in flags and then part of the key (vasto_key_of).
// version and the two times are as in vasto_value_version, _updated_at_ns and _expires_at_ns.
// Layout frozen. Since 1.0.
typedef struct vasto_kv_t {
  vasto_slice_t key;
  vasto_slice_t value;
  uint64_t partition_hash;
  uint64_t version;
  uint64_t updated_at_ns;
  uint64_t expires_at_ns;
  uint32_t type;   // VASTO_TYPE_* or the application's
  uint32_t flags;  // VASTO_KEY_*; later versions may set more bits
} vasto_kv_t;

// Receives log messages of a client: one line of UTF-8 without a line end, borrowed for the call.
// Runs on any library thread, or on the thread inside a call of the library; several may run at
// once. Must not call the library. Since 1.0.
typedef void (*vasto_log_callback_t)(void* user_data, int32_t level, const char* message);

// Learns that `future` is done; see vasto_future_on_ready. Since 1.0.
typedef void (*vasto_future_callback_t)(vasto_future_t* future, void* user_data);

// The key made of `size` bytes at `data`, which stay borrowed as long as the key is used.
// Inline; not in the library. Since 1.0.
static inline vasto_key_t vasto_make_key(const void* data, size_t size) {
  vasto_key_t key;
  key.key.data = data;
  key.key.size = size;
  key.partition_hash = 0;
  key.flags = 0;
  key.reserved = 0;
  return key;
}

// The same with an explicit partition hash. Inline. Since 1.0.
static inline vasto_key_t vasto_make_key_in(
    const void* data, size_t size, uint64_t partition_hash) {
  vasto_key_t key = vasto_make_key(data, size);
  key.partition_hash = partition_hash;
  key.flags = VASTO_KEY_HAS_PARTITION_HASH;
  return key;
}

// The key of a row, with its partition hash if it has one; borrows the row's bytes. Inline.
// Since 1.0.
static inline vasto_key_t vasto_key_of(const vasto_kv_t* row) {
  vasto_key_t key = vasto_make_key(row->key.data, row->key.size);
  key.partition_hash = row->partition_hash;
  key.flags = row->flags & VASTO_KEY_HAS_PARTITION_HASH;
  return key;
}

// ------------------------------------------------------------------------------------------------
// Library
// ------------------------------------------------------------------------------------------------

// The interface version of the library at hand, which may be younger than this header. Each
// argument may be NULL.
// Threads: any. Since 1.0.
VASTO_API void vasto_version(int32_t* out_major, int32_t* out_minor, int32_t* out_patch);

// The product version and build, for people, as in "vasto 0.1.0 (abi 1.0.0)". Valid for ever.
// Threads: any. Since 1.0.
VASTO_API const char* vasto_version_string(void);

// The name of a code without its prefix, as in "NOT_FOUND"; "INTERNAL" for unknown codes. Never
// NULL, valid for ever.
// Threads: any. Since 1.0.
VASTO_API const char* vasto_status_name(vasto_status_t code);

// Whether the same call may succeed if it is made again later: TIMEOUT, UNAVAILABLE, BUSY,
// RESIZING. The library has itself retried until the deadline already.
// Threads: any. Since 1.0.
VASTO_API bool vasto_status_is_retryable(vasto_status_t code);

// The hash that places keys: XXH3, 64 bits, of `size` bytes at `data` (borrowed). The same on every
// machine and in every version.
// Threads: any. Since 1.0.
VASTO_API uint64_t vasto_partition_hash(const void* data, size_t size);

// The event time in a version (vasto_value_version, out_version of writes), in nanoseconds since
// 1970-01-01 UTC; 0 for version 0.
// Threads: any. Since 1.0.
VASTO_API uint64_t vasto_version_time_ns(uint64_t version);

// ------------------------------------------------------------------------------------------------
// Error
// ------------------------------------------------------------------------------------------------

// The code, the one the failing call returned. INTERNAL for NULL.
// Threads: shared. Since 1.0.
VASTO_API vasto_status_t vasto_error_code(const vasto_error_t* error);

// What happened, one line for people, UTF-8; "" for NULL. Owned by the error until its destroy. The
// wording is no part of the interface.
// Threads: shared. Since 1.0.
VASTO_API const char* vasto_error_message(const vasto_error_t* error);

// vasto_status_is_retryable of the code.
// Threads: shared. Since 1.0.
VASTO_API bool vasto_error_is_retryable(const vasto_error_t* error);

// Whether a failed write may nevertheless have happened, or may still happen: it was sent and no
// answer came, or it is done but too few replicas confirmed it in time. A put with an explicit
// event time may be repeated safely. Always false for reads.
// Threads: shared. Since 1.0.
VASTO_API bool vasto_error_is_in_doubt(const vasto_error_t* error);

// Where the error arose: "client" (this library), or the address of the server that answered with
// it; "" if unknown. Owned by the error until its destroy.
// Threads: shared. Since 1.0.
VASTO_API const char* vasto_error_origin(const vasto_error_t* error);

// Ends an error. NULL is a no-op.
// Threads: shared. Since 1.0.
VASTO_API void vasto_error_destroy(vasto_error_t* error);

// ------------------------------------------------------------------------------------------------
// Config: what a client is opened with, as names and values
// ------------------------------------------------------------------------------------------------
//
// Names (vasto_config_key_at lists them), with the value used when nothing is set:
//   masters                ""        host:port[,host:port...]; must be set before the open
//   timeout_ms             10000     the deadline of an operation whose options give none
//   connect_timeout_ms     5000      how long vasto_client_open may take
//   connections_per_store  0         pipelined connections to each store; 0 chooses by the machine
//   io_threads             0         threads for the network; 0 chooses by the machine
//   unix_sockets           true      prefer a store's unix socket when it is on this machine
// An unknown name is NOT_FOUND, a value that does not parse INVALID_ARGUMENT, both at once and not
// only at the open.

// A configuration with default values. *out_config is owned by the caller until
// vasto_config_destroy.
// Threads: any. Since 1.0.
VASTO_STATUS vasto_config_create(vasto_config_t** out_config, vasto_error_t** err);

// Sets `key` to `value`; both are copied.
// Threads: setup. Codes: OK, NOT_FOUND (with an error object), INVALID_ARGUMENT. Since 1.0.
VASTO_STATUS vasto_config_set(
    vasto_config_t* config, const char* key, const char* value, vasto_error_t** err);

// The value of `key`. *out_value is owned by the configuration until the next set, load or destroy.
// Threads: setup. Codes: OK, NOT_FOUND. Since 1.0.
VASTO_STATUS vasto_config_get(
    const vasto_config_t* config, const char* key, const char** out_value, vasto_error_t** err);

// Sets every `name = value` line of a text file; empty lines and lines that begin with # are
// skipped. Either all lines are taken or, on failure, none.
// Threads: setup. Blocks: on the disk. Codes: OK, IO_ERROR (unreadable), NOT_FOUND (unknown name,
// with an error object that gives the line), INVALID_ARGUMENT. Since 1.0.
VASTO_STATUS vasto_config_load_file(vasto_config_t* config, const char* path, vasto_error_t** err);

// The index-th name, from 0; NULL past the last one. Valid for ever.
// Threads: any. Since 1.0.
VASTO_API const char* vasto_config_key_at(size_t index);

// Where clients opened with this configuration send messages of at least `level`; NULL, the
// default, drops them. user_data is handed through and must stay valid until those clients and
// everything made from them are destroyed.
// Threads: setup. Since 1.0.
VASTO_API void vasto_config_set_log_callback(
    vasto_config_t* config, vasto_log_callback_t callback, void* user_data, int32_t level);

// Ends a configuration; clients opened with it are not affected. NULL is a no-op.
// Threads: setup. Since 1.0.
VASTO_API void vasto_config_destroy(vasto_config_t* config);

// ------------------------------------------------------------------------------------------------
// Client
// ------------------------------------------------------------------------------------------------

// Connects to the cluster whose masters are in `config` (copied) and learns its map. From then on
// reads and writes need no master. *out_client is owned by the caller until vasto_client_destroy.
// Threads: any. Blocks: up to connect_timeout_ms. Codes: OK, INVALID_ARGUMENT (no masters),
// UNAVAILABLE (no master answered), WRONG_THREAD, network codes. Since 1.0.
VASTO_STATUS vasto_client_open(
    const vasto_config_t* config, vasto_client_t** out_client, vasto_error_t** err);

// Closes: refuses new operations with CLOSED, lets running ones finish for up to timeout_ms (0: not
// at all, negative: without limit), then completes the rest with CLOSED. Every operation completes
// exactly once, and every callback has returned when this returns. A second close is OK at once.
// Values, batch results and rows already in hand stay valid.
// Threads: any. Blocks: as said. Codes: OK, WRONG_THREAD (inside a callback; nothing was closed).
// Since 1.0.
VASTO_STATUS vasto_client_close(vasto_client_t* client, int64_t timeout_ms, vasto_error_t** err);

// Ends a client; closes it first, as with timeout 0, if that was not done. Allowed while children
// exist: their calls return CLOSED. Inside a callback it does not wait. NULL is a no-op.
// Threads: no other call on the client may be running. Since 1.0.
VASTO_API void vasto_client_destroy(vasto_client_t* client);

// ------------------------------------------------------------------------------------------------
// Keyspace
// ------------------------------------------------------------------------------------------------

// Opens the keyspace `name` (copied), which must exist. The handle stands for the keyspace that had
// the name then: should it be deleted, and even created again, calls return NOT_FOUND and a new
// open finds the new one. *out_keyspace is owned by the caller until vasto_keyspace_destroy.
// Threads: any. Blocks: up to the client's timeout_ms, usually not at all. Codes: OK, NOT_FOUND,
// INVALID_ARGUMENT (no possible name), WRONG_THREAD, network codes. Since 1.0.
VASTO_STATUS vasto_keyspace_open(
    vasto_client_t* client, const char* name, vasto_keyspace_t** out_keyspace, vasto_error_t** err);

// The name. Owned by the keyspace until its destroy; "" for NULL.
// Threads: any. Since 1.0.
VASTO_API const char* vasto_keyspace_name(const vasto_keyspace_t* keyspace);

// The id, a uuid as text, which no other keyspace ever has. Owned by the keyspace until its
// destroy; "" for NULL.
// Threads: any. Since 1.0.
VASTO_API const char* vasto_keyspace_id(const vasto_keyspace_t* keyspace);

// The number of shards the client knows of at this moment.
// Threads: any. Since 1.0.
VASTO_API uint32_t vasto_keyspace_shard_count(const vasto_keyspace_t* keyspace);

// The number of replicas of each shard the keyspace asks for.
// Threads: any. Since 1.0.
VASTO_API uint32_t vasto_keyspace_replica_count(const vasto_keyspace_t* keyspace);

// The shard, from 0, in which `key` (borrowed) lives at this moment; 0 for NULL arguments.
// Threads: any. Since 1.0.
VASTO_API uint32_t vasto_keyspace_shard_of(
    const vasto_keyspace_t* keyspace, const vasto_key_t* key);

// Ends a keyspace handle (not the keyspace). Running operations are not affected. NULL is a no-op.
// Threads: no other call on the handle may be running. Since 1.0.
VASTO_API void vasto_keyspace_destroy(vasto_keyspace_t* keyspace);

// ------------------------------------------------------------------------------------------------
// Session: reads that never go back behind what was seen
// ------------------------------------------------------------------------------------------------
//
// An operation whose options have a session belongs to it. A read sees at least what the operations
// of the session that ended before it began have written or seen, whichever replica answers, also
// after a failover and with any choice of replica: read-your-writes and monotonic reads. A replica
// that lacks something does not answer; if no other that can be reached has it, the read waits for
// one, up to its deadline, then UNAVAILABLE says so. It never answers with less. A write left in
// doubt is not in the session.
//
// vasto_session_token and vasto_session_import hand a session to another process, or add one to
// another. When the number of shards changes, sessions that have seen something end: operations
// with them are INVALID_ARGUMENT.

// A session for operations on this keyspace, by any client, that has seen nothing. *out_session is
// owned by the caller until its destroy.
// Threads: any. Since 1.0.
VASTO_STATUS vasto_session_create(
    vasto_keyspace_t* keyspace, vasto_session_t** out_session, vasto_error_t** err);

// All that the session has seen, as bytes that mean nothing to the caller and may be stored and
// sent to any client of the cluster. *out_size is always their number, which grows as the session
// sees more, to some tens of bytes for each shard; if it is more than `capacity`, nothing is
// copied. Threads: any. Codes: OK, BUFFER_TOO_SMALL. Since 1.0.
VASTO_STATUS vasto_session_token(
    vasto_session_t* session, void* buffer, size_t capacity, size_t* out_size, vasto_error_t** err);

// Adds all that another session had seen when it gave this token: what the session has seen
// already stays.
// Threads: any. Codes: OK, INVALID_ARGUMENT (damaged, of another keyspace, of another number of
// shards, or of a newer version; nothing is added). Since 1.0.
VASTO_STATUS vasto_session_import(
    vasto_session_t* session, const void* token, size_t token_size, vasto_error_t** err);

// Ends a session handle. Options and running operations that have the session are not affected.
// NULL is a no-op.
// Threads: no other call on the handle may be running. Since 1.0.
VASTO_API void vasto_session_destroy(vasto_session_t* session);

// ------------------------------------------------------------------------------------------------
// Options: of reads, writes and scans
// ------------------------------------------------------------------------------------------------
//
// Options are optional: NULL stands for the defaults. They may be used for any number of calls and
// are copied by each. Setters return nothing: a value out of range makes the call that uses the
// options return INVALID_ARGUMENT. A setter on NULL is a no-op.

// Default options of reads. *out_options is owned by the caller until its destroy.
// Threads: any. Since 1.0.
VASTO_STATUS vasto_read_options_create(vasto_read_options_t** out_options, vasto_error_t** err);

// The deadline of the operation, from its start, retries included. 0, the default: the client's.
// Threads: setup. Since 1.0.
VASTO_API void vasto_read_options_set_timeout_ms(
    vasto_read_options_t* options, uint64_t timeout_ms);

// Who may answer: VASTO_REPLICA_*. Default PRIMARY. With ANY and NEAREST two reads after each other
// may be answered by different replicas, and the second see less than the first, unless they belong
// to a session. A replica that cannot answer is passed over, so these reads succeed whenever those
// of PRIMARY would.
// Threads: setup. Since 1.0.
VASTO_API void vasto_read_options_set_replica(vasto_read_options_t* options, int32_t replica);

// With ANY or NEAREST: a replica answers only if it knows that it lacks nothing that the replicas
// before it had so long ago; otherwise the primary does. Below about 150 ms a replica that gets no
// writes often does not know. What a replica was sent but does not have yet, for some milliseconds,
// is not counted. 0, the default: no bound.
// Threads: setup. Since 1.0.
VASTO_API void vasto_read_options_set_max_staleness_ms(
    vasto_read_options_t* options, uint64_t max_staleness_ms);

// With ANY or NEAREST: when the first replica has not answered a get, stat or multi_get within what
// 95 of 100 of them take, 1 ms at least, a second one is asked too, and the first answer counts. At
// most one for twenty such reads of the client, and ten saved up, so that a slow cluster gets
// little more load. Default false.
// Threads: setup. Since 1.0.
VASTO_API void vasto_read_options_set_hedge(vasto_read_options_t* options, bool hedge);

// Reads belong to this session, which the options share: it may be destroyed before them. NULL, the
// default: to none. INVALID_ARGUMENT for reads of another keyspace than the session's.
// Threads: setup. Since 1.0.
VASTO_API void vasto_read_options_set_session(
    vasto_read_options_t* options, vasto_session_t* session);

// Ends the options. NULL is a no-op.
// Threads: setup. Since 1.0.
VASTO_API void vasto_read_options_destroy(vasto_read_options_t* options);

// Default options of writes. *out_options is owned by the caller until its destroy.
// Threads: any. Since 1.0.
VASTO_STATUS vasto_write_options_create(vasto_write_options_t** out_options, vasto_error_t** err);

// As for reads. Ignored in the options of one entry of a batch.
// Threads: setup. Since 1.0.
VASTO_API void vasto_write_options_set_timeout_ms(
    vasto_write_options_t* options, uint64_t timeout_ms);

// The value expires this many seconds after the write. 0, the default: what the keyspace says.
// Replaces an earlier set_expires_at_ns, and the other way round.
// Threads: setup. Since 1.0.
VASTO_API void vasto_write_options_set_ttl_seconds(
    vasto_write_options_t* options, uint64_t ttl_seconds);

// The value expires at this moment, in nanoseconds since 1970-01-01 UTC, kept in whole
// microseconds; UINT64_MAX: never, whatever the keyspace says; 0: what the keyspace says. With the
// vasto_value_expires_at_ns of another value a copy expires with it. What has expired when it is
// written is never seen.
// Threads: setup. Since 1.0.
VASTO_API void vasto_write_options_set_expires_at_ns(
    vasto_write_options_t* options, uint64_t expires_at_ns);

// The event time of the write, in nanoseconds since 1970-01-01 UTC. The last event time wins: a
// write that is older than what is stored (a deletion included) changes nothing and returns
// STALE_WRITE, whatever the order of arrival. So does one to a key without a value, if it is so old
// that a later deletion may have been forgotten (vasto(7), EXPIRY). More than 10 s ahead of the
// store's clock is INVALID_ARGUMENT. 0, the default: the store takes its own time.
// Threads: setup. Since 1.0.
VASTO_API void vasto_write_options_set_updated_at_ns(
    vasto_write_options_t* options, uint64_t updated_at_ns);

// The label stored with the value: VASTO_TYPE_BYTES (the default), or 64 and above.
// Threads: setup. Since 1.0.
VASTO_API void vasto_write_options_set_value_type(vasto_write_options_t* options, uint32_t type);

// The write happens only if the key does not exist (or has expired), else ALREADY_EXISTS: of any
// number of such puts at once exactly one succeeds. Replaces another condition.
// Threads: setup. Since 1.0.
VASTO_API void vasto_write_options_set_if_absent(vasto_write_options_t* options);

// The write happens only if the key exists with this version (vasto_value_version), else
// STALE_WRITE. Version 0 stands for "does not exist" and then is set_if_absent. Replaces another
// condition.
// Threads: setup. Since 1.0.
VASTO_API void vasto_write_options_set_if_version(vasto_write_options_t* options, uint64_t version);

// Takes a condition back; the default is none.
// Threads: setup. Since 1.0.
VASTO_API void vasto_write_options_clear_condition(vasto_write_options_t* options);

// How many replicas must have the write before it is acknowledged: VASTO_ACKS_*. Default: what the
// keyspace says. Ignored in the options of one entry of a batch.
// Threads: setup. Since 1.0.
VASTO_API void vasto_write_options_set_acks(vasto_write_options_t* options, int32_t acks);

// As vasto_read_options_set_session, for writes. Ignored in the options of one entry of a batch.
// Threads: setup. Since 1.0.
VASTO_API void vasto_write_options_set_session(
    vasto_write_options_t* options, vasto_session_t* session);

// Ends the options. NULL is a no-op.
// Threads: setup. Since 1.0.
VASTO_API void vasto_write_options_destroy(vasto_write_options_t* options);

// Default options of scans. *out_options is owned by the caller until its destroy.
// Threads: any. Since 1.0.
VASTO_STATUS vasto_scan_options_create(vasto_scan_options_t** out_options, vasto_error_t** err);

// How long one vasto_iter_next or _next_block may wait. 0, the default: the client's timeout_ms.
// There is no limit on the whole scan.
// Threads: setup. Since 1.0.
VASTO_API void vasto_scan_options_set_timeout_ms(
    vasto_scan_options_t* options, uint64_t timeout_ms);

// END after this many rows. 0, the default: no limit.
// Threads: setup. Since 1.0.
VASTO_API void vasto_scan_options_set_limit(vasto_scan_options_t* options, uint64_t limit);

// Rows without the bytes of their values (sizes and times are there). Default false.
// Threads: setup. Since 1.0.
VASTO_API void vasto_scan_options_set_keys_only(vasto_scan_options_t* options, bool keys_only);

// About how many bytes of rows one answer of a store holds; a larger row still comes whole. Pages
// are fetched ahead from all shards, within 32 MiB for one scan. 0, the default: 1 MiB. Threads:
// setup. Since 1.0.
VASTO_API void vasto_scan_options_set_page_bytes(
    vasto_scan_options_t* options, uint64_t page_bytes);

// As vasto_read_options_set_replica, for all rows. A shard is read from one replica as long as that
// answers; where another goes on, it may know less than the one before.
// Threads: setup. Since 1.0.
VASTO_API void vasto_scan_options_set_replica(vasto_scan_options_t* options, int32_t replica);

// As vasto_read_options_set_max_staleness_ms, for each page at the moment when it is read.
// Threads: setup. Since 1.0.
VASTO_API void vasto_scan_options_set_max_staleness_ms(
    vasto_scan_options_t* options, uint64_t max_staleness_ms);

// As vasto_read_options_set_session: each page is a read of the session when it is fetched. Pages
// are fetched ahead, so a row may be older than a write of the session made meanwhile.
// Threads: setup. Since 1.0.
VASTO_API void vasto_scan_options_set_session(
    vasto_scan_options_t* options, vasto_session_t* session);

// The scan goes on after the row at which vasto_iter_resume_token gave this token (copied), in any
// process and at any time later. The scan must have the same prefix or range. size 0 takes it back.
// Threads: setup. Since 1.0.
VASTO_API void vasto_scan_options_set_resume_token(
    vasto_scan_options_t* options, const void* token, size_t token_size);

// Ends the options. NULL is a no-op.
// Threads: setup. Since 1.0.
VASTO_API void vasto_scan_options_destroy(vasto_scan_options_t* options);

// ------------------------------------------------------------------------------------------------
// Read
// ------------------------------------------------------------------------------------------------

// Reads the value of `key`. *out_value is owned by the caller until vasto_value_destroy.
// Threads: any. Blocks: up to the deadline. Codes: OK, NOT_FOUND (also expired or deleted; if the
// keyspace itself is gone, with an error object), WRONG_THREAD, network codes. Since 1.0.
VASTO_STATUS vasto_get(vasto_keyspace_t* keyspace, const vasto_key_t* key,
    const vasto_read_options_t* options, vasto_value_t** out_value, vasto_error_t** err);

// Reads the value of `key` into the caller's `buffer` of `capacity` bytes. *out_size is always the
// size of the value; if that is more than `capacity`, nothing is copied.
// Threads: any. Blocks: up to the deadline. Codes: as vasto_get, and BUFFER_TOO_SMALL. Since 1.0.
VASTO_STATUS vasto_get_into(vasto_keyspace_t* keyspace, const vasto_key_t* key,
    const vasto_read_options_t* options, void* buffer, size_t capacity, size_t* out_size,
    vasto_error_t** err);

// Reads everything about `key` but the bytes: *out_value has size, type, version and times, and its
// data is NULL. Owned by the caller until vasto_value_destroy.
// Threads: any. Blocks: up to the deadline. Codes: as vasto_get. Since 1.0.
VASTO_STATUS vasto_stat(vasto_keyspace_t* keyspace, const vasto_key_t* key,
    const vasto_read_options_t* options, vasto_value_t** out_value, vasto_error_t** err);

// Reads `count` keys, each store asked once. `keys`, out_values and out_codes are parallel arrays
// of `count`; both out arrays are fully written whatever happens (unless an argument is invalid):
// out_codes[i] is the code of keys[i], and out_values[i] its value, owned by the caller until
// vasto_value_destroy, or NULL.
// Threads: any. Blocks: up to the deadline. Codes: OK if every entry is OK or NOT_FOUND, otherwise
// the first other one; NOT_FOUND (with an error object) if the keyspace is gone; WRONG_THREAD,
// network codes. Since 1.0.
VASTO_STATUS vasto_multi_get(vasto_keyspace_t* keyspace, const vasto_key_t* keys, size_t count,
    const vasto_read_options_t* options, vasto_value_t** out_values, vasto_status_t* out_codes,
    vasto_error_t** err);

// ------------------------------------------------------------------------------------------------
// Value
// ------------------------------------------------------------------------------------------------

// The bytes, owned by the value until its destroy. Not NULL even for 0 bytes; NULL if the value
// came from a stat, or for NULL.
// Threads: shared. Since 1.0.
VASTO_API const void* vasto_value_data(const vasto_value_t* value);

// The number of bytes, also after a stat.
// Threads: shared. Since 1.0.
VASTO_API size_t vasto_value_size(const vasto_value_t* value);

// The label: VASTO_TYPE_BYTES or the application's.
// Threads: shared. Since 1.0.
VASTO_API uint32_t vasto_value_type(const vasto_value_t* value);

// The version, for set_if_version: the event time in the store's own form, never 0, and larger for
// a later write of the key. Two writes have the same only if the caller gave them the same event
// time, or if two stores accepted them apart from each other in the same microsecond; all replicas
// keep the same one of the two. Threads: shared. Since 1.0.
VASTO_API uint64_t vasto_value_version(const vasto_value_t* value);

// The event time, in nanoseconds since 1970-01-01 UTC.
// Threads: shared. Since 1.0.
VASTO_API uint64_t vasto_value_updated_at_ns(const vasto_value_t* value);

// When the value expires, in nanoseconds since 1970-01-01 UTC; 0: never.
// Threads: shared. Since 1.0.
VASTO_API uint64_t vasto_value_expires_at_ns(const vasto_value_t* value);

// Ends a value. NULL is a no-op.
// Threads: shared. Since 1.0.
VASTO_API void vasto_value_destroy(vasto_value_t* value);

// ------------------------------------------------------------------------------------------------
// Write
// ------------------------------------------------------------------------------------------------
//
// out_version of a write may be NULL; on OK it receives the version the write got. A write that
// fails with TIMEOUT, UNAVAILABLE or CANCELLED may be in doubt (vasto_error_is_in_doubt).

// Stores `size` bytes at `data` as the value of `key`, replacing an older one.
// Threads: any. Blocks: up to the deadline. Codes: OK, STALE_WRITE (older than what is stored, or
// set_if_version failed), ALREADY_EXISTS (set_if_absent failed), TOO_LARGE, NO_SPACE, NOT_FOUND
// (the keyspace is gone), WRONG_THREAD, network codes. Since 1.0.
VASTO_STATUS vasto_put(vasto_keyspace_t* keyspace, const vasto_key_t* key, const void* data,
    size_t size, const vasto_write_options_t* options, uint64_t* out_version, vasto_error_t** err);

// Deletes the value of `key`. OK also if there is none. Of the options, ttl, expiry and value type
// do not matter; set_if_absent is INVALID_ARGUMENT.
// Threads: any. Blocks: up to the deadline. Codes: OK, STALE_WRITE, NOT_FOUND (the keyspace is
// gone), WRONG_THREAD, network codes. Since 1.0.
VASTO_STATUS vasto_delete(vasto_keyspace_t* keyspace, const vasto_key_t* key,
    const vasto_write_options_t* options, uint64_t* out_version, vasto_error_t** err);

// Gives the value of `key` another expiry: ttl_seconds from now, 0 for never. The bytes stay;
// version and event time are new. Of the options, ttl, expiry and value type do not matter;
// set_if_absent is INVALID_ARGUMENT.
// Threads: any. Blocks: up to the deadline. Codes: OK, NOT_FOUND (no such key), STALE_WRITE,
// WRONG_THREAD, network codes. Since 1.0.
VASTO_STATUS vasto_touch(vasto_keyspace_t* keyspace, const vasto_key_t* key, uint64_t ttl_seconds,
    const vasto_write_options_t* options, uint64_t* out_version, vasto_error_t** err);

// Merges the operand into the value of `key`: VASTO_MERGE_*. Numbers may be merged into at several
// replicas at once and are exact: each merge counts once, also after crashes. A put or delete
// begins anew; merges that another replica accepts before it has heard of that may go with the old
// value. APPEND is done by the primary only, like a write with a condition. The key keeps its time
// to live; a new one gets the keyspace's. A merge is never repeated by itself: it would count
// twice. Without its answer it ends in doubt (vasto_error_is_in_doubt). Of the options, ttl, expiry
// and value type do not matter; conditions and an event time are INVALID_ARGUMENT.
// Threads: any. Blocks: up to the deadline. Codes: OK, INVALID_ARGUMENT (the operand or the value
// is no such number, the value is merged with another operation, or the result would be too large),
// TOO_LARGE, NO_SPACE, NOT_FOUND (the keyspace is gone), WRONG_THREAD, network codes. Since 1.0.
VASTO_STATUS vasto_merge(vasto_keyspace_t* keyspace, const vasto_key_t* key, int32_t operation,
    const void* operand, size_t size, const vasto_write_options_t* options, uint64_t* out_version,
    vasto_error_t** err);

// ------------------------------------------------------------------------------------------------
// Batch: many writes in few messages
// ------------------------------------------------------------------------------------------------
//
// The entries of a batch go to their shards side by side. A batch is *not* atomic: each entry has
// its own result. Entries for the same key take effect in the order they were added.

// An empty batch, independent of any client. *out_batch is owned by the caller until its destroy.
// Threads: any. Since 1.0.
VASTO_STATUS vasto_batch_create(vasto_batch_t** out_batch, vasto_error_t** err);

// Adds a put; key, bytes and options are copied. With options NULL the entry takes those of the
// write.
// Threads: single. Codes: OK, TOO_LARGE (nothing was added). Since 1.0.
VASTO_STATUS vasto_batch_put(vasto_batch_t* batch, const vasto_key_t* key, const void* data,
    size_t size, const vasto_write_options_t* options, vasto_error_t** err);

// Adds a delete; otherwise as vasto_batch_put.
// Threads: single. Codes: OK, TOO_LARGE. Since 1.0.
VASTO_STATUS vasto_batch_delete(vasto_batch_t* batch, const vasto_key_t* key,
    const vasto_write_options_t* options, vasto_error_t** err);

// Adds a merge; otherwise as vasto_batch_put. A message with merges is never repeated by itself, so
// more of its entries may end in doubt.
// Threads: single. Codes: OK, INVALID_ARGUMENT, TOO_LARGE. Since 1.0.
VASTO_STATUS vasto_batch_merge(vasto_batch_t* batch, const vasto_key_t* key, int32_t operation,
    const void* operand, size_t size, const vasto_write_options_t* options, vasto_error_t** err);

// The number of entries.
// Threads: single. Since 1.0.
VASTO_API size_t vasto_batch_count(const vasto_batch_t* batch);

// Removes all entries and keeps the memory, for the next round.
// Threads: single. Since 1.0.
VASTO_API void vasto_batch_clear(vasto_batch_t* batch);

// Writes the entries to `keyspace`. The batch is borrowed and unchanged: it can be written again.
// *out_result (out_result may be NULL) is owned by the caller until vasto_batch_result_destroy, and
// set also on failure unless an argument is invalid.
// Threads: single (the batch). Blocks: up to the deadline. Codes: OK if every entry is OK,
// otherwise the code of the first that is not; WRONG_THREAD, network codes. Since 1.0.
VASTO_STATUS vasto_batch_write(vasto_keyspace_t* keyspace, const vasto_batch_t* batch,
    const vasto_write_options_t* options, vasto_batch_result_t** out_result, vasto_error_t** err);

// Ends a batch. NULL is a no-op.
// Threads: single. Since 1.0.
VASTO_API void vasto_batch_destroy(vasto_batch_t* batch);

// The number of results, that of the batch's entries.
// Threads: shared. Since 1.0.
VASTO_API size_t vasto_batch_result_count(const vasto_batch_result_t* result);

// The code of entry `index`, in the order of adding; INVALID_ARGUMENT past the end. Codes as
// vasto_put.
// Threads: shared. Since 1.0.
VASTO_API vasto_status_t vasto_batch_result_code(const vasto_batch_result_t* result, size_t index);

// The version entry `index` got; 0 if it failed.
// Threads: shared. Since 1.0.
VASTO_API uint64_t vasto_batch_result_version(const vasto_batch_result_t* result, size_t index);

// Ends a result. NULL is a no-op.
// Threads: shared. Since 1.0.
VASTO_API void vasto_batch_result_destroy(vasto_batch_result_t* result);

// ------------------------------------------------------------------------------------------------
// Scan
// ------------------------------------------------------------------------------------------------
//
// Rows come in the order of their keys, compared as unsigned bytes, over all shards. A key that is
// there all the time comes exactly once; one that is written or deleted meanwhile comes at most
// once. A scan is no snapshot. Keys with an explicit partition hash are included; the same key
// bytes in two shards are two rows.

// Starts a scan of all keys that begin with `prefix` (copied; size 0: all keys). Does not wait:
// what is wrong with the keyspace or the resume token (INVALID_ARGUMENT for that of another scan)
// shows at the first row. *out_iter is owned by the caller until vasto_iter_destroy. Threads: any.
// Codes: OK. Since 1.0.
VASTO_STATUS vasto_scan_prefix(vasto_keyspace_t* keyspace, const void* prefix, size_t prefix_size,
    const vasto_scan_options_t* options, vasto_iter_t** out_iter, vasto_error_t** err);

// Starts a scan of all keys >= `start` and < `end` (both copied). Size 0 of `end` means no upper
// bound. Otherwise as vasto_scan_prefix.
// Threads: any. Since 1.0.
VASTO_STATUS vasto_scan_range(vasto_keyspace_t* keyspace, const void* start, size_t start_size,
    const void* end, size_t end_size, const vasto_scan_options_t* options, vasto_iter_t** out_iter,
    vasto_error_t** err);

// The next row. The bytes *out_row points to are owned by the iterator until the next call of
// vasto_iter_next, _next_block or _destroy. After a retryable failure the same call may be repeated
// and loses no row.
// Threads: single. Blocks: up to the scan's timeout. Codes: OK, END, NOT_FOUND (the keyspace is
// gone), WRONG_THREAD, BUSY (a vasto_iter_ready_async is pending), network codes. Since 1.0.
VASTO_STATUS vasto_iter_next(vasto_iter_t* iter, vasto_kv_t* out_row, vasto_error_t** err);

// The next rows, 1 to `capacity` of them: *out_count of out_rows are written, 0 unless OK. Fewer
// than `capacity` does not mean the end. The bytes of all of them are owned by the iterator until
// its next call. One such call replaces hundreds, which matters to callers from other languages.
// Threads: single. Blocks: up to the scan's timeout for each page it needs. Codes: as
// vasto_iter_next; `capacity` 0 is INVALID_ARGUMENT. Since 1.0.
VASTO_STATUS vasto_iter_next_block(vasto_iter_t* iter, vasto_kv_t* out_rows, size_t capacity,
    size_t* out_count, vasto_error_t** err);

// *out_future, owned by the caller until vasto_future_destroy, completes when the next
// vasto_iter_next_block will not wait: with OK (rows are there, or the end is), or with the error
// that kept rows away. While it is pending the other functions of the iterator return BUSY.
// Destroying the iterator completes it with CANCELLED.
// Threads: single. Codes: OK, BUSY (one is pending). Since 1.0.
VASTO_STATUS vasto_iter_ready_async(
    vasto_iter_t* iter, vasto_future_t** out_future, vasto_error_t** err);

// Where the scan stands: right after the last row handed out. *out_token is owned by the iterator
// until its next call; the bytes mean nothing to the caller and may be stored.
// Threads: single. Codes: OK. Since 1.0.
VASTO_STATUS vasto_iter_resume_token(
    vasto_iter_t* iter, const void** out_token, size_t* out_size, vasto_error_t** err);

// Ends a scan, wherever it stands; does not wait for running requests. NULL is a no-op.
// Threads: single. Since 1.0.
VASTO_API void vasto_iter_destroy(vasto_iter_t* iter);

// ------------------------------------------------------------------------------------------------
// Watch: changes as they happen
// ------------------------------------------------------------------------------------------------
//
// Every change that is acknowledged after vasto_watch_open, or behind the token, is given at least
// once. The changes of a key come in order. Some may come again, from an earlier one on, after
// another replica took over or the watch was opened anew; the last one given for a key is what a
// read of it gives in the end. What loses against a newer event time that was there first is no
// change, nor is the expiry of a value. There is no order between keys. What a watch costs is
// bounded on both sides, however many changes there are and however late they are taken: it takes
// what it missed from the logs of the stores, and is TOO_OLD when these do not reach back.

// Options of a watch. *out_options is owned by the caller until vasto_watch_options_destroy.
// Threads: setup. Codes: OK. Since 1.0.
VASTO_STATUS vasto_watch_options_create(vasto_watch_options_t** out_options, vasto_error_t** err);

// How long vasto_watch_open may wait. 0, the default: the client's timeout_ms.
// Threads: setup. Since 1.0.
VASTO_API void vasto_watch_options_set_timeout_ms(
    vasto_watch_options_t* options, uint64_t timeout_ms);

// The watch goes on behind the changes that were handed out when vasto_watch_resume_token gave this
// token (copied), in any process, with the same prefix or another. size 0 takes it back.
// Threads: setup. Since 1.0.
VASTO_API void vasto_watch_options_set_resume_token(
    vasto_watch_options_t* options, const void* token, size_t token_size);

// Ends the options. NULL is a no-op.
// Threads: setup. Since 1.0.
VASTO_API void vasto_watch_options_destroy(vasto_watch_options_t* options);

// Begins to watch all keys that begin with `prefix` (copied; size 0: all keys), from now on or from
// the token of the options (which may be NULL). *out_watch is owned by the caller until
// vasto_watch_destroy.
// Threads: any. Blocks: up to the options' timeout, without a token. Codes: OK, INVALID_ARGUMENT
// (no token of a watch of this keyspace), TOO_OLD (the keyspace had another number of shards then),
// TOO_LARGE, NOT_FOUND (the keyspace is gone), WRONG_THREAD, network codes. Since 1.0.
VASTO_STATUS vasto_watch_open(vasto_keyspace_t* keyspace, const void* prefix, size_t prefix_size,
    const vasto_watch_options_t* options, vasto_watch_t** out_watch, vasto_error_t** err);

// The next changes, 1 to `capacity` (> 0) of them: *out_count of out_changes are written, 0 unless
// OK. One whose flags have VASTO_KV_DELETED is a delete: no value, type or expiry. The bytes they
// point to are owned by the watch until its next call.
// Threads: watch. Blocks: up to timeout_ms (0: does not wait, negative: without limit). Codes: OK,
// TIMEOUT (nothing came), TOO_OLD (what came next is not remembered: read the keyspace by a scan
// and open a new watch before that), NOT_FOUND and RESIZING (the keyspace is gone, or has another
// number of shards), CANCELLED (vasto_watch_destroy), WRONG_THREAD (unless timeout_ms is 0), BUSY
// (a vasto_watch_ready_async is pending); UNAVAILABLE, BUSY and TIMEOUT with an error object when
// nothing came and a shard cannot be reached now. After these and TIMEOUT the watch goes on with
// the next call. Since 1.0.
VASTO_STATUS vasto_watch_next(vasto_watch_t* watch, vasto_kv_t* out_changes, size_t capacity,
    int64_t timeout_ms, size_t* out_count, vasto_error_t** err);

// *out_future, owned by the caller until vasto_future_destroy, completes with OK when the next
// vasto_watch_next, also with timeout 0 and inside a callback, has something to give: changes or an
// error. Now and then, every 10 s or so, it has nothing after all (TIMEOUT), and this is called
// again. While it is pending the other functions of the watch return BUSY; vasto_future_cancel ends
// that. Destroying the watch completes it with CANCELLED.
// Threads: watch. Codes: OK, BUSY (one is pending). Since 1.0.
VASTO_STATUS vasto_watch_ready_async(
    vasto_watch_t* watch, vasto_future_t** out_future, vasto_error_t** err);

// Where the watch stands: behind the last change handed out, or a little before it, so that some
// come again. *out_token is owned by the watch until its next call; the bytes mean nothing to the
// caller and may be stored.
// Threads: watch. Codes: OK. Since 1.0.
VASTO_STATUS vasto_watch_resume_token(
    vasto_watch_t* watch, const void** out_token, size_t* out_size, vasto_error_t** err);

// Ends a watch. A vasto_watch_next that waits in another thread returns CANCELLED; no call may
// begin any more. NULL is a no-op.
// Threads: watch. Since 1.0.
VASTO_API void vasto_watch_destroy(vasto_watch_t* watch);

// ------------------------------------------------------------------------------------------------
// Async: the same operations without waiting
// ------------------------------------------------------------------------------------------------
//
// Each starts the operation of the same name and returns. Keys, bytes and options are copied.
// *out_future is owned by the caller until vasto_future_destroy. A failure to start is returned at
// once, and there is then no future; every later failure is the future's. An operation completes
// exactly once: with its result, at its deadline, by vasto_future_cancel, or by a close.
// Threads: any. Codes of the start: OK, TOO_LARGE and those every function has. Codes of the
// future: those of the operation without WRONG_THREAD; BUSY when too many operations are running.

// As vasto_get; then vasto_future_take_value.
// Threads: any. Since 1.0.
VASTO_STATUS vasto_get_async(vasto_keyspace_t* keyspace, const vasto_key_t* key,
    const vasto_read_options_t* options, vasto_future_t** out_future, vasto_error_t** err);

// As vasto_stat; then vasto_future_take_value.
// Threads: any. Since 1.0.
VASTO_STATUS vasto_stat_async(vasto_keyspace_t* keyspace, const vasto_key_t* key,
    const vasto_read_options_t* options, vasto_future_t** out_future, vasto_error_t** err);

// As vasto_multi_get; then vasto_future_take_values.
// Threads: any. Since 1.0.
VASTO_STATUS vasto_multi_get_async(vasto_keyspace_t* keyspace, const vasto_key_t* keys,
    size_t count, const vasto_read_options_t* options, vasto_future_t** out_future,
    vasto_error_t** err);

// As vasto_put; the version is in vasto_future_version.
// Threads: any. Since 1.0.
VASTO_STATUS vasto_put_async(vasto_keyspace_t* keyspace, const vasto_key_t* key, const void* data,
    size_t size, const vasto_write_options_t* options, vasto_future_t** out_future,
    vasto_error_t** err);

// As vasto_delete; the version is in vasto_future_version.
// Threads: any. Since 1.0.
VASTO_STATUS vasto_delete_async(vasto_keyspace_t* keyspace, const vasto_key_t* key,
    const vasto_write_options_t* options, vasto_future_t** out_future, vasto_error_t** err);

// As vasto_merge; the version is in vasto_future_version.
// Threads: any. Since 1.0.
VASTO_STATUS vasto_merge_async(vasto_keyspace_t* keyspace, const vasto_key_t* key,
    int32_t operation, const void* operand, size_t size, const vasto_write_options_t* options,
    vasto_future_t** out_future, vasto_error_t** err);

// As vasto_touch; the version is in vasto_future_version.
// Threads: any. Since 1.0.
VASTO_STATUS vasto_touch_async(vasto_keyspace_t* keyspace, const vasto_key_t* key,
    uint64_t ttl_seconds, const vasto_write_options_t* options, vasto_future_t** out_future,
    vasto_error_t** err);

// As vasto_batch_write; then vasto_future_take_batch_result. The batch is copied and free for use
// when this returns.
// Threads: single (the batch). Since 1.0.
VASTO_STATUS vasto_batch_write_async(vasto_keyspace_t* keyspace, const vasto_batch_t* batch,
    const vasto_write_options_t* options, vasto_future_t** out_future, vasto_error_t** err);

// ------------------------------------------------------------------------------------------------
// Future: the result of an operation; learn of it by waiting, by a callback or through a queue
// ------------------------------------------------------------------------------------------------

// Waits until the future is done. The operation's own result is vasto_future_status.
// Threads: future. Blocks: up to timeout_ms (0: poll, negative: no limit). Codes: OK (done),
// TIMEOUT (not done yet; no error object), WRONG_THREAD (inside a callback). Since 1.0.
VASTO_STATUS vasto_future_wait(vasto_future_t* future, int64_t timeout_ms, vasto_error_t** err);

// Whether the future is done.
// Threads: future. Since 1.0.
VASTO_API bool vasto_future_is_ready(const vasto_future_t* future);

// The result of the operation, with its error object: BUSY while it is not done, otherwise the
// codes of the operation. May be asked any number of times.
// Threads: future. Since 1.0.
VASTO_STATUS vasto_future_status(const vasto_future_t* future, vasto_error_t** err);

// The version a put, delete or touch got; 0 if it failed, is not done, or was something else.
// Threads: future. Since 1.0.
VASTO_API uint64_t vasto_future_version(const vasto_future_t* future);

// Hands over the value of a get or stat: *out_value is owned by the caller until
// vasto_value_destroy. Works once.
// Threads: future. Codes: those of the operation; BUSY (not done); INVALID_ARGUMENT (taken already,
// or the future of something else). Since 1.0.
VASTO_STATUS vasto_future_take_value(
    vasto_future_t* future, vasto_value_t** out_value, vasto_error_t** err);

// Hands over the results of a multi_get into arrays of `count`, which must be that of the
// multi_get; otherwise as vasto_multi_get and vasto_future_take_value. Works once.
// Threads: future. Since 1.0.
VASTO_STATUS vasto_future_take_values(vasto_future_t* future, vasto_value_t** out_values,
    vasto_status_t* out_codes, size_t count, vasto_error_t** err);

// Hands over the result of a batch_write, also one in which entries failed: *out_result is owned by
// the caller until vasto_batch_result_destroy. Works once.
// Threads: future. Codes: as vasto_batch_write; BUSY; INVALID_ARGUMENT. Since 1.0.
VASTO_STATUS vasto_future_take_batch_result(
    vasto_future_t* future, vasto_batch_result_t** out_result, vasto_error_t** err);

// Has `callback` called with user_data once the future is done: exactly once, also if it is done
// already, cancelled, closed or destroyed; on a library thread, never inside this call, with no
// lock held. The callback may start operations, take results and destroy the future (unless that
// was done before; the future stays valid for the callback in any case). It must return soon, as it
// holds up the network of its client, and several may run at once; calls that wait return
// WRONG_THREAD in it.
// Threads: future. Codes: OK, ALREADY_EXISTS (there is a callback, or a queue). Since 1.0.
VASTO_STATUS vasto_future_on_ready(
    vasto_future_t* future, vasto_future_callback_t callback, void* user_data, vasto_error_t** err);

// Completes a future that is not done with CANCELLED; otherwise does nothing. A write may still
// happen.
// Threads: future. Since 1.0.
VASTO_API void vasto_future_cancel(vasto_future_t* future);

// Ends a future, done or not. If it is not done it is cancelled; a callback still runs; a queue
// forgets it. NULL is a no-op.
// Threads: future. Since 1.0.
VASTO_API void vasto_future_destroy(vasto_future_t* future);

#if VASTO_API_VERSION >= 10100

// Ends `count` futures, as vasto_future_destroy does, and leaves NULLs in their places; those that
// are there already are skipped.
// Threads: future. Since 1.1.
VASTO_API void vasto_future_destroy_block(vasto_future_t** futures, size_t count);

#endif  // VASTO_API_VERSION >= 10100

// ------------------------------------------------------------------------------------------------
// Queue: many futures, one file descriptor
// ------------------------------------------------------------------------------------------------

// An empty queue, for futures of any clients. *out_queue is owned by the caller until
// vasto_queue_destroy.
// Threads: any. Codes: OK, IO_ERROR (no file descriptor left). Since 1.0.
VASTO_STATUS vasto_queue_create(vasto_queue_t** out_queue, vasto_error_t** err);

// Has the future appear in the queue, with `tag`, once it is done (at once if it is). The future
// stays owned by the caller.
// Threads: any. Codes: OK, ALREADY_EXISTS (there is a callback, or a queue). Since 1.0.
VASTO_STATUS vasto_queue_attach(
    vasto_queue_t* queue, vasto_future_t* future, uint64_t tag, vasto_error_t** err);

// A file descriptor that is readable (poll, epoll, select; level-triggered) while the queue holds
// finished futures. Owned by the queue until its destroy: do not read, write or close it. -1 for
// NULL.
// Threads: any. Since 1.0.
VASTO_API int vasto_queue_fd(const vasto_queue_t* queue);

// Takes the oldest finished future out of the queue: *out_future is the pointer that was attached,
// *out_tag (may be NULL) its tag. A thread that waits here does the client's network I/O meanwhile,
// which makes one thread that starts operations and takes their results the fastest way to have
// many in flight.
// Threads: any; several threads share the work. Blocks: up to timeout_ms (0: poll, negative: no
// limit). Codes: OK, TIMEOUT (none; no error object), WRONG_THREAD (inside a callback, if it would
// have to wait). Since 1.0.
VASTO_STATUS vasto_queue_next(vasto_queue_t* queue, int64_t timeout_ms, vasto_future_t** out_future,
    uint64_t* out_tag, vasto_error_t** err);

// Takes up to `capacity` finished futures at once, waiting only for the first; *out_count of the
// parallel arrays are written (out_tags may be NULL). `capacity` 0 is INVALID_ARGUMENT.
// Threads: any. Blocks: as vasto_queue_next. Codes: as vasto_queue_next. Since 1.0.
VASTO_STATUS vasto_queue_next_block(vasto_queue_t* queue, int64_t timeout_ms,
    vasto_future_t** out_futures, uint64_t* out_tags, size_t capacity, size_t* out_count,
    vasto_error_t** err);

#if VASTO_API_VERSION >= 10100

// As vasto_queue_next_block, and tells what each future brought, which spares callers from other
// languages several calls for each. out_codes: the code of vasto_future_status, which also has the
// words of an error. out_rows: of a get or stat with OK the value, as a row without a key (after a
// stat value.data is NULL); of a put, delete, merge or touch its version and that one's time;
// otherwise zeros. The bytes are owned by the future until its value is taken or it is destroyed.
// Who polls vasto_queue_fd and then calls this with a timeout of 0, again and again, does the
// client's network I/O in these calls, and a result takes one wake-up instead of two. From the
// first such call on the descriptor may be readable although the answer is TIMEOUT.
// Threads: any. Blocks: as vasto_queue_next. Codes: as vasto_queue_next. Since 1.1.
VASTO_STATUS vasto_queue_next_results(vasto_queue_t* queue, int64_t timeout_ms,
    vasto_future_t** out_futures, uint64_t* out_tags, vasto_status_t* out_codes,
    vasto_kv_t* out_rows, size_t capacity, size_t* out_count, vasto_error_t** err);

// Starts `count` gets at once, each with a future of its own that is attached to the queue with its
// tag (tags NULL: 0): what vasto_get_async and vasto_queue_attach do in two calls for each. A key
// that is refused makes its future fail, not the call. The futures are owned by the caller until
// vasto_future_destroy; after a failure of the call those that are not NULL.
// Threads: any. Codes: OK, those of vasto_get_async that are not about the key. Since 1.1.
VASTO_STATUS vasto_queue_start_gets(vasto_queue_t* queue, vasto_keyspace_t* keyspace,
    const vasto_key_t* keys, const uint64_t* tags, size_t count,
    const vasto_read_options_t* options, vasto_future_t** out_futures, vasto_error_t** err);

// Starts `count` puts at once, of values[i] at keys[i]; otherwise as vasto_queue_start_gets.
// Threads: any. Codes: OK, those of vasto_put_async that are not about key or value. Since 1.1.
VASTO_STATUS vasto_queue_start_puts(vasto_queue_t* queue, vasto_keyspace_t* keyspace,
    const vasto_key_t* keys, const vasto_slice_t* values, const uint64_t* tags, size_t count,
    const vasto_write_options_t* options, vasto_future_t** out_futures, vasto_error_t** err);

#endif  // VASTO_API_VERSION >= 10100

// Ends a queue; futures still attached go on without it. NULL is a no-op.
// Threads: no other call on the queue may be running. Since 1.0.
VASTO_API void vasto_queue_destroy(vasto_queue_t* queue);

// ------------------------------------------------------------------------------------------------
// Admin: keyspaces and the cluster; needs a master
// ------------------------------------------------------------------------------------------------

// Default options of a new keyspace: 1 shard, 1 replica, acks one, sync none, no ttl, no tags.
// *out_options is owned by the caller until its destroy. Setters as for the other options.
// Threads: any. Since 1.0.
VASTO_STATUS vasto_keyspace_options_create(
    vasto_keyspace_options_t** out_options, vasto_error_t** err);

// The number of shards, 1 to 4096.
// Threads: setup. Since 1.0.
VASTO_API void vasto_keyspace_options_set_shards(
    vasto_keyspace_options_t* options, uint32_t shards);

// The number of copies of each shard, at most the number of stores.
// Threads: setup. Since 1.0.
VASTO_API void vasto_keyspace_options_set_replicas(
    vasto_keyspace_options_t* options, uint32_t replicas);

// When a write is acknowledged: VASTO_ACKS_*.
// Threads: setup. Since 1.0.
VASTO_API void vasto_keyspace_options_set_acks(vasto_keyspace_options_t* options, int32_t acks);

// When a write is on the disk: VASTO_SYNC_*.
// Threads: setup. Since 1.0.
VASTO_API void vasto_keyspace_options_set_sync(vasto_keyspace_options_t* options, int32_t sync);

// When a value expires whose write does not say; 0: never.
// Threads: setup. Since 1.0.
VASTO_API void vasto_keyspace_options_set_ttl_seconds(
    vasto_keyspace_options_t* options, uint64_t ttl_seconds);

// Only stores with all these tags ("ssd,fast"; copied) get replicas; NULL or "": any store.
// Threads: setup. Since 1.0.
VASTO_API void vasto_keyspace_options_set_tags(vasto_keyspace_options_t* options, const char* tags);

// Ends the options. NULL is a no-op.
// Threads: setup. Since 1.0.
VASTO_API void vasto_keyspace_options_destroy(vasto_keyspace_options_t* options);

// Starts to create the keyspace `name` (copied; options NULL: defaults). *out_op is owned by the
// caller until vasto_admin_op_destroy; when it is done OK every open finds the keyspace. What is
// wrong shows at the start if the master can tell then, otherwise in the operation.
// Threads: any. Blocks: until a master has accepted it, up to the client's timeout_ms. Codes: OK,
// ALREADY_EXISTS, INVALID_ARGUMENT (no possible name or shape, more replicas than stores that fit),
// UNAVAILABLE (also when too many of those stores are down), WRONG_THREAD, network codes.
// Since 1.0.
VASTO_STATUS vasto_admin_create_keyspace(vasto_client_t* client, const char* name,
    const vasto_keyspace_options_t* options, vasto_admin_op_t** out_op, vasto_error_t** err);

// Starts to delete the keyspace `name` with all its data, for ever. *out_op is owned by the caller
// until vasto_admin_op_destroy.
// Threads: any. Blocks: as vasto_admin_create_keyspace. Codes: OK, NOT_FOUND, WRONG_THREAD, network
// codes. Since 1.0.
VASTO_STATUS vasto_admin_delete_keyspace(
    vasto_client_t* client, const char* name, vasto_admin_op_t** out_op, vasto_error_t** err);

// Starts to compact every replica of the keyspace `name`: drops what is deleted or expired from the
// disk. *out_op is owned by the caller until vasto_admin_op_destroy.
// Threads: any. Blocks: as vasto_admin_create_keyspace. Codes: OK, NOT_FOUND, WRONG_THREAD, network
// codes. Since 1.0.
VASTO_STATUS vasto_admin_compact_keyspace(
    vasto_client_t* client, const char* name, vasto_admin_op_t** out_op, vasto_error_t** err);

// Describes `what` (VASTO_DESCRIBE_*) as JSON: *out_value holds one object of UTF-8 text, with
// "schema": 1 and names that stay (more may come); owned by the caller until vasto_value_destroy.
// `name` is the keyspace for KEYSPACE and, if not NULL, for USAGE; NULL otherwise. Of the options
// only the timeout matters. Bytes, keys, counts and times (microseconds since 1970-01-01 UTC) are
// numbers, all else is text:
//   STATUS     {"schema":1, "cluster", "term", "version", "health", "stores":[STORE...],
//               "keyspaces":[KEYSPACE...]}
//   STORES     {"schema":1, "stores":[STORE...]}
//   KEYSPACES  {"schema":1, "keyspaces":[KEYSPACE...]}
//   KEYSPACE   {"schema":1, "keyspace": KEYSPACE with "shard_list":[SHARD...]}
//   USAGE      {"schema":1, "usage":{"capacity_bytes", "free_bytes", "used_bytes", "keys"}}
//   with
//   STORE      {"id", "address", "unix_path", "zone", "tags":[...], "state": "up"|"suspect"|"down",
//               "capacity_bytes", "free_bytes", "used_bytes", "keys", "replicas": how many}
//   KEYSPACE   {"name", "id", "shards", "replicas", "acks", "sync", "ttl_seconds", "tags":[...],
//               "epoch", "created_at_us", "keys", "disk_bytes", "health"}
//   SHARD      {"shard", "keys", "disk_bytes", "health", "replicas":[{"store", "address", "state",
//               "role": "primary"|"replica"|"learner", "keys", "disk_bytes", "memory_bytes",
//               "lag_us": how long ago it had all that the replicas it can reach have, null when
//               its store is not up,
//               "unreachable": how many it cannot reach, "health"}...]}
//   "health" is "ok", "degraded" (served, but replicas are missing) or "unavailable"; of one
//   replica "ok" or what is wrong with it.
// Threads: any. Blocks: up to the deadline. Codes: OK, NOT_FOUND, WRONG_THREAD, network codes.
// Since 1.0.
VASTO_STATUS vasto_admin_describe(vasto_client_t* client, int32_t what, const char* name,
    const vasto_read_options_t* options, vasto_value_t** out_value, vasto_error_t** err);

// How full the cluster is (`name` NULL), or what one keyspace may use and uses: bytes of disk in
// all, free bytes, bytes of data and the estimated number of keys, replicas counted once each for
// bytes and not at all for keys. Each out argument may be NULL. The numbers are some seconds old.
// Of the options only the timeout matters.
// Threads: any. Blocks: up to the deadline. Codes: OK, NOT_FOUND, WRONG_THREAD, network codes.
// Since 1.0.
VASTO_STATUS vasto_admin_usage(vasto_client_t* client, const char* name,
    const vasto_read_options_t* options, uint64_t* out_capacity_bytes, uint64_t* out_free_bytes,
    uint64_t* out_used_bytes, uint64_t* out_keys, vasto_error_t** err);

// The number of the operation as text, to show to people; masters forget it when they restart.
// Owned by the operation until its destroy; "" for NULL.
// Threads: shared. Since 1.0.
VASTO_API const char* vasto_admin_op_id(const vasto_admin_op_t* op);

// How far the operation is: *out_done of *out_total steps (each may be NULL, both are always
// written); total 0 means not known yet. Asks a master, unless the operation is known to be over.
// Threads: shared. Blocks: up to the client's timeout_ms. Codes: BUSY (running; no error object),
// otherwise those of the operation; WRONG_THREAD. Since 1.0.
VASTO_STATUS vasto_admin_op_progress(
    vasto_admin_op_t* op, uint64_t* out_done, uint64_t* out_total, vasto_error_t** err);

// Waits for the end of the operation and returns its result.
// Threads: shared. Blocks: up to timeout_ms (0: poll, negative: no limit). Codes: those of the
// operation; TIMEOUT (still running; no error object, the operation goes on), WRONG_THREAD.
// Since 1.0.
VASTO_STATUS vasto_admin_op_wait(vasto_admin_op_t* op, int64_t timeout_ms, vasto_error_t** err);

// Ends the handle; the operation itself goes on in the cluster. NULL is a no-op.
// Threads: shared. Since 1.0.
VASTO_API void vasto_admin_op_destroy(vasto_admin_op_t* op);

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // VASTO_VASTO_H_
