// SPDX-License-Identifier: Apache-2.0

package vasto

import (
	"context"
	"runtime"
	"time"
	"unsafe"
)

// Merge says what a merge does with the value of a key and its operand. All but MergeAppend work on
// numbers as decimal text. Without a value the additions begin at 0, the others at the operand.
type Merge int32

// The operations of [Keyspace.Merge] and [Batch.Merge].
const (
	MergeAddInt64   Merge = 1
	MergeMinInt64   Merge = 2
	MergeMaxInt64   Merge = 3
	MergeAddFloat64 Merge = 4
	MergeMinFloat64 Merge = 5
	MergeMaxFloat64 Merge = 6
	MergeAppend     Merge = 7 // the operand comes behind the value, whatever both are
)

// Put stores data as the value of a key, replacing an older one, and returns the version it got.
//
// Codes: [ErrStaleWrite] (older than what is stored, or [IfVersion] failed), [ErrAlreadyExists]
// ([IfAbsent] failed), [ErrTooLarge], [ErrNoSpace], [ErrKeyspaceGone], [ErrTimeout],
// [ErrUnavailable], [ErrBusy]. A write that failed may be in doubt: see [Error.InDoubt].
func (k *Keyspace) Put(ctx context.Context, key, data []byte, opts ...WriteOption) (uint64, error) {
	version, failed := k.put(ctx, writeCallOf(key, opts), data)
	if failed != nil {
		failed.Op = "put"
		return 0, failed
	}
	return version, nil
}

func (k *Keyspace) put(ctx context.Context, call writeCall, data []byte) (uint64, *Error) {
	o, timeoutMs, failed := k.begin(ctx, call.problem, call.timeoutMs)
	if failed != nil {
		return 0, failed
	}
	c := k.core
	defer c.end(o)
	if failed := k.use(); failed != nil {
		return 0, failed
	}
	o.writes = true
	c.puts.start(start[writeSettings]{o: o, keyspace: k.ref, key: keyOf(call.key), data: sliceOf(data),
		settings: call.settings, timeoutMs: timeoutMs})
	failed = c.wait(ctx, o)
	runtime.KeepAlive(k)
	return o.value.Version, failed
}

// Delete deletes the value of a key; there need be none. [IfAbsent] is [ErrInvalidArgument].
// Otherwise as [Keyspace.Put].
func (k *Keyspace) Delete(ctx context.Context, key []byte, opts ...WriteOption) (uint64, error) {
	call := writeCallOf(key, opts)
	return k.write(ctx, "delete", call, func(options uintptr, o *operation) uintptr {
		o.key = keyOf(call.key)
		return o.call(k.core.lib.c.DeleteAsync, k.ref.handle,
			uintptr(unsafe.Pointer(&o.key)), options,
			uintptr(unsafe.Pointer(&o.future)), uintptr(unsafe.Pointer(&o.object)))
	})
}

// Touch gives the value of a key another expiry: ttl from now, in whole seconds, rounded up; 0 for
// never. The bytes stay; version and event time are new. [ErrNotFound] says that there is no such
// key, [IfAbsent] is [ErrInvalidArgument]; otherwise as [Keyspace.Put].
func (k *Keyspace) Touch(ctx context.Context, key []byte, ttl time.Duration, opts ...WriteOption) (uint64, error) {
	call := writeCallOf(key, opts)
	seconds := rounded("the ttl", ttl, time.Second, &call.problem)
	return k.write(ctx, "touch", call, func(options uintptr, o *operation) uintptr {
		o.key = keyOf(call.key)
		return o.call(k.core.lib.c.TouchAsync, k.ref.handle,
			uintptr(unsafe.Pointer(&o.key)), uintptr(seconds), options,
			uintptr(unsafe.Pointer(&o.future)), uintptr(unsafe.Pointer(&o.object)))
	})
}

// Merge merges the operand into the value of a key. Each merge of a number counts once, whichever
// replica takes it. It is never repeated by itself, so without an answer it ends in doubt.
// Conditions and an event time are [ErrInvalidArgument], and so is a value or an operand that is no
// such number; otherwise as [Keyspace.Put].
func (k *Keyspace) Merge(ctx context.Context, key []byte, merge Merge, operand []byte,
	opts ...WriteOption) (uint64, error) {
	call := writeCallOf(key, opts)
	return k.write(ctx, "merge", call, func(options uintptr, o *operation) uintptr {
		o.key, o.data = keyOf(call.key), sliceOf(operand)
		return o.call(k.core.lib.c.MergeAsync, k.ref.handle,
			uintptr(unsafe.Pointer(&o.key)), uintptr(merge),
			uintptr(o.data.data), o.data.size, options,
			uintptr(unsafe.Pointer(&o.future)), uintptr(unsafe.Pointer(&o.object)))
	})
}

// write makes a write of one key that has a call of its own, and returns its version.
func (k *Keyspace) write(ctx context.Context, op string, call writeCall,
	start func(options uintptr, o *operation) uintptr) (uint64, error) {
	value, failed := k.runWrite(ctx, call, start, nil)
	if failed != nil {
		failed.Op = op
		return 0, failed
	}
	return value.Version, nil
}

// runWrite makes a write that has a call of its own, as run does.
func (k *Keyspace) runWrite(ctx context.Context, call writeCall,
	start func(options uintptr, o *operation) uintptr, take func(*operation) *Error) (Value, *Error) {
	o, timeoutMs, failed := k.begin(ctx, call.problem, call.timeoutMs)
	if failed != nil {
		return Value{}, failed
	}
	defer k.core.end(o)
	o.writes = true
	return run(ctx, k, o, &k.core.writes, call.settings, timeoutMs, start, take)
}
