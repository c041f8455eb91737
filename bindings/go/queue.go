// SPDX-License-Identifier: Apache-2.0

package vasto

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"
)

// queue is where the operations of a client appear when they are done. Whoever looks takes all that
// are, and wakes those that wait for them: a goroutine that sleeps in Go's own poller, on the file
// descriptor of the queue, so that no thread waits; or one that waits for its own operation, as long
// as that is alone (looker).
//
// Locks: taking before mu.
type queue struct {
	lib     *Library
	handle  uintptr
	bell    *doorbell
	stopped chan struct{}
	looker  looker // of who waits for an operation that is alone
	taker   looker // of the goroutine that takes results for all

	sleeping atomic.Int32 // goroutines

	mu       sync.Mutex
	waiting  map[uint64]*operation
	lastTag  uint64
	inFlight atomic.Int32 // of waiting, but for those that may wait for ever; changed under mu

	// Held by who takes results. The future of an operation that waits lives at least as long.
	taking sync.Mutex
	block  resultBlock
}

func newQueue(lib *Library) (*queue, error) {
	q := &queue{lib: lib, stopped: make(chan struct{}), waiting: make(map[uint64]*operation)}
	var object uintptr
	code, _, _ := purego.SyscallN(lib.c.QueueCreate, uintptr(unsafe.Pointer(&q.handle)),
		uintptr(unsafe.Pointer(&object)))
	if failed := lib.failure(int32(code), object); failed != nil {
		return nil, failed
	}
	fd, _, _ := purego.SyscallN(lib.c.QueueFd, q.handle)
	bell, err := newDoorbell(int(int32(fd)))
	if err != nil {
		purego.SyscallN(lib.c.QueueDestroy, q.handle)
		return nil, &Error{Code: CodeIOError, Number: int32(CodeIOError), Origin: "client",
			Message: "the descriptor of the queue: " + err.Error()}
	}
	q.bell = bell
	go func() {
		defer close(q.stopped)
		bell.run(q.answer)
	}()
	return q, nil
}

// answer empties the queue, and arms the bell for those that sleep on.
func (q *queue) answer() {
	q.drain()
	if q.sleeping.Load() > 0 {
		q.bell.arm()
	}
}

// sleep returns when o is done (true), or stop receives.
func (q *queue) sleep(o *operation, stop <-chan struct{}) bool {
	q.sleeping.Add(1)
	defer q.sleeping.Add(-1)
	q.bell.arm()
	if stop == nil {
		<-o.done
		return true
	}
	select {
	case <-o.done:
		return true
	case <-stop:
		return false
	}
}

// drain empties the queue, and looks a while for what comes next.
func (q *queue) drain() {
	var looking time.Duration // since when; 0: it does not
	for {
		switch code := q.take(); code {
		case CodeOK:
			if looking != 0 {
				q.taker.came()
				looking = 0
			}
			if q.inFlight.Load() > 0 {
				runtime.Gosched()
			}
		case CodeTimeout:
			switch {
			case q.inFlight.Load() == 0:
				return
			case looking == 0 && q.taker.mayLook():
				looking = clock()
			case looking == 0:
				return
			case clock()-looking >= lookLimit:
				q.taker.failed()
				return
			}
			runtime.Gosched()
		default:
			// Out of memory: what is in the queue stays there.
			time.Sleep(time.Millisecond)
		}
	}
}

// expect makes o one that waits; true if it is the only one in flight.
func (q *queue) expect(o *operation) (alone bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.lastTag++
	o.tag = q.lastTag
	q.waiting[o.tag] = o
	return q.count(o, 1) == 1
}

func (q *queue) count(o *operation, change int32) int32 {
	if o.mayWaitForEver {
		change = 0
	}
	return q.inFlight.Add(change)
}

// detach gives the operation that waits under a tag, which does not any more; nil: none does.
// REQUIRES: q.mu is held.
func (q *queue) detach(tag uint64) *operation {
	o := q.waiting[tag]
	if o != nil {
		delete(q.waiting, tag)
		q.count(o, -1)
	}
	return o
}

// attach has o.done receive once the future of o is done.
func (q *queue) attach(o *operation) *Error {
	future := o.future // the taker's from now on
	q.expect(o)
	code := o.call(q.lib.c.QueueAttach, q.handle, future, uintptr(o.tag),
		uintptr(unsafe.Pointer(&o.object)))
	failed := q.lib.failure(int32(code), o.object)
	if failed != nil {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.detach(o.tag)
		failed.InDoubt = o.writes
	}
	return failed
}

// started gives operations their futures, for cancel, unless they are done already.
func (q *queue) started(operations []*operation, tags []uint64, futures []uintptr) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, o := range operations {
		if q.waiting[tags[i]] == o {
			o.future = futures[i]
		}
	}
}

// refuse fails operations that could not be started all. Those that have a future may have been.
func (q *queue) refuse(operations []*operation, tags []uint64, futures []uintptr, failed *Error) {
	q.taking.Lock()
	defer q.taking.Unlock()
	for i, o := range operations {
		q.mu.Lock()
		waits := q.detach(tags[i]) != nil
		q.mu.Unlock()
		if waits {
			own := *failed
			own.InDoubt = own.InDoubt || (o.writes && futures[i] != 0)
			o.future, o.failed = futures[i], &own
			o.done <- struct{}{}
		}
	}
}

// cancel ends an operation that was started, if it is not done.
func (q *queue) cancel(o *operation) {
	q.taking.Lock()
	defer q.taking.Unlock()
	q.mu.Lock()
	waits := q.waiting[o.tag] == o
	q.mu.Unlock()
	if waits {
		purego.SyscallN(q.lib.c.FutureCancel, o.future)
	}
}

// stop ends the queue, when nothing waits any more.
func (q *queue) stop() {
	q.bell.close()
	<-q.stopped
	purego.SyscallN(q.lib.c.QueueDestroy, q.handle)
}
