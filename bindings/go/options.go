// SPDX-License-Identifier: Apache-2.0

package vasto

import (
	"math"
	"time"
)

// ReadOption changes one read: [Keyspace.Get], [Keyspace.GetValue], [Keyspace.Stat] and
// [Keyspace.MultiGet]. Of two that contradict each other the later counts, here and below.
type ReadOption interface{ applyRead(*readCall) }

// WriteOption changes one write: [Keyspace.Put], [Keyspace.Delete], [Keyspace.Touch],
// [Keyspace.Merge], [Keyspace.Write] and the entries of a [Batch].
type WriteOption interface{ applyWrite(*writeCall) }

// ScanOption changes one scan.
type ScanOption interface{ applyScan(*scanCall) }

// WatchOption changes one watch.
type WatchOption interface{ applyWatch(*watchCall) }

// KeyOption is for reads and writes.
type KeyOption interface {
	ReadOption
	WriteOption
}

// ReplicaOption is for everything that reads.
type ReplicaOption interface {
	ReadOption
	ScanOption
}

// ResumeOption is for scans and watches.
type ResumeOption interface {
	ScanOption
	WatchOption
}

// SessionOption is for reads, writes and scans.
type SessionOption interface {
	ReadOption
	WriteOption
	ScanOption
}

// TimeoutOption is for everything.
type TimeoutOption interface {
	SessionOption
	WatchOption
}

// Replica says which replica may answer a read.
type Replica int32

// The choices of [FromReplica].
const (
	ReplicaPrimary Replica = 0 // the first that can be reached: fresh and monotonic; the default
	ReplicaAny     Replica = 1 // any, the reads spread over all: may be behind the primary
	ReplicaNearest Replica = 2 // one on this host, else the quickest to reach: as ReplicaAny
)

// AckLevel says how many replicas must have a write before it is acknowledged.
type AckLevel int32

// The levels of [Acks] and [KeyspaceOptions].
const (
	AcksOne    AckLevel = 0
	AcksQuorum AckLevel = 1
	AcksAll    AckLevel = 2
)

// The types of values: a label stored with them. 0 to 63 belong to the library, 64 and above mean
// whatever the application wants.
const (
	TypeBytes       uint32 = 0
	TypeApplication uint32 = 64
)

// Limits that servers enforce; what is longer is [ErrTooLarge].
const (
	MaxKeySize      = 64 << 10
	MaxValueSize    = 64 << 20
	MaxKeyspaceName = 128
)

// The settings are comparable and their zero values are the defaults, so that one can be found among
// the options objects that are there already.
type readSettings struct {
	replica        Replica
	maxStalenessMs uint64
	hedge          bool
	session        *Session
}

type writeSettings struct {
	ttlSeconds  uint64
	expiresAtNs uint64 // 0 unless set; then ttlSeconds is 0
	updatedAtNs uint64
	valueType   uint32
	condition   condition
	ifVersion   uint64
	acks        int32 // an AckLevel plus 1; 0: what the keyspace says
	session     *Session
}

type condition int8

const (
	unconditional condition = iota
	ifAbsent
	ifVersion
)

// What the options of one call come to. problem is what is wrong with them.
type readCall struct {
	settings  readSettings
	timeoutMs uint64
	key       Key
	problem   *Error
}

type writeCall struct {
	settings  writeSettings
	timeoutMs uint64
	key       Key
	problem   *Error
}

type scanCall struct {
	readSettings
	timeoutMs   uint64
	limit       uint64
	keysOnly    bool
	pageBytes   uint64
	resumeToken []byte
	blockRows   int
	problem     *Error
}

type watchCall struct {
	timeoutMs   uint64
	resumeToken []byte
	problem     *Error
}

func readCallOf(key []byte, opts []ReadOption) readCall {
	call := readCall{key: Key{Bytes: key}}
	if len(opts) > 0 {
		call.apply(opts)
	}
	return call
}

// apply works on a copy, as what options are given a pointer to is on the heap.
func (c *readCall) apply(opts []ReadOption) {
	call := *c
	for _, opt := range opts {
		if opt == nil {
			call.problem = invalid("an option is nil")
			break
		}
		opt.applyRead(&call)
	}
	*c = call
}

func writeCallOf(key []byte, opts []WriteOption) writeCall {
	call := writeCall{key: Key{Bytes: key}}
	if len(opts) > 0 {
		call.apply(opts)
	}
	return call
}

// apply works on a copy, as what options are given a pointer to is on the heap.
func (c *writeCall) apply(opts []WriteOption) {
	call := *c
	for _, opt := range opts {
		if opt == nil {
			call.problem = invalid("an option is nil")
			break
		}
		opt.applyWrite(&call)
	}
	*c = call
}

type timeout time.Duration

// Timeout is the deadline of the operation from its start, retries included, if the deadline of its
// context is not earlier; in whole milliseconds, rounded up. 0: that of the context, otherwise the
// client's timeout_ms. For a scan it is the time that the fetching of one block of rows may take,
// for a watch that of its opening.
func Timeout(d time.Duration) TimeoutOption { return timeout(d) }

func (o timeout) ms(problem **Error) uint64 { return milliseconds("the timeout", o, problem) }

func (o timeout) applyRead(c *readCall)   { c.timeoutMs = o.ms(&c.problem) }
func (o timeout) applyWrite(c *writeCall) { c.timeoutMs = o.ms(&c.problem) }
func (o timeout) applyScan(c *scanCall)   { c.timeoutMs = o.ms(&c.problem) }
func (o timeout) applyWatch(c *watchCall) { c.timeoutMs = o.ms(&c.problem) }

func milliseconds[D ~int64](what string, d D, problem **Error) uint64 {
	return rounded(what, time.Duration(d), time.Millisecond, problem)
}

// rounded is d in whole units, rounded up.
func rounded(what string, d, unit time.Duration, problem **Error) uint64 {
	if d < 0 {
		*problem = invalid("%s is negative: %v", what, d)
		return 0
	}
	units := d / unit
	if d%unit != 0 {
		units++
	}
	return uint64(units)
}

type fromReplica Replica

// FromReplica says which replica may answer. With [ReplicaAny] and [ReplicaNearest] of two reads
// after each other the second may see less than the first, unless they belong to a session.
func FromReplica(replica Replica) ReplicaOption { return fromReplica(replica) }

func (o fromReplica) applyRead(c *readCall) { c.settings.replica = Replica(o) }
func (o fromReplica) applyScan(c *scanCall) { c.replica = Replica(o) }

type maxStaleness time.Duration

// MaxStaleness bounds, with [ReplicaAny] or [ReplicaNearest], how long ago a replica may have had
// all that those before it had; one that does not know leaves the answer to the primary. In whole
// milliseconds, rounded up; 0: no bound.
func MaxStaleness(d time.Duration) ReplicaOption { return maxStaleness(d) }

func (o maxStaleness) applyRead(c *readCall) {
	c.settings.maxStalenessMs = milliseconds("the staleness", o, &c.problem)
}

func (o maxStaleness) applyScan(c *scanCall) {
	c.maxStalenessMs = milliseconds("the staleness", o, &c.problem)
}

type hedged struct{}

// Hedged asks, with [ReplicaAny] or [ReplicaNearest], a second replica when the first is unusually
// slow; the first answer counts.
func Hedged() ReadOption { return hedged{} }

func (hedged) applyRead(c *readCall) { c.settings.hedge = true }

type inSession struct{ session *Session }

// InSession makes the operation part of a session: see [Session].
func InSession(session *Session) SessionOption { return inSession{session} }

func (o inSession) check(problem **Error) *Session {
	if o.session == nil {
		*problem = invalid("the session is nil")
	}
	return o.session
}

func (o inSession) applyRead(c *readCall)   { c.settings.session = o.check(&c.problem) }
func (o inSession) applyWrite(c *writeCall) { c.settings.session = o.check(&c.problem) }
func (o inSession) applyScan(c *scanCall)   { c.session = o.check(&c.problem) }

type inPartition uint64

// InPartition says where the keys live that the operation names: in the shard that hash selects
// ([Library.PartitionHash] of whatever is to stay together), instead of the one that their own hash
// does. Every later access must give the same hash.
func InPartition(hash uint64) KeyOption { return inPartition(hash) }

func (o inPartition) apply(key *Key) {
	key.PartitionHash, key.HasPartitionHash = uint64(o), true
}

func (o inPartition) applyRead(c *readCall)   { o.apply(&c.key) }
func (o inPartition) applyWrite(c *writeCall) { o.apply(&c.key) }

// writeFunc and scanFunc are options that need no type of their own.
type writeFunc func(*writeCall)

func (f writeFunc) applyWrite(c *writeCall) { f(c) }

type scanFunc func(*scanCall)

func (f scanFunc) applyScan(c *scanCall) { f(c) }

// TTL makes the value expire so long after the write; in whole seconds, rounded up. 0: what the
// keyspace says.
func TTL(d time.Duration) WriteOption {
	return writeFunc(func(c *writeCall) {
		c.settings.ttlSeconds = rounded("the ttl", d, time.Second, &c.problem)
		c.settings.expiresAtNs = 0
	})
}

// ExpiresAt makes the value expire at this moment, kept in whole microseconds. What has expired when
// it is written is never seen.
func ExpiresAt(at time.Time) WriteOption {
	return writeFunc(func(c *writeCall) {
		c.settings.expiresAtNs = nanoseconds("the expiry", at, &c.problem)
		c.settings.ttlSeconds = 0
	})
}

// NeverExpires makes the value stay, whatever the keyspace says.
func NeverExpires() WriteOption {
	return writeFunc(func(c *writeCall) {
		c.settings.expiresAtNs, c.settings.ttlSeconds = math.MaxUint64, 0
	})
}

// UpdatedAt is the event time of the write. The last event time wins: a write that is older than
// what is stored changes nothing and is [ErrStaleWrite], whatever the order of arrival. More than
// 10 s ahead of the store's clock is [ErrInvalidArgument]. Without it the store takes its own time.
func UpdatedAt(at time.Time) WriteOption {
	return writeFunc(func(c *writeCall) {
		c.settings.updatedAtNs = nanoseconds("the event time", at, &c.problem)
	})
}

// nanoseconds since 1970: what int64 can hold of them, 0 being taken for "not set".
func nanoseconds(what string, at time.Time, problem **Error) uint64 {
	ns := at.UnixNano()
	if ns <= 0 || !time.Unix(0, ns).Equal(at) {
		*problem = invalid("%s is before 1970 or after 2262: %v", what, at)
		return 0
	}
	return uint64(ns)
}

// ValueType labels the value: [TypeBytes], or a number of the application's own from
// [TypeApplication] on.
func ValueType(label uint32) WriteOption {
	return writeFunc(func(c *writeCall) { c.settings.valueType = label })
}

// IfAbsent lets the write happen only if the key does not exist, or has expired; otherwise it is
// [ErrAlreadyExists]. Replaces another condition.
func IfAbsent() WriteOption {
	return writeFunc(func(c *writeCall) { c.settings.condition, c.settings.ifVersion = ifAbsent, 0 })
}

// IfVersion lets the write happen only if the key exists with this version; otherwise it is
// [ErrStaleWrite]. Version 0 stands for "does not exist". Replaces another condition.
func IfVersion(version uint64) WriteOption {
	return writeFunc(func(c *writeCall) {
		c.settings.condition, c.settings.ifVersion = ifVersion, version
	})
}

// Acks says how many replicas must have the write before it is acknowledged, instead of what the
// keyspace says. Ignored in an entry of a batch.
func Acks(level AckLevel) WriteOption {
	return writeFunc(func(c *writeCall) {
		if level < AcksOne || level > AcksAll {
			c.problem = invalid("no such level of acks: %d", level)
			return
		}
		c.settings.acks = int32(level) + 1
	})
}

// Limit ends the scan after so many rows; 0: no limit.
func Limit(rows uint64) ScanOption { return scanFunc(func(c *scanCall) { c.limit = rows }) }

// KeysOnly leaves the bytes of the values away; their sizes, versions and times are there.
func KeysOnly() ScanOption { return scanFunc(func(c *scanCall) { c.keysOnly = true }) }

// PageBytes is about how many bytes of rows one answer of a store holds; a larger row still comes
// whole. 0: 1 MiB.
func PageBytes(bytes uint64) ScanOption {
	return scanFunc(func(c *scanCall) { c.pageBytes = bytes })
}

// BlockRows is how many rows [Iterator.Next] takes from the library at once, 256 unless it is set.
// Between the ends of blocks [Iterator.ResumeToken] tells where the block began; 1 makes it exact
// behind every row, and the scan slower.
func BlockRows(rows int) ScanOption {
	return scanFunc(func(c *scanCall) {
		if rows < 1 {
			c.problem = invalid("a block of %d rows", rows)
			return
		}
		c.blockRows = min(rows, maxBlockRows)
	})
}

type resumeAfter []byte

// ResumeAfter goes on where [Iterator.ResumeToken] or [Watch.ResumeToken] gave this token, in any
// process and at any time later. A scan must have the same prefix or range. An empty token stands
// for none.
func ResumeAfter(token []byte) ResumeOption { return resumeAfter(token) }

func (o resumeAfter) applyScan(c *scanCall)   { c.resumeToken = o }
func (o resumeAfter) applyWatch(c *watchCall) { c.resumeToken = o }
