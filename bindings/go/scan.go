// SPDX-License-Identifier: Apache-2.0

package vasto

import (
	"context"
	"io"
	"iter"
	"runtime"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

const (
	defaultBlockRows = 256
	maxBlockRows     = 4096
)

// Iterator is a running scan: rows in the order of their keys, compared as unsigned bytes, over all
// shards. A key that is there all the time comes exactly once, one that is written or deleted
// meanwhile at most once. A scan is no snapshot.
//
// [Keyspace.ScanPrefix] and [Keyspace.ScanRange] are loops over one, this is the form in which it can
// be stopped and resumed.
type Iterator struct {
	keyspace *Keyspace // keeps it from being finalized
	core     *core
	ref      *ref

	mu         sync.Mutex // held by the goroutine that uses the rest
	cRows      []cRow
	block      []Row  // the rows that are left of it
	blockToken []byte // where it began
	blockRows  int
	ended      bool
}

// ScanPrefix gives all rows whose keys begin with prefix; empty: all. The loop ends with the first
// error that is not retryable; if it goes on after one that is, it loses no row.
func (k *Keyspace) ScanPrefix(ctx context.Context, prefix []byte, opts ...ScanOption) iter.Seq2[Row, error] {
	return scan(ctx, func() (*Iterator, error) { return k.IteratePrefix(prefix, opts...) })
}

// ScanRange gives all rows with keys >= start and < end; an empty end means no upper bound.
// Otherwise as [Keyspace.ScanPrefix].
func (k *Keyspace) ScanRange(ctx context.Context, start, end []byte, opts ...ScanOption) iter.Seq2[Row, error] {
	return scan(ctx, func() (*Iterator, error) { return k.IterateRange(start, end, opts...) })
}

func scan(ctx context.Context, open func() (*Iterator, error)) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		it, err := open()
		if err != nil {
			yield(Row{}, err)
			return
		}
		defer it.Close()
		it.Rows(ctx)(yield)
	}
}

// IteratePrefix starts the scan of [Keyspace.ScanPrefix]. It does not wait: what is wrong with the
// keyspace or the token shows at the first row.
func (k *Keyspace) IteratePrefix(prefix []byte, opts ...ScanOption) (*Iterator, error) {
	return k.iterate(opts, func(options uintptr, it *Iterator, object *uintptr) uintptr {
		code, _, _ := purego.SyscallN(k.core.lib.c.ScanPrefix, k.ref.handle,
			uintptr(unsafe.Pointer(unsafe.SliceData(prefix))), uintptr(len(prefix)), options,
			uintptr(unsafe.Pointer(&it.ref.handle)), uintptr(unsafe.Pointer(object)))
		return code
	})
}

// IterateRange starts the scan of [Keyspace.ScanRange]; otherwise as [Keyspace.IteratePrefix].
func (k *Keyspace) IterateRange(start, end []byte, opts ...ScanOption) (*Iterator, error) {
	return k.iterate(opts, func(options uintptr, it *Iterator, object *uintptr) uintptr {
		code, _, _ := purego.SyscallN(k.core.lib.c.ScanRange, k.ref.handle,
			uintptr(unsafe.Pointer(unsafe.SliceData(start))), uintptr(len(start)),
			uintptr(unsafe.Pointer(unsafe.SliceData(end))), uintptr(len(end)), options,
			uintptr(unsafe.Pointer(&it.ref.handle)), uintptr(unsafe.Pointer(object)))
		return code
	})
}

func (k *Keyspace) iterate(opts []ScanOption,
	start func(options uintptr, it *Iterator, object *uintptr) uintptr) (*Iterator, error) {
	const op = "scan"
	call := scanCall{blockRows: defaultBlockRows}
	for _, opt := range opts {
		if opt == nil {
			return nil, named(op, invalid("an option is nil"))
		}
		opt.applyScan(&call)
	}
	if call.problem != nil {
		return nil, named(op, call.problem)
	}
	if failed := k.use(); failed != nil {
		return nil, named(op, failed)
	}
	defer k.ref.release()
	// Closed meanwhile, the client would not know of the iterator.
	if !k.core.enter() {
		return nil, named(op, closedError("client"))
	}
	defer k.core.leave()
	lib := k.core.lib
	options, failed := scanOptions(lib, &call)
	if failed != nil {
		return nil, named(op, failed)
	}
	defer purego.SyscallN(lib.c.ScanOptionsDestroy, options)
	it := &Iterator{keyspace: k, core: k.core, ref: &ref{destroy: lib.c.IterDestroy},
		blockRows: call.blockRows}
	var object uintptr
	code := start(options, it, &object)
	if failed := lib.failure(int32(code), object); failed != nil {
		return nil, named(op, failed)
	}
	runtime.SetFinalizer(it, func(it *Iterator) { it.ref.close() })
	return it, nil
}

func scanOptions(lib *Library, call *scanCall) (uintptr, *Error) {
	var options, object uintptr
	code, _, _ := purego.SyscallN(lib.c.ScanOptionsCreate, uintptr(unsafe.Pointer(&options)),
		uintptr(unsafe.Pointer(&object)))
	if failed := lib.failure(int32(code), object); failed != nil {
		return 0, failed
	}
	if call.session != nil {
		if failed := setSession(lib, lib.c.ScanOptionsSetSession, options, call.session); failed != nil {
			purego.SyscallN(lib.c.ScanOptionsDestroy, options)
			return 0, failed
		}
	}
	purego.SyscallN(lib.c.ScanOptionsSetTimeoutMs, options, uintptr(call.timeoutMs))
	purego.SyscallN(lib.c.ScanOptionsSetLimit, options, uintptr(call.limit))
	purego.SyscallN(lib.c.ScanOptionsSetKeysOnly, options, flag(call.keysOnly))
	purego.SyscallN(lib.c.ScanOptionsSetPageBytes, options, uintptr(call.pageBytes))
	purego.SyscallN(lib.c.ScanOptionsSetReplica, options, uintptr(call.replica))
	purego.SyscallN(lib.c.ScanOptionsSetMaxStalenessMs, options, uintptr(call.maxStalenessMs))
	purego.SyscallN(lib.c.ScanOptionsSetResumeToken, options,
		uintptr(unsafe.Pointer(unsafe.SliceData(call.resumeToken))), uintptr(len(call.resumeToken)))
	return options, nil
}

// Next gives the next row, and io.EOF at the end of the scan. After a retryable error it may be called
// again, and loses no row.
//
// Codes: [ErrKeyspaceGone], [ErrInvalidArgument] (the token is that of another scan), [ErrTimeout],
// [ErrUnavailable], [ErrBusy].
func (it *Iterator) Next(ctx context.Context) (Row, error) {
	rows, err := it.next(ctx, 1, 0)
	if err != nil {
		return Row{}, err
	}
	return rows[0], nil
}

// NextBlock gives up to limit next rows, at least one, and io.EOF at the end of the scan. Fewer than
// limit do not mean the end. [Iterator.ResumeToken] is exact behind it.
func (it *Iterator) NextBlock(ctx context.Context, limit int) ([]Row, error) {
	if limit < 1 {
		return nil, named("scan", invalid("a block of %d rows", limit))
	}
	return it.next(ctx, limit, min(limit, maxBlockRows))
}

// next gives up to limit of the rows that are there, or of the next fetchRows ones; 0: as many as a
// block has.
func (it *Iterator) next(ctx context.Context, limit, fetchRows int) ([]Row, error) {
	if failed := it.use(); failed != nil {
		return nil, named("scan", failed)
	}
	defer it.mu.Unlock()
	if fetchRows == 0 {
		fetchRows = it.blockRows
	}
	if len(it.block) == 0 {
		if err := it.fetch(ctx, fetchRows); err != nil {
			return nil, err
		}
	}
	count := min(limit, len(it.block))
	rows := it.block[:count:count]
	it.block = it.block[count:]
	return rows, nil
}

// Rows gives the rows that are left, as [Keyspace.ScanPrefix] does. It leaves the iterator open.
func (it *Iterator) Rows(ctx context.Context) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) { stream(ctx, it.Next, yield) }
}

// stream yields what next gives, until it is at the end, fails for good or is not wanted any more.
func stream[T any](ctx context.Context, next func(context.Context) (T, error), yield func(T, error) bool) {
	for {
		item, err := next(ctx)
		if err == io.EOF {
			return
		}
		if !yield(item, err) || (err != nil && !mayGoOn(ctx, err)) {
			return
		}
	}
}

// mayGoOn is whether a stream that failed so can be asked again.
func mayGoOn(ctx context.Context, err error) bool {
	failed, ok := err.(*Error)
	return ok && failed.Retryable && ctx.Err() == nil
}

// ResumeToken tells where the scan stands, for [ResumeAfter]: right behind the last row of
// [Iterator.NextBlock], or of [Iterator.Next] and [Iterator.Rows] at the end of a block. In the
// middle of one it tells where the block began, so that some rows would come again; see [BlockRows].
func (it *Iterator) ResumeToken() ([]byte, error) {
	const op = "scan token"
	if failed := it.use(); failed != nil {
		return nil, named(op, failed)
	}
	defer it.mu.Unlock()
	if len(it.block) > 0 {
		return append([]byte(nil), it.blockToken...), nil
	}
	token, failed := it.token()
	if failed != nil {
		return nil, named(op, failed)
	}
	return token, nil
}

// Close ends the scan, wherever it stands; a Next that waits fails with [ErrClosed]. The error is
// always nil.
func (it *Iterator) Close() error {
	if it != nil && it.ref != nil && it.ref.close() {
		runtime.SetFinalizer(it, nil)
	}
	return nil
}

// use makes the iterator this goroutine's until it.mu.Unlock.
func (it *Iterator) use() *Error {
	if it == nil || it.ref == nil {
		return invalid("the iterator is nil")
	}
	if !it.mu.TryLock() {
		return busyError("iterator")
	}
	if it.ref.closed() {
		it.mu.Unlock()
		return closedError("iterator")
	}
	return nil
}

// fetch gets the next rows into it.block; io.EOF at the end.
func (it *Iterator) fetch(ctx context.Context, limit int) error {
	if it.ended {
		return io.EOF
	}
	failed := it.await(ctx)
	if failed == nil {
		failed = it.takeBlock(limit)
	}
	runtime.KeepAlive(it)
	if it.ended {
		return io.EOF
	}
	if failed == nil {
		return nil
	}
	if it.ref.closed() && failed.cause == nil {
		failed = closedError("iterator")
	}
	return named("scan", gone(failed))
}

// await waits until rows are there, or the end is. The handle is not in use meanwhile: a close can
// destroy it, which ends the waiting.
func (it *Iterator) await(ctx context.Context) *Error {
	c := it.core
	o, _, failed := c.begin(ctx, 0)
	if failed != nil {
		return failed
	}
	defer c.end(o)
	if !it.ref.acquire() {
		return closedError("iterator")
	}
	code, _, _ := purego.SyscallN(c.lib.c.IterReadyAsync, it.ref.handle,
		uintptr(unsafe.Pointer(&o.future)), uintptr(unsafe.Pointer(&o.object)))
	it.ref.release()
	if failed := c.lib.failure(int32(code), o.object); failed != nil {
		return failed
	}
	if failed := c.queue.attach(o); failed != nil {
		return failed
	}
	return c.wait(ctx, o)
}

func (it *Iterator) takeBlock(limit int) *Error {
	if !it.ref.acquire() {
		return closedError("iterator")
	}
	defer it.ref.release()
	if limit > 1 {
		token, failed := it.token()
		if failed != nil {
			return failed
		}
		it.blockToken = token
	}
	if cap(it.cRows) < limit {
		it.cRows = make([]cRow, limit)
	}
	lib := it.core.lib
	var count, object uintptr
	code, _, _ := purego.SyscallN(lib.c.IterNextBlock, it.ref.handle,
		uintptr(unsafe.Pointer(unsafe.SliceData(it.cRows))), uintptr(limit),
		uintptr(unsafe.Pointer(&count)), uintptr(unsafe.Pointer(&object)))
	if Code(int32(code)) == codeEnd {
		it.ended = true
		return nil
	}
	if failed := lib.failure(int32(code), object); failed != nil {
		return failed
	}
	it.block = make([]Row, count)
	for i := range it.block {
		it.block[i] = it.cRows[i].row()
	}
	return nil
}

// token is where the library stands.
func (it *Iterator) token() ([]byte, *Error) {
	if !it.ref.acquire() {
		return nil, closedError("iterator")
	}
	defer it.ref.release()
	return it.core.lib.token(it.core.lib.c.IterResumeToken, it.ref.handle)
}

// token copies the token of a scan or watch.
func (l *Library) token(getter, handle uintptr) ([]byte, *Error) {
	var data unsafe.Pointer
	var size, object uintptr
	code, _, _ := purego.SyscallN(getter, handle, uintptr(unsafe.Pointer(&data)),
		uintptr(unsafe.Pointer(&size)), uintptr(unsafe.Pointer(&object)))
	if failed := l.failure(int32(code), object); failed != nil {
		return nil, failed
	}
	return copyBytes(data, size), nil
}
