// SPDX-License-Identifier: Apache-2.0

package vasto

import (
	"runtime"
	"sync"
	"time"
	"unsafe"
)

const (
	// How many operations one foreign call starts.
	startBlock = 128
	// What has waited so long to be started is not kept waiting for more.
	gatherLimit = 100 * time.Microsecond
	// To look at the clock costs something, so not every operation does.
	lateEvery = 4
)

// gatherer starts the gets, or the puts, of a client. Goroutines that a block of results woke start
// their next operations one right after the other: the first of them lets the others go before it,
// and starts all in one foreign call, which sends them together.
type gatherer[S settings] struct {
	core     *core
	pool     *optionPool[S]
	function uintptr
	values   bool // the function takes values

	mu       sync.Mutex
	gathered []start[S]
	since    time.Duration

	starting sync.Mutex // held by who starts them, and guards the rest; before mu
	spare    []start[S]
	keys     [startBlock]cKey
	data     [startBlock]cSlice
	started  [startBlock]*operation
	tags     [startBlock]uint64
	futures  [startBlock]uintptr
	object   uintptr
	frame    frame
}

// start is an operation that is to be started. Once it is, it may be done and its operation that of
// another call, so all that is needed is here.
type start[S settings] struct {
	o         *operation
	tag       uint64
	keyspace  *ref // in use until it is
	key       cKey
	data      cSlice
	settings  S
	timeoutMs uint64
}

// alike is whether one call can start both.
func (s *start[S]) alike(other *start[S]) bool {
	return s.keyspace == other.keyspace && s.timeoutMs == other.timeoutMs && s.settings == other.settings
}

// start has the operation started soon, if not at once. What keeps it from being is its result.
func (g *gatherer[S]) start(s start[S]) {
	alone := g.core.queue.expect(s.o)
	s.tag = s.o.tag
	first, late := g.gather(s)
	if first && !alone {
		runtime.Gosched()
	}
	if first || late {
		g.flush()
	}
}

// gather tells whether the operation is the first, which is to have all started, or one that must
// not wait for that.
func (g *gatherer[S]) gather(s start[S]) (first, late bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.gathered = append(g.gathered, s)
	count := len(g.gathered)
	if count == 1 {
		g.since = clock()
		return true, false
	}
	return false, count%lateEvery == 0 && (count >= startBlock || clock()-g.since > gatherLimit)
}

// flush returns when everything that was gathered before is started.
func (g *gatherer[S]) flush() {
	g.starting.Lock()
	defer g.starting.Unlock()
	g.mu.Lock()
	gathered := g.gathered
	g.gathered = g.spare[:0]
	g.mu.Unlock()
	for rest := gathered; len(rest) > 0; {
		count := 1
		for count < min(len(rest), startBlock) && rest[count].alike(&rest[0]) {
			count++
		}
		g.startBlock(rest[:count])
		rest = rest[count:]
	}
	clear(gathered)
	// What a burst needed is given back.
	if g.spare = gathered; cap(gathered) > 8*startBlock {
		g.spare = nil
	}
}

func (g *gatherer[S]) startBlock(block []start[S]) {
	lib, count := g.core.lib, len(block)
	for i, s := range block {
		g.started[i], g.tags[i], g.keys[i], g.data[i] = s.o, s.tag, s.key, s.data
	}
	options, failed := g.pool.take(lib, block[0].settings, block[0].timeoutMs)
	if failed == nil {
		g.object = 0
		code := g.call(block[0].keyspace.handle, count, options.orNull())
		failed = lib.failure(code, g.object)
		g.pool.put(options)
	}
	for i := range block {
		block[i].keyspace.release()
	}
	if failed == nil {
		g.core.queue.started(g.started[:count], g.tags[:count], g.futures[:count])
	} else {
		g.core.queue.refuse(g.started[:count], g.tags[:count], g.futures[:count], failed)
	}
	clear(g.started[:count])
	clear(g.keys[:count])
	clear(g.data[:count])
	clear(g.futures[:count])
}

func (g *gatherer[S]) call(keyspace uintptr, count int, options uintptr) int32 {
	queue := g.core.queue.handle
	keys, tags := uintptr(unsafe.Pointer(&g.keys)), uintptr(unsafe.Pointer(&g.tags))
	futures, object := uintptr(unsafe.Pointer(&g.futures)), uintptr(unsafe.Pointer(&g.object))
	if g.values {
		return int32(g.frame.call(g.function, queue, keyspace, keys, uintptr(unsafe.Pointer(&g.data)), tags,
			uintptr(count), options, futures, object))
	}
	return int32(g.frame.call(g.function, queue, keyspace, keys, tags, uintptr(count), options, futures, object))
}
