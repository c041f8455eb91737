// SPDX-License-Identifier: Apache-2.0

package vasto

import (
	"context"
	"runtime"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// Batch is many writes in few messages. The entries go to their shards side by side. A batch is not
// atomic: each entry has its own result. Entries for the same key take effect in their order.
type Batch struct {
	client *Client // keeps it from being finalized
	core   *core
	ref    *ref
	mu     sync.Mutex
}

// EntryResult is what became of one entry of a batch.
type EntryResult struct {
	Code    Code
	Version uint64 // that the entry got; 0 if it failed
}

// NewBatch makes an empty batch for keyspaces of any client.
func (c *Client) NewBatch() (*Batch, error) {
	const op = "batch"
	if c == nil || c.core == nil {
		return nil, named(op, invalid("the client is nil"))
	}
	lib := c.core.lib
	b := &Batch{client: c, core: c.core, ref: &ref{destroy: lib.c.BatchDestroy}}
	var object uintptr
	code, _, _ := purego.SyscallN(lib.c.BatchCreate, uintptr(unsafe.Pointer(&b.ref.handle)),
		uintptr(unsafe.Pointer(&object)))
	if failed := lib.failure(int32(code), object); failed != nil {
		return nil, named(op, failed)
	}
	runtime.SetFinalizer(b, func(b *Batch) { b.ref.close() })
	return b, nil
}

// Put adds a put. Key, data and options are copied; without options the entry takes those of
// [Keyspace.Write]. [ErrTooLarge]: nothing was added.
func (b *Batch) Put(key, data []byte, opts ...WriteOption) error {
	return b.add("batch put", key, opts, func(key *cKey, options uintptr, object *uintptr) uintptr {
		code, _, _ := purego.SyscallN(b.core.lib.c.BatchPut, b.ref.handle, uintptr(unsafe.Pointer(key)),
			uintptr(unsafe.Pointer(unsafe.SliceData(data))), uintptr(len(data)), options,
			uintptr(unsafe.Pointer(object)))
		return code
	})
}

// Delete adds a delete; otherwise as [Batch.Put].
func (b *Batch) Delete(key []byte, opts ...WriteOption) error {
	return b.add("batch delete", key, opts, func(key *cKey, options uintptr, object *uintptr) uintptr {
		code, _, _ := purego.SyscallN(b.core.lib.c.BatchDelete, b.ref.handle,
			uintptr(unsafe.Pointer(key)), options, uintptr(unsafe.Pointer(object)))
		return code
	})
}

// Merge adds a merge; otherwise as [Batch.Put]. A message with merges is never repeated by itself, so
// more of its entries may end in doubt.
func (b *Batch) Merge(key []byte, merge Merge, operand []byte, opts ...WriteOption) error {
	return b.add("batch merge", key, opts, func(key *cKey, options uintptr, object *uintptr) uintptr {
		code, _, _ := purego.SyscallN(b.core.lib.c.BatchMerge, b.ref.handle,
			uintptr(unsafe.Pointer(key)), uintptr(merge),
			uintptr(unsafe.Pointer(unsafe.SliceData(operand))), uintptr(len(operand)), options,
			uintptr(unsafe.Pointer(object)))
		return code
	})
}

func (b *Batch) add(op string, key []byte, opts []WriteOption,
	add func(key *cKey, options uintptr, object *uintptr) uintptr) error {
	call := writeCallOf(key, opts)
	if call.problem != nil {
		return named(op, call.problem)
	}
	if failed := b.use(); failed != nil {
		return named(op, failed)
	}
	defer b.unuse()
	options, failed := b.core.writes.take(b.core.lib, call.settings, call.timeoutMs)
	if failed != nil {
		return named(op, failed)
	}
	defer b.core.writes.put(options)
	c, object := keyOf(call.key), uintptr(0)
	code := add(&c, options.orNull(), &object)
	if failed := b.core.lib.failure(int32(code), object); failed != nil {
		return named(op, failed)
	}
	return nil
}

// Len is the number of entries; 0 once the batch is closed.
func (b *Batch) Len() int {
	if b.use() != nil {
		return 0
	}
	defer b.unuse()
	count, _, _ := purego.SyscallN(b.core.lib.c.BatchCount, b.ref.handle)
	return int(count)
}

// Clear removes all entries and keeps the memory, for the next round.
func (b *Batch) Clear() error {
	if failed := b.use(); failed != nil {
		return named("batch clear", failed)
	}
	defer b.unuse()
	purego.SyscallN(b.core.lib.c.BatchClear, b.ref.handle)
	return nil
}

// Close ends the batch; a write of it that runs goes on. The error is always nil.
func (b *Batch) Close() error {
	if b != nil && b.ref != nil && b.ref.close() {
		runtime.SetFinalizer(b, nil)
	}
	return nil
}

// use makes the batch this goroutine's until unuse.
func (b *Batch) use() *Error {
	if b == nil || b.ref == nil {
		return invalid("the batch is nil")
	}
	if !b.mu.TryLock() {
		return busyError("batch")
	}
	if !b.ref.acquire() {
		b.mu.Unlock()
		return closedError("batch")
	}
	return nil
}

func (b *Batch) unuse() {
	b.ref.release()
	b.mu.Unlock()
}

// Write writes the entries of a batch, which stays as it is and can be written again.
//
// The results are in the order of the entries. The error is nil if every entry is CodeOK, otherwise
// that of the first that is not; the results are there also then, unless the call could not be made
// at all. Codes as for [Keyspace.Put].
func (k *Keyspace) Write(ctx context.Context, batch *Batch, opts ...WriteOption) ([]EntryResult, error) {
	const op = "batch write"
	call := writeCallOf(nil, opts)
	var unusable *Error
	start := func(options uintptr, o *operation) uintptr {
		if unusable = batch.use(); unusable != nil {
			return uintptr(unusable.Code)
		}
		defer batch.unuse()
		if batch.core.lib != k.core.lib {
			unusable = invalid("the batch belongs to another library than the keyspace")
			return uintptr(unusable.Code)
		}
		code, _, _ := purego.SyscallN(k.core.lib.c.BatchWriteAsync, k.ref.handle, batch.ref.handle,
			options, uintptr(unsafe.Pointer(&o.future)), uintptr(unsafe.Pointer(&o.object)))
		return code
	}
	var results []EntryResult
	_, failed := k.runWrite(ctx, call, start, func(o *operation) *Error {
		var failed *Error
		results, failed = k.core.lib.takeEntries(o)
		return gone(failed)
	})
	runtime.KeepAlive(batch)
	if unusable != nil {
		return nil, named(op, unusable)
	}
	if failed != nil {
		return results, named(op, failed)
	}
	return results, nil
}

func (l *Library) takeEntries(o *operation) ([]EntryResult, *Error) {
	code, _, _ := purego.SyscallN(l.c.FutureTakeBatchResult, o.future,
		uintptr(unsafe.Pointer(&o.out)), uintptr(unsafe.Pointer(&o.object)))
	failed := l.failure(int32(code), o.object)
	if o.out == 0 {
		return nil, failed
	}
	count, _, _ := purego.SyscallN(l.c.BatchResultCount, o.out)
	results := make([]EntryResult, count)
	for i := range results {
		version, _, _ := purego.SyscallN(l.c.BatchResultVersion, o.out, uintptr(i))
		results[i].Version = uint64(version)
		if failed != nil {
			code, _, _ := purego.SyscallN(l.c.BatchResultCode, o.out, uintptr(i))
			results[i].Code = Code(int32(code)).known()
		}
	}
	purego.SyscallN(l.c.BatchResultDestroy, o.out)
	return results, failed
}
