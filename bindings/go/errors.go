// SPDX-License-Identifier: Apache-2.0

package vasto

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ebitengine/purego"
)

// Code says why an operation failed.
type Code int32

// The codes, with the numbers of vasto.h.
const (
	CodeOK              Code = 0  // done
	CodeNotFound        Code = 1  // no such key, keyspace or configuration name
	CodeInvalidArgument Code = 3  // the call can never succeed as it was made
	CodeTimeout         Code = 4  // the deadline passed
	CodeUnavailable     Code = 5  // no master, or not enough replicas, could be reached
	CodeBusy            Code = 6  // overloaded, or the object is in use: try again later
	CodeStaleWrite      Code = 7  // a newer value is stored, or the version did not match
	CodeResizing        Code = 8  // the keyspace is changing shape
	CodeTooLarge        Code = 9  // key, value, batch or name over its limit
	CodeCorruption      Code = 11 // bytes fail their checksum
	CodeIOError         Code = 12 // a disk or network operation failed for good
	CodeNoSpace         Code = 13 // out of disk, at a store, or of memory, here
	CodeNotSupported    Code = 14 // the server or the library cannot do that
	CodeAlreadyExists   Code = 15 // the key, of a put that must not find one, or the keyspace
	CodeCancelled       Code = 16 // the context ended, or the object was closed
	CodeClosed          Code = 17 // the client, or the object itself, is closed
	CodeWrongThread     Code = 18 // never seen from Go
	CodeForked          Code = 19 // the handle belongs to the parent process
	CodePermission      Code = 20 // the server refused the caller
	CodeTooOld          Code = 21 // no server remembers what came after the token of a watch
	CodeInternal        Code = 99 // a defect, or a code that this package does not know
)

// Plain answers of C that never leave this package.
const codeEnd Code = 2
const codeBufferTooSmall Code = 10

var codeNames = map[Code]string{
	CodeOK: "OK", CodeNotFound: "NOT_FOUND", codeEnd: "END", CodeInvalidArgument: "INVALID_ARGUMENT",
	CodeTimeout: "TIMEOUT", CodeUnavailable: "UNAVAILABLE", CodeBusy: "BUSY",
	CodeStaleWrite: "STALE_WRITE", CodeResizing: "RESIZING", CodeTooLarge: "TOO_LARGE",
	codeBufferTooSmall: "BUFFER_TOO_SMALL", CodeCorruption: "CORRUPTION", CodeIOError: "IO_ERROR",
	CodeNoSpace: "NO_SPACE", CodeNotSupported: "NOT_SUPPORTED", CodeAlreadyExists: "ALREADY_EXISTS",
	CodeCancelled: "CANCELLED", CodeClosed: "CLOSED", CodeWrongThread: "WRONG_THREAD",
	CodeForked: "FORKED", CodePermission: "PERMISSION", CodeTooOld: "TOO_OLD",
	CodeInternal: "INTERNAL",
}

// String is the name of the code, as in "NOT_FOUND"; "INTERNAL" for unknown ones.
func (c Code) String() string { return codeNames[c.known()] }

// known makes codes that are younger than this package CodeInternal.
func (c Code) known() Code {
	if _, ok := codeNames[c]; ok {
		return c
	}
	return CodeInternal
}

type sentinel Code

func (s sentinel) Error() string { return "vasto: " + Code(s).String() }

// What errors.Is takes for each code.
var (
	ErrNotFound        error = sentinel(CodeNotFound)
	ErrInvalidArgument error = sentinel(CodeInvalidArgument)
	ErrTimeout         error = sentinel(CodeTimeout)
	ErrUnavailable     error = sentinel(CodeUnavailable)
	ErrBusy            error = sentinel(CodeBusy)
	ErrStaleWrite      error = sentinel(CodeStaleWrite)
	ErrResizing        error = sentinel(CodeResizing)
	ErrTooLarge        error = sentinel(CodeTooLarge)
	ErrCorruption      error = sentinel(CodeCorruption)
	ErrIOError         error = sentinel(CodeIOError)
	ErrNoSpace         error = sentinel(CodeNoSpace)
	ErrNotSupported    error = sentinel(CodeNotSupported)
	ErrAlreadyExists   error = sentinel(CodeAlreadyExists)
	ErrCancelled       error = sentinel(CodeCancelled)
	ErrClosed          error = sentinel(CodeClosed)
	ErrWrongThread     error = sentinel(CodeWrongThread)
	ErrForked          error = sentinel(CodeForked)
	ErrPermission      error = sentinel(CodePermission)
	ErrTooOld          error = sentinel(CodeTooOld)
	ErrInternal        error = sentinel(CodeInternal)
)

// ErrKeyspaceGone is what errors.Is takes for an operation on a keyspace that was deleted after it
// was opened. Such an error has CodeNotFound, but is not ErrNotFound: nothing is said of the key.
var ErrKeyspaceGone = errors.New("vasto: the keyspace is gone")

// Error is what every failed call returns.
type Error struct {
	Code    Code   // CodeInternal also for codes that this package does not know
	Number  int32  // the code as the library gave it
	Op      string // the call that failed, as in "get"
	Message string // what happened, one line for people
	// Origin is "client" when the error arose here or in the C library, otherwise the address of the
	// server that answered with it; "" if unknown.
	Origin string
	// Retryable says that the same call may succeed later. The library has itself retried until the
	// deadline already.
	Retryable bool
	// InDoubt says that a failed write may nevertheless have happened, or may still happen.
	InDoubt bool

	gone  bool  // the keyspace is
	cause error // of the context, if it ended the call
}

// Error is the message with its code and origin.
func (e *Error) Error() string {
	var text strings.Builder
	text.WriteString("vasto: ")
	if e.Op != "" {
		text.WriteString(e.Op + ": ")
	}
	text.WriteString(e.Code.String())
	if Code(e.Number) != e.Code {
		fmt.Fprintf(&text, " (%d)", e.Number)
	}
	if e.Message != "" {
		text.WriteString(": " + e.Message)
	}
	if e.Origin != "" && e.Origin != "client" {
		text.WriteString(" (from " + e.Origin + ")")
	}
	if e.InDoubt {
		text.WriteString(" (in doubt: it may have happened)")
	}
	return text.String()
}

// Is compares with the sentinels of this package.
func (e *Error) Is(target error) bool {
	if target == ErrKeyspaceGone {
		return e.gone
	}
	code, ok := target.(sentinel)
	return ok && Code(code) == e.Code && !e.gone
}

// Unwrap is the error of the context, if it ended the call, otherwise nil.
func (e *Error) Unwrap() error { return e.cause }

// invalid is the error of an argument that this package itself refuses.
func invalid(format string, args ...any) *Error {
	return &Error{Code: CodeInvalidArgument, Number: int32(CodeInvalidArgument), Origin: "client",
		Message: fmt.Sprintf(format, args...)}
}

func closedError(what string) *Error {
	return &Error{Code: CodeClosed, Number: int32(CodeClosed), Origin: "client",
		Message: "the " + what + " is closed"}
}

func busyError(what string) *Error {
	return &Error{Code: CodeBusy, Number: int32(CodeBusy), Origin: "client", Retryable: true,
		Message: "the " + what + " is in use by another goroutine"}
}

// contextError is the error of a call that ctx ended before the library had a result.
func contextError(ctx context.Context, inDoubt bool) *Error {
	code, cause := CodeCancelled, ctx.Err()
	if errors.Is(cause, context.DeadlineExceeded) {
		code = CodeTimeout
	}
	return &Error{Code: code, Number: int32(code), Origin: "client", InDoubt: inDoubt,
		Retryable: code == CodeTimeout, Message: context.Cause(ctx).Error(), cause: cause}
}

// named tells which call failed, for people.
func named(op string, err error) error {
	if e, ok := err.(*Error); ok && e.Op == "" {
		e.Op = op
	}
	return err
}

// failure makes an Error of a code and the error object that came with it, which it destroys; nil
// for CodeOK. object is 0 for plain answers.
func (l *Library) failure(code int32, object uintptr) *Error {
	if Code(code) == CodeOK {
		return nil
	}
	e := &Error{Code: Code(code).known(), Number: code}
	if object == 0 {
		retryable, _, _ := purego.SyscallN(l.c.StatusIsRetryable, uintptr(code))
		e.Retryable = byte(retryable) != 0
		return e
	}
	message, _, _ := purego.SyscallN(l.c.ErrorMessage, object)
	origin, _, _ := purego.SyscallN(l.c.ErrorOrigin, object)
	retryable, _, _ := purego.SyscallN(l.c.ErrorIsRetryable, object)
	inDoubt, _, _ := purego.SyscallN(l.c.ErrorIsInDoubt, object)
	e.Message, e.Origin = copyText(message), copyText(origin)
	e.Retryable, e.InDoubt = byte(retryable) != 0, byte(inDoubt) != 0
	purego.SyscallN(l.c.ErrorDestroy, object)
	return e
}

// Must gives value, and panics with err unless that is nil: for programs that have nothing better to
// do about an error.
func Must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
