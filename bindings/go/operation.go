// SPDX-License-Identifier: Apache-2.0

package vasto

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"github.com/ebitengine/purego"
)

// operation is one call on its way. What the library writes to is here and not on a stack, as Go
// moves those; operations are used again.
type operation struct {
	future uintptr // not 0: it is to be destroyed in the end
	object uintptr // the error object
	out    uintptr // a handle
	key    cKey
	data   cSlice
	frame
	tag  uint64        // under which it waits
	done chan struct{} // of one element: who takes results never waits

	writes         bool // started, it may happen whatever its future says
	keepsFuture    bool // its result is taken from that
	mayWaitForEver bool // it says nothing about how busy the client is

	// What came of it, once it is done.
	value  Value
	failed *Error

	// The context gave the deadline that the library was told.
	deadline   time.Time
	byDeadline bool
}

// frame makes foreign calls with few costs: purego puts the arguments on the heap, unless they are
// there. Addresses may only be those of what is on the heap, and known to the collector by another
// pointer.
type frame struct{ args [maxCallArgs]uintptr }

const maxCallArgs = 9

func (f *frame) call(function uintptr, args ...uintptr) uintptr {
	count := copy(f.args[:len(args)], args)
	result, _, _ := purego.SyscallN(function, f.args[:count]...)
	return result
}

var operations = sync.Pool{New: func() any { return &operation{done: make(chan struct{}, 1)} }}

// begin starts an operation, which end ends. timeoutMs is what its options say, and what it returns
// what the library is to be told.
func (c *core) begin(ctx context.Context, timeoutMs uint64) (*operation, uint64, *Error) {
	if ctx == nil {
		return nil, 0, invalid("the context is nil")
	}
	if ctx.Err() != nil {
		return nil, 0, contextError(ctx, false)
	}
	if !c.enter() {
		return nil, 0, closedError("client")
	}
	o := operations.Get().(*operation)
	if timeoutMs, o.byDeadline = timeoutOf(ctx, timeoutMs); o.byDeadline {
		o.deadline, _ = ctx.Deadline()
	}
	return o, timeoutMs, nil
}

// timeoutOf is what the library is to be told: what the options say, 0 standing for nothing, or the
// deadline of the context, if that is earlier.
func timeoutOf(ctx context.Context, own uint64) (timeoutMs uint64, byDeadline bool) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return own, false
	}
	// Rounded down, so that it is the library which says what kept the answer away.
	left := uint64(max(1, time.Until(deadline).Milliseconds()))
	if own != 0 && own <= left {
		return own, false
	}
	return left, true
}

func (c *core) end(o *operation) {
	if o.future != 0 {
		o.call(c.lib.c.FutureDestroy, o.future)
	}
	*o = operation{done: o.done}
	operations.Put(o)
	c.leave()
}

// run makes an operation that has a call of its own, start. take gets the result of one that is to
// be asked of its future; nil for one that is a Value.
func run[S settings](ctx context.Context, k *Keyspace, o *operation, pool *optionPool[S], want S, timeoutMs uint64,
	start func(options uintptr, o *operation) uintptr, take func(*operation) *Error) (Value, *Error) {
	c := k.core
	options, failed := pool.take(c.lib, want, timeoutMs)
	if failed != nil {
		return Value{}, failed
	}
	if failed := k.use(); failed != nil {
		pool.put(options)
		return Value{}, failed
	}
	code := start(options.orNull(), o)
	k.ref.release()
	pool.put(options)
	if failed := c.lib.failure(int32(code), o.object); failed != nil {
		return Value{}, failed
	}
	o.keepsFuture = take != nil
	if failed := c.queue.attach(o); failed != nil {
		return Value{}, failed
	}
	failed = c.wait(ctx, o)
	if take != nil {
		failed = o.explain(ctx, take(o))
	}
	runtime.KeepAlive(k)
	return o.value, failed
}

// wait returns when o is done, which a context that ends sees to. The result is what failed.
func (c *core) wait(ctx context.Context, o *operation) *Error {
	if !c.queue.lookFor(o) && !c.queue.sleep(o, ctx.Done()) {
		c.cancel(o)
		c.queue.sleep(o, nil)
	}
	return o.explain(ctx, o.failed)
}

func (c *core) cancel(o *operation) {
	// It may be among those that are still to be started.
	c.gets.flush()
	c.puts.flush()
	c.queue.cancel(o)
}

// explain puts the error of the context behind one that it caused.
func (o *operation) explain(ctx context.Context, failed *Error) *Error {
	if failed == nil {
		return nil
	}
	cause := ctx.Err()
	if cause != nil && (failed.Code == CodeCancelled || failed.Code == CodeTimeout) {
		failed.cause = cause
		if failed.Code == CodeCancelled && errors.Is(cause, context.DeadlineExceeded) {
			failed.Code, failed.Number, failed.Retryable = CodeTimeout, int32(CodeTimeout), true
		}
		return failed
	}
	// The library keeps the deadline in whole milliseconds, so it may be a little ahead.
	if o.byDeadline && failed.Retryable && time.Until(o.deadline) <= 2*time.Millisecond {
		failed.cause = context.DeadlineExceeded
	}
	return failed
}

// blocking makes a call that has no form without waiting. When the context ends first it returns at
// once; discard gets what the call gives later.
func blocking[T any](ctx context.Context, inDoubt bool, call func() (T, error), discard func(T)) (T, error) {
	if ctx.Done() == nil {
		return call()
	}
	type outcome struct {
		value T
		err   error
	}
	outcomes := make(chan outcome)
	go func() {
		var o outcome
		o.value, o.err = call()
		select {
		case outcomes <- o:
		case <-ctx.Done():
			if o.err == nil && discard != nil {
				discard(o.value)
			}
		}
	}()
	select {
	case o := <-outcomes:
		return o.value, o.err
	case <-ctx.Done():
		var none T
		return none, contextError(ctx, inDoubt)
	}
}

// call is blocking for an operation of a client.
func call[T any](ctx context.Context, c *core, inDoubt bool, f func() (T, error), discard func(T)) (T, error) {
	var none T
	if ctx == nil {
		return none, invalid("the context is nil")
	}
	if ctx.Err() != nil {
		return none, contextError(ctx, false)
	}
	if !c.enter() {
		return none, closedError("client")
	}
	return blocking(ctx, inDoubt, func() (T, error) {
		defer c.leave()
		return f()
	}, discard)
}
