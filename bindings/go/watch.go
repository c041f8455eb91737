// SPDX-License-Identifier: Apache-2.0

package vasto

import (
	"context"
	"iter"
	"runtime"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

const watchBlock = 256

// Watch is a running watch. Every change that is acknowledged after it was opened, or behind its
// token, is given at least once; the changes of a key come in order. Some may come again, from an
// earlier one on, after another replica took over or the watch was opened anew: the last one given
// for a key is what a read of it gives in the end. There is no order between keys. That a value
// expires is no change.
type Watch struct {
	keyspace *Keyspace // keeps it from being finalized
	core     *core
	ref      *ref

	mu    sync.Mutex // held by the goroutine that takes changes
	cRows []cRow
	block []Change // those that are left of it
	ahead []byte   // the token behind the block

	tokenMu sync.Mutex
	token   []byte
}

// Watch begins to watch all keys that begin with prefix, from now on or from the token of
// [ResumeAfter]. It blocks a thread, without a token, up to the deadline of the context, [Timeout] or
// the client's timeout_ms.
//
// Codes: [ErrInvalidArgument] (no token of a watch of this keyspace), [ErrTooOld] (the keyspace had
// another number of shards then), [ErrKeyspaceGone], [ErrTooLarge], [ErrUnavailable], [ErrTimeout].
func (k *Keyspace) Watch(ctx context.Context, prefix []byte, opts ...WatchOption) (*Watch, error) {
	const op = "watch"
	options := watchCall{}
	for _, opt := range opts {
		if opt == nil {
			return nil, named(op, invalid("an option is nil"))
		}
		opt.applyWatch(&options)
	}
	if options.problem != nil {
		return nil, named(op, options.problem)
	}
	if failed := k.check(); failed != nil {
		return nil, named(op, failed)
	}
	// The call may outlive this one, and so must what it is given.
	prefix = append([]byte(nil), prefix...)
	watch, err := call(ctx, k.core, false,
		func() (*Watch, error) { return k.watch(ctx, prefix, &options) },
		func(w *Watch) { _ = w.Close() })
	return watch, named(op, err)
}

func (k *Keyspace) watch(ctx context.Context, prefix []byte, call *watchCall) (*Watch, error) {
	if failed := k.use(); failed != nil {
		return nil, failed
	}
	defer k.ref.release()
	lib := k.core.lib
	options, failed := watchOptions(ctx, lib, call)
	if failed != nil {
		return nil, failed
	}
	defer purego.SyscallN(lib.c.WatchOptionsDestroy, options)
	w := &Watch{keyspace: k, core: k.core, ref: &ref{destroy: lib.c.WatchDestroy},
		cRows: make([]cRow, watchBlock)}
	var object uintptr
	code, _, _ := purego.SyscallN(lib.c.WatchOpen, k.ref.handle,
		uintptr(unsafe.Pointer(unsafe.SliceData(prefix))), uintptr(len(prefix)), options,
		uintptr(unsafe.Pointer(&w.ref.handle)), uintptr(unsafe.Pointer(&object)))
	if failed := lib.failure(int32(code), object); failed != nil {
		return nil, gone(failed)
	}
	runtime.SetFinalizer(w, func(w *Watch) { w.ref.close() })
	if w.token, failed = lib.token(lib.c.WatchResumeToken, w.ref.handle); failed != nil {
		_ = w.Close()
		return nil, failed
	}
	return w, nil
}

func watchOptions(ctx context.Context, lib *Library, call *watchCall) (uintptr, *Error) {
	var options, object uintptr
	code, _, _ := purego.SyscallN(lib.c.WatchOptionsCreate, uintptr(unsafe.Pointer(&options)),
		uintptr(unsafe.Pointer(&object)))
	if failed := lib.failure(int32(code), object); failed != nil {
		return 0, failed
	}
	timeoutMs, _ := timeoutOf(ctx, call.timeoutMs)
	purego.SyscallN(lib.c.WatchOptionsSetTimeoutMs, options, uintptr(timeoutMs))
	purego.SyscallN(lib.c.WatchOptionsSetResumeToken, options,
		uintptr(unsafe.Pointer(unsafe.SliceData(call.resumeToken))), uintptr(len(call.resumeToken)))
	return options, nil
}

// Next gives the next change, as soon as there is one. After a retryable error the watch goes on with
// the next call.
//
// Codes: [ErrTooOld] (what came next is not remembered: read the keyspace by a scan, and open a new
// watch before that), [ErrKeyspaceGone], [ErrResizing] (the keyspace has another number of shards),
// [ErrUnavailable], [ErrBusy] and [ErrTimeout] when a shard cannot be reached now.
func (w *Watch) Next(ctx context.Context) (Change, error) {
	changes, err := w.NextBlock(ctx, 1)
	if err != nil {
		return Change{}, err
	}
	return changes[0], nil
}

// NextBlock gives up to limit changes, at least one, that are there already; otherwise as
// [Watch.Next].
func (w *Watch) NextBlock(ctx context.Context, limit int) ([]Change, error) {
	const op = "watch"
	if limit < 1 {
		return nil, named(op, invalid("a block of %d changes", limit))
	}
	if ctx == nil {
		return nil, named(op, invalid("the context is nil"))
	}
	if failed := w.use(); failed != nil {
		return nil, named(op, failed)
	}
	defer w.mu.Unlock()
	if len(w.block) == 0 {
		failed := w.fetch(ctx)
		runtime.KeepAlive(w)
		if failed != nil {
			if w.ref.closed() && failed.cause == nil {
				failed = closedError("watch")
			}
			return nil, named(op, gone(failed))
		}
	}
	count := min(limit, len(w.block))
	changes := w.block[:count:count]
	w.block = w.block[count:]
	if len(w.block) == 0 {
		w.setToken(w.ahead)
	}
	return changes, nil
}

// Changes gives the changes as they come. The loop ends with the first error that is not retryable,
// and with the context. It leaves the watch open.
func (w *Watch) Changes(ctx context.Context) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) { stream(ctx, w.Next, yield) }
}

// ResumeToken tells where the watch stands, for [ResumeAfter]: behind the last change that was given,
// or a little before it, so that some come again. Any goroutine may ask.
func (w *Watch) ResumeToken() []byte {
	w.tokenMu.Lock()
	defer w.tokenMu.Unlock()
	return append([]byte(nil), w.token...)
}

func (w *Watch) setToken(token []byte) {
	w.tokenMu.Lock()
	defer w.tokenMu.Unlock()
	w.token = token
}

// Close ends the watch; a Next that waits fails with [ErrClosed]. The error is always nil.
func (w *Watch) Close() error {
	if w != nil && w.ref != nil && w.ref.close() {
		runtime.SetFinalizer(w, nil)
	}
	return nil
}

// use makes the taking of changes this goroutine's until w.mu.Unlock.
func (w *Watch) use() *Error {
	if w == nil || w.ref == nil {
		return invalid("the watch is nil")
	}
	if !w.mu.TryLock() {
		return busyError("watch")
	}
	if w.ref.closed() {
		w.mu.Unlock()
		return closedError("watch")
	}
	return nil
}

// fetch gets the next changes into w.block.
func (w *Watch) fetch(ctx context.Context) *Error {
	for {
		taken, failed := w.take(ctx)
		if taken || failed != nil {
			return failed
		}
		if failed := w.await(ctx); failed != nil {
			return failed
		}
	}
}

// take takes what is there.
func (w *Watch) take(ctx context.Context) (bool, *Error) {
	if ctx.Err() != nil {
		return false, contextError(ctx, false)
	}
	if !w.core.enter() {
		return false, closedError("client")
	}
	defer w.core.leave()
	if !w.ref.acquire() {
		return false, closedError("watch")
	}
	defer w.ref.release()
	lib := w.core.lib
	var count, object uintptr
	code, _, _ := purego.SyscallN(lib.c.WatchNext, w.ref.handle,
		uintptr(unsafe.Pointer(&w.cRows[0])), watchBlock, 0,
		uintptr(unsafe.Pointer(&count)), uintptr(unsafe.Pointer(&object)))
	if Code(int32(code)) == CodeTimeout && object == 0 {
		return false, nil
	}
	if failed := lib.failure(int32(code), object); failed != nil {
		return false, failed
	}
	w.block = make([]Change, count)
	for i := range w.block {
		w.block[i] = w.cRows[i].change()
	}
	var failed *Error
	w.ahead, failed = lib.token(lib.c.WatchResumeToken, w.ref.handle)
	return true, failed
}

// await waits until there is something to take. The handle is not in use meanwhile: a close can
// destroy it, which ends the waiting.
func (w *Watch) await(ctx context.Context) *Error {
	c := w.core
	o, _, failed := c.begin(ctx, 0)
	if failed != nil {
		return failed
	}
	defer c.end(o)
	if !w.ref.acquire() {
		return closedError("watch")
	}
	code, _, _ := purego.SyscallN(c.lib.c.WatchReadyAsync, w.ref.handle,
		uintptr(unsafe.Pointer(&o.future)), uintptr(unsafe.Pointer(&o.object)))
	w.ref.release()
	if failed := c.lib.failure(int32(code), o.object); failed != nil {
		return failed
	}
	o.mayWaitForEver = true
	if failed := c.queue.attach(o); failed != nil {
		return failed
	}
	return c.wait(ctx, o)
}
