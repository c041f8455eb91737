// SPDX-License-Identifier: Apache-2.0

package vasto

import (
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"
)

// How many finished operations one foreign call takes.
const drainBlock = 256

// queue is where the operations of a client appear when they are done. One goroutine takes them and
// wakes those that wait for them. It sleeps in Go's own poller, on the file descriptor of the queue,
// so that no thread waits.
type queue struct {
	lib     *Library
	handle  uintptr
	file    *os.File // a duplicate of the queue's descriptor, which the library keeps
	stopped chan struct{}

	mu      sync.Mutex
	waiting map[uint64]*operation
	lastTag uint64

	futures, tags [drainBlock]uint64
	found         [drainBlock]*operation
	count         uintptr
	object        uintptr
}

func newQueue(lib *Library) (*queue, error) {
	q := &queue{lib: lib, stopped: make(chan struct{}), waiting: make(map[uint64]*operation)}
	code, _, _ := purego.SyscallN(lib.c.QueueCreate, uintptr(unsafe.Pointer(&q.handle)),
		uintptr(unsafe.Pointer(&q.object)))
	if failed := lib.failure(int32(code), q.object); failed != nil {
		return nil, failed
	}
	fd, _, _ := purego.SyscallN(lib.c.QueueFd, q.handle)
	file, err := duplicate(int32(fd))
	if err != nil {
		purego.SyscallN(lib.c.QueueDestroy, q.handle)
		return nil, &Error{Code: CodeIOError, Number: int32(CodeIOError), Origin: "client",
			Message: err.Error()}
	}
	q.file = file
	go q.run()
	return q, nil
}

// duplicate gives Go's poller a descriptor that it may close. It is set not to block, as the
// library's own is.
func duplicate(fd int32) (*os.File, error) {
	copied, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_DUPFD_CLOEXEC, 0)
	if errno != 0 {
		return nil, fmt.Errorf("the descriptor of the queue: %w", errno)
	}
	if err := syscall.SetNonblock(int(copied), true); err != nil {
		syscall.Close(int(copied))
		return nil, fmt.Errorf("the descriptor of the queue: %w", err)
	}
	file := os.NewFile(copied, "vasto queue")
	// Only what the poller watches takes deadlines.
	if err := file.SetReadDeadline(time.Time{}); err != nil {
		file.Close()
		return nil, fmt.Errorf("the descriptor of the queue: %w", err)
	}
	return file, nil
}

func (q *queue) run() {
	defer close(q.stopped)
	connection, err := q.file.SyscallConn()
	if err != nil {
		return
	}
	// The poller tells of the edge when the queue gets something, not of the level: each round
	// must leave it empty. The function never says that it is satisfied, so only stop ends this.
	_ = connection.Read(func(uintptr) bool {
		q.drain()
		return false
	})
}

// drain empties the queue.
func (q *queue) drain() {
	for {
		code, _, _ := purego.SyscallN(q.lib.c.QueueNextBlock, q.handle, 0,
			uintptr(unsafe.Pointer(&q.futures[0])), uintptr(unsafe.Pointer(&q.tags[0])), drainBlock,
			uintptr(unsafe.Pointer(&q.count)), uintptr(unsafe.Pointer(&q.object)))
		switch Code(int32(code)) {
		case CodeOK:
			q.wake(q.tags[:q.count])
			if q.count < drainBlock {
				return
			}
		case CodeTimeout:
			return
		default:
			// Out of memory: what is in the queue stays there.
			q.lib.failure(int32(code), q.object)
			time.Sleep(time.Millisecond)
		}
	}
}

func (q *queue) wake(tags []uint64) {
	// Those that are woken may want the lock at once.
	for _, o := range q.detach(tags) {
		o.done <- struct{}{}
	}
}

// detach gives the operations that wait under the tags.
func (q *queue) detach(tags []uint64) []*operation {
	q.mu.Lock()
	defer q.mu.Unlock()
	found := q.found[:0]
	for _, tag := range tags {
		if o := q.waiting[tag]; o != nil {
			delete(q.waiting, tag)
			found = append(found, o)
		}
	}
	return found
}

// attach has o.done receive once the future of o is done.
func (q *queue) attach(o *operation) *Error {
	q.mu.Lock()
	q.lastTag++
	tag := q.lastTag
	q.waiting[tag] = o
	q.mu.Unlock()
	code := o.call(q.lib.c.QueueAttach, q.handle, o.future, uintptr(tag),
		uintptr(unsafe.Pointer(&o.object)))
	failed := q.lib.failure(int32(code), o.object)
	if failed != nil {
		q.mu.Lock()
		delete(q.waiting, tag)
		q.mu.Unlock()
	}
	return failed
}

// stop ends the queue, when nothing waits any more.
func (q *queue) stop() {
	_ = q.file.Close()
	<-q.stopped
	purego.SyscallN(q.lib.c.QueueDestroy, q.handle)
}
