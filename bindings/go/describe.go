// SPDX-License-Identifier: Apache-2.0

package vasto

import (
	"context"
	"encoding/json"
	"unsafe"

	"github.com/ebitengine/purego"
)

// DescribeWhat is what [Client.Describe] tells about.
type DescribeWhat int32

// The subjects of [Client.Describe].
const (
	DescribeStatus    DescribeWhat = 0 // Cluster, Term, Version, Health, Stores and Keyspaces
	DescribeStores    DescribeWhat = 1 // Stores
	DescribeKeyspaces DescribeWhat = 2 // Keyspaces
	DescribeKeyspace  DescribeWhat = 3 // Keyspace with its Shards
	DescribeUsage     DescribeWhat = 4 // Usage
)

// Description is what a master tells. Times are in microseconds since 1970-01-01 UTC. Health is "ok",
// "degraded" (served, but replicas are missing) or "unavailable".
type Description struct {
	Schema    int            `json:"schema"`
	Cluster   string         `json:"cluster"`
	Term      uint64         `json:"term"`
	Version   uint64         `json:"version"` // of the map of the cluster
	Health    string         `json:"health"`
	Stores    []StoreInfo    `json:"stores"`
	Keyspaces []KeyspaceInfo `json:"keyspaces"`
	Keyspace  *KeyspaceInfo  `json:"keyspace"`
	Usage     *Usage         `json:"usage"`

	// Raw is the text, which may have more names.
	Raw json.RawMessage `json:"-"`
}

// StoreInfo describes a store.
type StoreInfo struct {
	ID            string   `json:"id"`
	Address       string   `json:"address"`
	UnixPath      string   `json:"unix_path"`
	Zone          string   `json:"zone"`
	Tags          []string `json:"tags"`
	State         string   `json:"state"` // "up", "suspect" or "down"
	CapacityBytes uint64   `json:"capacity_bytes"`
	FreeBytes     uint64   `json:"free_bytes"`
	UsedBytes     uint64   `json:"used_bytes"`
	Keys          uint64   `json:"keys"`
	Replicas      int      `json:"replicas"`
}

// KeyspaceInfo describes a keyspace.
type KeyspaceInfo struct {
	Name        string      `json:"name"`
	ID          string      `json:"id"`
	Shards      int         `json:"shards"`
	Replicas    int         `json:"replicas"`
	Acks        string      `json:"acks"`
	Sync        string      `json:"sync"`
	TTLSeconds  uint64      `json:"ttl_seconds"`
	Tags        []string    `json:"tags"`
	Epoch       uint64      `json:"epoch"`
	CreatedAtUs uint64      `json:"created_at_us"`
	Keys        uint64      `json:"keys"`
	DiskBytes   uint64      `json:"disk_bytes"`
	Health      string      `json:"health"`
	ShardList   []ShardInfo `json:"shard_list"` // with DescribeKeyspace
}

// ShardInfo describes a shard.
type ShardInfo struct {
	Shard     int           `json:"shard"`
	Keys      uint64        `json:"keys"`
	DiskBytes uint64        `json:"disk_bytes"`
	Health    string        `json:"health"`
	Replicas  []ReplicaInfo `json:"replicas"`
}

// ReplicaInfo describes a replica of a shard.
type ReplicaInfo struct {
	Store       string `json:"store"`
	Address     string `json:"address"`
	State       string `json:"state"`
	Role        string `json:"role"` // "primary", "replica" or "learner"
	Keys        uint64 `json:"keys"`
	DiskBytes   uint64 `json:"disk_bytes"`
	MemoryBytes uint64 `json:"memory_bytes"`
	// LagUs is how long ago it had all that the replicas it can reach have; nil when its store is not
	// up.
	LagUs       *int64 `json:"lag_us"`
	Unreachable int    `json:"unreachable"` // how many replicas it cannot reach
	Health      string `json:"health"`      // "ok", or what is wrong with it
}

// Usage is how full the cluster is, or what one keyspace may use and uses: bytes of disk in all, free
// bytes, bytes of data, and the estimated number of keys. Replicas count once each for bytes and not
// at all for keys. The numbers are some seconds old.
type Usage struct {
	CapacityBytes uint64 `json:"capacity_bytes"`
	FreeBytes     uint64 `json:"free_bytes"`
	UsedBytes     uint64 `json:"used_bytes"`
	Keys          uint64 `json:"keys"`
}

// Describe asks a master. name is the keyspace of DescribeKeyspace and, unless it is empty, of
// DescribeUsage; empty otherwise. It blocks a thread, up to the deadline of the context or the
// client's timeout_ms.
//
// Codes: [ErrNotFound] (no such keyspace), [ErrInvalidArgument], [ErrUnavailable], [ErrTimeout].
func (c *Client) Describe(ctx context.Context, what DescribeWhat, name string) (*Description, error) {
	const op = "describe"
	text, err := ask(ctx, c, name, func(lib *Library, name *byte, options uintptr) ([]byte, *Error) {
		var value, object uintptr
		code, _, _ := purego.SyscallN(lib.c.AdminDescribe, c.core.ref.handle, uintptr(what),
			uintptr(unsafe.Pointer(name)), options,
			uintptr(unsafe.Pointer(&value)), uintptr(unsafe.Pointer(&object)))
		if failed := lib.failure(int32(code), object); failed != nil {
			return nil, failed
		}
		defer purego.SyscallN(lib.c.ValueDestroy, value)
		return lib.data(value), nil
	})
	if err != nil {
		return nil, named(op, err)
	}
	d := &Description{Raw: text}
	if err := json.Unmarshal(text, d); err != nil {
		return nil, &Error{Code: CodeInternal, Number: int32(CodeInternal), Op: op, Origin: "client",
			Message: "the description of the master: " + err.Error()}
	}
	return d, nil
}

// Usage tells how full the cluster is, or with a name how full one keyspace is. Otherwise as
// [Client.Describe].
func (c *Client) Usage(ctx context.Context, name string) (Usage, error) {
	usage, err := ask(ctx, c, name, func(lib *Library, name *byte, options uintptr) (*Usage, *Error) {
		u := new(Usage)
		var object uintptr
		code, _, _ := purego.SyscallN(lib.c.AdminUsage, c.core.ref.handle,
			uintptr(unsafe.Pointer(name)), options,
			uintptr(unsafe.Pointer(&u.CapacityBytes)), uintptr(unsafe.Pointer(&u.FreeBytes)),
			uintptr(unsafe.Pointer(&u.UsedBytes)), uintptr(unsafe.Pointer(&u.Keys)),
			uintptr(unsafe.Pointer(&object)))
		return u, lib.failure(int32(code), object)
	})
	if err != nil {
		return Usage{}, named("usage", err)
	}
	return *usage, nil
}

// ask makes a call to a master, of which only the time limit can be chosen.
func ask[T any](ctx context.Context, c *Client, name string,
	f func(lib *Library, name *byte, options uintptr) (T, *Error)) (T, error) {
	var none T
	if c == nil || c.core == nil {
		return none, invalid("the client is nil")
	}
	var text []byte
	if name != "" {
		var err error
		if text, err = terminated("the name", name); err != nil {
			return none, err
		}
	}
	return call(ctx, c.core, false, func() (T, error) {
		lib := c.core.lib
		timeoutMs, _ := timeoutOf(ctx, 0)
		options, failed := c.core.reads.take(lib, readSettings{}, timeoutMs)
		if failed != nil {
			return none, failed
		}
		defer c.core.reads.put(options)
		answer, failed := f(lib, unsafe.SliceData(text), options.orNull())
		if failed != nil {
			return none, failed
		}
		return answer, nil
	}, nil)
}
