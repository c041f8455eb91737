// SPDX-License-Identifier: Apache-2.0

package vasto

import (
	"context"
	"runtime"
	"strings"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"
)

// SyncMode says when a write to a keyspace reaches the disk of a replica.
type SyncMode int32

// The modes of [KeyspaceOptions].
const (
	SyncNone     SyncMode = 0 // when the operating system writes it back; the default
	SyncInterval SyncMode = 1 // within about a second
	SyncAlways   SyncMode = 2 // before it is acknowledged
)

// KeyspaceOptions are the shape of a new keyspace. The zero value is 1 shard, 1 replica, acks one.
type KeyspaceOptions struct {
	Shards   int // 1 to 4096; 0 stands for 1
	Replicas int // copies of each shard, at most the number of stores; 0 stands for 1
	Acks     AckLevel
	Sync     SyncMode
	TTL      time.Duration // of values whose write does not say, in whole seconds, rounded up; 0: for ever
	Tags     []string      // only stores with all these tags get replicas; none: any store
}

// How long a thread waits for the end of an operation at a time.
const adminSliceMs = 1000

// AdminOperation is an operation that goes on in the cluster.
type AdminOperation struct {
	client *Client // keeps it from being finalized
	core   *core
	ref    *ref
	id     string
}

// Progress is how far an operation is.
type Progress struct {
	Done, Total uint64 // steps; Total 0: not known yet
	Finished    bool
}

// CreateKeyspace starts to create a keyspace; when the operation is done every open finds it. It
// blocks a thread until a master has accepted it, up to the client's timeout_ms.
//
// Codes: [ErrAlreadyExists], [ErrInvalidArgument] (no possible name or shape, or more replicas than
// stores that fit), [ErrUnavailable]. A call that its context ended is in doubt.
func (c *Client) CreateKeyspace(ctx context.Context, name string, options KeyspaceOptions) (*AdminOperation, error) {
	create := func(name []byte, op *AdminOperation, object *uintptr) (uintptr, *Error) {
		shape, failed := keyspaceOptions(c.core.lib, &options)
		if failed != nil {
			return 0, failed
		}
		defer purego.SyscallN(c.core.lib.c.KeyspaceOptionsDestroy, shape)
		code, _, _ := purego.SyscallN(c.core.lib.c.AdminCreateKeyspace, c.core.ref.handle,
			uintptr(unsafe.Pointer(&name[0])), shape,
			uintptr(unsafe.Pointer(&op.ref.handle)), uintptr(unsafe.Pointer(object)))
		return code, nil
	}
	return c.start(ctx, "create keyspace", name, create)
}

// DeleteKeyspace starts to delete a keyspace with all its data, for ever. [ErrNotFound]: there is
// none. Otherwise as [Client.CreateKeyspace].
func (c *Client) DeleteKeyspace(ctx context.Context, name string) (*AdminOperation, error) {
	remove := func(name []byte, op *AdminOperation, object *uintptr) (uintptr, *Error) {
		code, _, _ := purego.SyscallN(c.core.lib.c.AdminDeleteKeyspace, c.core.ref.handle,
			uintptr(unsafe.Pointer(&name[0])),
			uintptr(unsafe.Pointer(&op.ref.handle)), uintptr(unsafe.Pointer(object)))
		return code, nil
	}
	return c.start(ctx, "delete keyspace", name, remove)
}

// CompactKeyspace starts to compact every replica of a keyspace: drops what is deleted or expired
// from the disk. Otherwise as [Client.DeleteKeyspace].
func (c *Client) CompactKeyspace(ctx context.Context, name string) (*AdminOperation, error) {
	compact := func(name []byte, op *AdminOperation, object *uintptr) (uintptr, *Error) {
		code, _, _ := purego.SyscallN(c.core.lib.c.AdminCompactKeyspace, c.core.ref.handle,
			uintptr(unsafe.Pointer(&name[0])),
			uintptr(unsafe.Pointer(&op.ref.handle)), uintptr(unsafe.Pointer(object)))
		return code, nil
	}
	return c.start(ctx, "compact keyspace", name, compact)
}

func (c *Client) start(ctx context.Context, what, name string,
	start func(name []byte, op *AdminOperation, object *uintptr) (uintptr, *Error)) (*AdminOperation, error) {
	if c == nil || c.core == nil {
		return nil, named(what, invalid("the client is nil"))
	}
	text, err := terminated("the name", name)
	if err != nil {
		return nil, named(what, err)
	}
	lib := c.core.lib
	op, err := call(ctx, c.core, true, func() (*AdminOperation, error) {
		op := &AdminOperation{client: c, core: c.core, ref: &ref{destroy: lib.c.AdminOpDestroy}}
		var object uintptr
		code, failed := start(text, op, &object)
		if failed != nil {
			return nil, failed
		}
		if failed := lib.failure(int32(code), object); failed != nil {
			return nil, failed
		}
		id, _, _ := purego.SyscallN(lib.c.AdminOpId, op.ref.handle)
		op.id = copyText(id)
		runtime.SetFinalizer(op, func(op *AdminOperation) { op.ref.close() })
		return op, nil
	}, func(op *AdminOperation) { _ = op.Close() })
	return op, named(what, err)
}

func keyspaceOptions(lib *Library, options *KeyspaceOptions) (uintptr, *Error) {
	var problem *Error
	ttl := rounded("the ttl", options.TTL, time.Second, &problem)
	if problem != nil {
		return 0, problem
	}
	if options.Shards < 0 || options.Shards > 4096 || options.Replicas < 0 || options.Replicas > 4096 {
		return 0, invalid("%d shards with %d replicas", options.Shards, options.Replicas)
	}
	tags, err := terminated("a tag", strings.Join(options.Tags, ","))
	if err != nil {
		return 0, invalid("a tag holds a zero byte")
	}
	var shape, object uintptr
	code, _, _ := purego.SyscallN(lib.c.KeyspaceOptionsCreate, uintptr(unsafe.Pointer(&shape)),
		uintptr(unsafe.Pointer(&object)))
	if failed := lib.failure(int32(code), object); failed != nil {
		return 0, failed
	}
	purego.SyscallN(lib.c.KeyspaceOptionsSetShards, shape, uintptr(max(1, options.Shards)))
	purego.SyscallN(lib.c.KeyspaceOptionsSetReplicas, shape, uintptr(max(1, options.Replicas)))
	purego.SyscallN(lib.c.KeyspaceOptionsSetAcks, shape, uintptr(options.Acks))
	purego.SyscallN(lib.c.KeyspaceOptionsSetSync, shape, uintptr(options.Sync))
	purego.SyscallN(lib.c.KeyspaceOptionsSetTtlSeconds, shape, uintptr(ttl))
	purego.SyscallN(lib.c.KeyspaceOptionsSetTags, shape, uintptr(unsafe.Pointer(&tags[0])))
	return shape, nil
}

// ID is the number of the operation as text, to show to people.
func (op *AdminOperation) ID() string { return op.id }

// Progress tells how far the operation is, and how it failed once it has. It blocks a thread while it
// asks a master, up to the client's timeout_ms.
func (op *AdminOperation) Progress(ctx context.Context) (Progress, error) {
	const what = "progress"
	if op == nil || op.ref == nil {
		return Progress{}, named(what, invalid("the operation is nil"))
	}
	progress, err := call(ctx, op.core, false, func() (Progress, error) {
		if !op.ref.acquire() {
			return Progress{}, closedError("operation")
		}
		defer op.ref.release()
		var p Progress
		var object uintptr
		code, _, _ := purego.SyscallN(op.core.lib.c.AdminOpProgress, op.ref.handle,
			uintptr(unsafe.Pointer(&p.Done)), uintptr(unsafe.Pointer(&p.Total)),
			uintptr(unsafe.Pointer(&object)))
		if Code(int32(code)) == CodeBusy && object == 0 {
			return p, nil
		}
		p.Finished = true
		if failed := op.core.lib.failure(int32(code), object); failed != nil {
			return p, failed
		}
		return p, nil
	}, nil)
	return progress, named(what, err)
}

// Wait waits for the end of the operation and returns its result. It blocks a thread. When the
// context ends, the operation goes on in the cluster.
func (op *AdminOperation) Wait(ctx context.Context) error {
	const what = "wait"
	if op == nil || op.ref == nil {
		return named(what, invalid("the operation is nil"))
	}
	_, err := call(ctx, op.core, false, func() (struct{}, error) {
		for ctx.Err() == nil {
			if done, failed := op.waitSlice(); failed != nil {
				return struct{}{}, failed
			} else if done {
				return struct{}{}, nil
			}
		}
		return struct{}{}, contextError(ctx, false)
	}, nil)
	return named(what, err)
}

func (op *AdminOperation) waitSlice() (bool, *Error) {
	if !op.ref.acquire() {
		return false, closedError("operation")
	}
	defer op.ref.release()
	var object uintptr
	code, _, _ := purego.SyscallN(op.core.lib.c.AdminOpWait, op.ref.handle, adminSliceMs,
		uintptr(unsafe.Pointer(&object)))
	if Code(int32(code)) == CodeTimeout && object == 0 {
		return false, nil
	}
	return true, op.core.lib.failure(int32(code), object)
}

// Close ends the handle; the operation itself goes on in the cluster. The error is always nil.
func (op *AdminOperation) Close() error {
	if op != nil && op.ref != nil && op.ref.close() {
		runtime.SetFinalizer(op, nil)
	}
	return nil
}
