// SPDX-License-Identifier: Apache-2.0

package vasto

import (
	"context"
	"errors"
	"sync"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"
)

// operation is one call on its way. What the library writes to is here and not on a stack, as Go
// moves those; operations are used again.
type operation struct {
	future uintptr
	object uintptr // the error object
	out    uintptr // a handle, or a number
	key    cKey
	data   cSlice
	args   [maxCallArgs]uintptr
	done   chan struct{} // of one element: the queue never waits

	// The context gave the deadline that the library was told.
	deadline   time.Time
	byDeadline bool
}

const maxCallArgs = 8

// call makes a foreign call with few costs: purego puts the arguments on the heap, unless they are
// there. Addresses may be those of fields of o only, which are there and stay.
func (o *operation) call(f uintptr, args ...uintptr) uintptr {
	count := copy(o.args[:len(args)], args)
	result, _, _ := purego.SyscallN(f, o.args[:count]...)
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

// wait returns when the future of o is done, which a context that ends sees to. The result is that
// of the future.
func (c *core) wait(ctx context.Context, o *operation) *Error {
	if failed := c.queue.attach(o); failed != nil {
		return failed
	}
	select {
	case <-o.done:
	case <-ctx.Done():
		purego.SyscallN(c.lib.c.FutureCancel, o.future)
		<-o.done
	}
	return nil
}

// finish waits for an operation that has only a status.
func (c *core) finish(ctx context.Context, o *operation) *Error {
	if failed := c.wait(ctx, o); failed != nil {
		return failed
	}
	code := o.call(c.lib.c.FutureStatus, o.future, uintptr(unsafe.Pointer(&o.object)))
	return o.explain(ctx, c.lib.failure(int32(code), o.object))
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
