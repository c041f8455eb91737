// SPDX-License-Identifier: Apache-2.0

package vasto

import (
	"context"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"
)

// Keyspace is a named map of the cluster. It stands for the keyspace that had the name when it was
// opened: should that be deleted, and even created again, operations fail with [ErrKeyspaceGone].
type Keyspace struct {
	client *Client // keeps it from being finalized
	core   *core
	ref    *ref
	name   string
	id     string
}

// Key is a key, and optionally where it lives: see [InPartition].
type Key struct {
	Bytes            []byte
	PartitionHash    uint64
	HasPartitionHash bool
}

// Keyspace opens the keyspace name, which must exist. It blocks a thread if a master has to be asked,
// up to the client's timeout_ms, but usually none has.
//
// Codes: [ErrNotFound], [ErrInvalidArgument] (no possible name), [ErrUnavailable], [ErrTimeout].
func (c *Client) Keyspace(ctx context.Context, name string) (*Keyspace, error) {
	const op = "open keyspace"
	if c == nil || c.core == nil {
		return nil, named(op, invalid("the client is nil"))
	}
	text, err := terminated("the name", name)
	if err != nil {
		return nil, named(op, err)
	}
	keyspace, err := call(ctx, c.core, false,
		func() (*Keyspace, error) { return c.open(text) },
		func(k *Keyspace) { _ = k.Close() })
	return keyspace, named(op, err)
}

func (c *Client) open(name []byte) (*Keyspace, error) {
	lib := c.core.lib
	k := &Keyspace{client: c, core: c.core, ref: &ref{destroy: lib.c.KeyspaceDestroy}}
	var object uintptr
	code, _, _ := purego.SyscallN(lib.c.KeyspaceOpen, c.core.ref.handle,
		uintptr(unsafe.Pointer(&name[0])), uintptr(unsafe.Pointer(&k.ref.handle)),
		uintptr(unsafe.Pointer(&object)))
	if failed := lib.failure(int32(code), object); failed != nil {
		return nil, failed
	}
	text, _, _ := purego.SyscallN(lib.c.KeyspaceName, k.ref.handle)
	k.name = copyText(text)
	text, _, _ = purego.SyscallN(lib.c.KeyspaceId, k.ref.handle)
	k.id = copyText(text)
	runtime.SetFinalizer(k, func(k *Keyspace) { k.ref.close() })
	return k, nil
}

// Close ends the handle, not the keyspace. Running operations are not affected, later ones fail with
// [ErrClosed]. The error is always nil.
func (k *Keyspace) Close() error {
	if k != nil && k.ref != nil && k.ref.close() {
		runtime.SetFinalizer(k, nil)
	}
	return nil
}

// Name is the name.
func (k *Keyspace) Name() string { return k.name }

// ID is the id, a uuid as text, which no other keyspace ever has.
func (k *Keyspace) ID() string { return k.id }

// ShardCount is the number of shards that the client knows of at this moment; 0 once it is closed.
func (k *Keyspace) ShardCount() int {
	return k.number(func(c *symbols) uintptr { return c.KeyspaceShardCount })
}

// ReplicaCount is how many replicas of each shard the keyspace asks for; 0 once it is closed.
func (k *Keyspace) ReplicaCount() int {
	return k.number(func(c *symbols) uintptr { return c.KeyspaceReplicaCount })
}

func (k *Keyspace) number(getter func(*symbols) uintptr) int {
	if k.use() != nil {
		return 0
	}
	defer k.ref.release()
	number, _, _ := purego.SyscallN(getter(&k.core.lib.c), k.ref.handle)
	return int(uint32(number))
}

// ShardOf is the shard, from 0, in which the key lives at this moment; 0 once the keyspace is closed.
func (k *Keyspace) ShardOf(key Key) int {
	if k.use() != nil {
		return 0
	}
	defer k.ref.release()
	c := keyOf(key)
	shard, _, _ := purego.SyscallN(k.core.lib.c.KeyspaceShardOf, k.ref.handle,
		uintptr(unsafe.Pointer(&c)))
	return int(uint32(shard))
}

// begin starts an operation of the keyspace, as core.begin does.
func (k *Keyspace) begin(ctx context.Context, problem *Error, timeoutMs uint64) (*operation, uint64, *Error) {
	if failed := k.check(); failed != nil {
		return nil, 0, failed
	}
	if problem != nil {
		return nil, 0, problem
	}
	return k.core.begin(ctx, timeoutMs)
}

// check says what keeps a keyspace from being used at all.
func (k *Keyspace) check() *Error {
	if k == nil || k.ref == nil {
		return invalid("the keyspace is nil")
	}
	return nil
}

// use makes the handle usable until k.ref.release.
func (k *Keyspace) use() *Error {
	if failed := k.check(); failed != nil {
		return failed
	}
	if !k.ref.acquire() {
		return closedError("keyspace")
	}
	return nil
}

// gone marks a NOT_FOUND that is about the keyspace.
func gone(failed *Error) *Error {
	if failed != nil && failed.Code == CodeNotFound {
		failed.gone = true
	}
	return failed
}
