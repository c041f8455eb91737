// SPDX-License-Identifier: Apache-2.0

package vasto

import (
	"context"
	"runtime"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"
)

// Value is everything about a value that was read.
type Value struct {
	Data []byte // not nil, even if it is empty, unless the value comes from [Keyspace.Stat]
	Size int    // of the value, also after a Stat
	Type uint32 // [TypeBytes], or the application's
	// Version is for [IfVersion]: never 0, different for each write of a key, and larger for a later
	// one.
	Version   uint64
	UpdatedAt time.Time // the event time
	ExpiresAt time.Time // the zero time: never
}

// Result is what [Keyspace.MultiGet] tells of one key.
type Result struct {
	Value Value // if Code is CodeOK
	Code  Code
}

// Found is whether there is a value.
func (r Result) Found() bool { return r.Code == CodeOK }

// Get reads the bytes of the value of a key. They are not nil, even if there are none.
//
// Codes: [ErrNotFound] (also if it has expired), [ErrKeyspaceGone], [ErrTimeout], [ErrUnavailable],
// [ErrBusy], [ErrCorruption] and, as for everything, [ErrInvalidArgument] and [ErrClosed].
func (k *Keyspace) Get(ctx context.Context, key []byte, opts ...ReadOption) ([]byte, error) {
	value, err := k.GetValue(ctx, key, opts...)
	return value.Data, err
}

// GetValue is [Keyspace.Get] with everything that is known about the value.
func (k *Keyspace) GetValue(ctx context.Context, key []byte, opts ...ReadOption) (Value, error) {
	value, failed := k.get(ctx, readCallOf(key, opts))
	if failed != nil {
		failed.Op = "get"
		return Value{}, failed
	}
	return value, nil
}

func (k *Keyspace) get(ctx context.Context, call readCall) (Value, *Error) {
	o, timeoutMs, failed := k.begin(ctx, call.problem, call.timeoutMs)
	if failed != nil {
		return Value{}, failed
	}
	c := k.core
	defer c.end(o)
	if failed := k.use(); failed != nil {
		return Value{}, failed
	}
	c.gets.start(start[readSettings]{o: o, keyspace: k.ref, key: keyOf(call.key),
		settings: call.settings, timeoutMs: timeoutMs})
	failed = c.wait(ctx, o)
	runtime.KeepAlive(k)
	return o.value, failed
}

// Stat is [Keyspace.GetValue] without the bytes.
func (k *Keyspace) Stat(ctx context.Context, key []byte, opts ...ReadOption) (Value, error) {
	call := readCallOf(key, opts)
	value, failed := k.runRead(ctx, call, func(options uintptr, o *operation) uintptr {
		o.key = keyOf(call.key)
		return o.call(k.core.lib.c.StatAsync, k.ref.handle, uintptr(unsafe.Pointer(&o.key)), options,
			uintptr(unsafe.Pointer(&o.future)), uintptr(unsafe.Pointer(&o.object)))
	}, nil)
	if failed != nil {
		failed.Op = "stat"
		return Value{}, failed
	}
	return value, nil
}

// MultiGet reads many keys, each store asked once. The results are in the order of the keys; an
// [InPartition] is meant for all of them.
//
// The error is nil if every result is CodeOK or CodeNotFound, otherwise that of the first other one,
// or [ErrKeyspaceGone]; the results are there also then, unless the call could not be made at all.
func (k *Keyspace) MultiGet(ctx context.Context, keys [][]byte, opts ...ReadOption) ([]Result, error) {
	call := readCallOf(nil, opts)
	all := make([]Key, len(keys))
	for i, key := range keys {
		all[i] = call.key
		all[i].Bytes = key
	}
	return k.multiGet(ctx, all, call)
}

// MultiGetKeys is [Keyspace.MultiGet] of keys that may live in partitions of their own.
func (k *Keyspace) MultiGetKeys(ctx context.Context, keys []Key, opts ...ReadOption) ([]Result, error) {
	return k.multiGet(ctx, keys, readCallOf(nil, opts))
}

func (k *Keyspace) multiGet(ctx context.Context, keys []Key, call readCall) ([]Result, error) {
	c := make([]cKey, len(keys))
	for i, key := range keys {
		c[i] = keyOf(key)
	}
	start := func(options uintptr, o *operation) uintptr {
		code, _, _ := purego.SyscallN(k.core.lib.c.MultiGetAsync, k.ref.handle,
			uintptr(unsafe.Pointer(unsafe.SliceData(c))), uintptr(len(c)), options,
			uintptr(unsafe.Pointer(&o.future)), uintptr(unsafe.Pointer(&o.object)))
		// The keys are known to the collector by c, not by what the call was given.
		runtime.KeepAlive(c)
		return code
	}
	var results []Result
	_, failed := k.runRead(ctx, call, start, func(o *operation) *Error {
		var failed *Error
		results, failed = k.core.lib.takeValues(o, len(keys))
		return gone(failed)
	})
	if failed != nil {
		failed.Op = "multi_get"
		return results, failed
	}
	return results, nil
}

// runRead makes a read that has a call of its own, as run does.
func (k *Keyspace) runRead(ctx context.Context, call readCall,
	start func(options uintptr, o *operation) uintptr, take func(*operation) *Error) (Value, *Error) {
	o, timeoutMs, failed := k.begin(ctx, call.problem, call.timeoutMs)
	if failed != nil {
		return Value{}, failed
	}
	defer k.core.end(o)
	return run(ctx, k, o, &k.core.reads, call.settings, timeoutMs, start, take)
}

func (l *Library) takeValues(o *operation, count int) ([]Result, *Error) {
	values, codes := make([]uintptr, count), make([]int32, count)
	code, _, _ := purego.SyscallN(l.c.FutureTakeValues, o.future,
		uintptr(unsafe.Pointer(unsafe.SliceData(values))),
		uintptr(unsafe.Pointer(unsafe.SliceData(codes))),
		uintptr(count), uintptr(unsafe.Pointer(&o.object)))
	results := make([]Result, count)
	for i, value := range values {
		results[i].Code = Code(codes[i]).known()
		if value != 0 {
			results[i].Value = l.value(value)
			purego.SyscallN(l.c.ValueDestroy, value)
		}
	}
	return results, l.failure(int32(code), o.object)
}

// data copies the bytes of a value.
func (l *Library) data(value uintptr) []byte {
	data, _, _ := purego.SyscallN(l.c.ValueData, value)
	size, _, _ := purego.SyscallN(l.c.ValueSize, value)
	return copyBytes(address(data), size)
}

func (l *Library) value(value uintptr) Value {
	data, _, _ := purego.SyscallN(l.c.ValueData, value)
	size, _, _ := purego.SyscallN(l.c.ValueSize, value)
	valueType, _, _ := purego.SyscallN(l.c.ValueType, value)
	version, _, _ := purego.SyscallN(l.c.ValueVersion, value)
	updated, _, _ := purego.SyscallN(l.c.ValueUpdatedAtNs, value)
	expires, _, _ := purego.SyscallN(l.c.ValueExpiresAtNs, value)
	return Value{
		Data: copyBytes(address(data), size), Size: int(size), Type: uint32(valueType),
		Version: uint64(version), UpdatedAt: timeOf(uint64(updated)), ExpiresAt: timeOf(uint64(expires)),
	}
}

// timeOf makes nanoseconds since 1970 a time, and 0 the zero time.
func timeOf(ns uint64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	const second = uint64(time.Second)
	return time.Unix(int64(ns/second), int64(ns%second)).UTC()
}
