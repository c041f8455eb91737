// SPDX-License-Identifier: Apache-2.0

package vasto

import (
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"
)

// Session makes reads that never go back behind what was seen. An operation with [InSession] belongs
// to it, and a read that does sees at least what the operations of the session that ended before it
// began have written or seen, whichever replica answers. If no replica that has it can be reached,
// the read waits for one, up to its deadline, and is [ErrUnavailable] then.
//
// When the number of shards of the keyspace changes, sessions that have seen something end:
// operations with them are [ErrInvalidArgument].
type Session struct {
	client *Client // keeps it from being finalized
	core   *core
	ref    *ref
}

// NewSession makes a session for operations on this keyspace, by any client, that has seen nothing.
func (k *Keyspace) NewSession() (*Session, error) {
	const op = "session"
	if failed := k.use(); failed != nil {
		return nil, named(op, failed)
	}
	defer k.ref.release()
	lib := k.core.lib
	s := &Session{client: k.client, core: k.core, ref: &ref{destroy: lib.c.SessionDestroy}}
	var object uintptr
	code, _, _ := purego.SyscallN(lib.c.SessionCreate, k.ref.handle,
		uintptr(unsafe.Pointer(&s.ref.handle)), uintptr(unsafe.Pointer(&object)))
	if failed := lib.failure(int32(code), object); failed != nil {
		return nil, named(op, failed)
	}
	runtime.SetFinalizer(s, func(s *Session) { s.ref.close() })
	return s, nil
}

// Token is all that the session has seen, as bytes that mean nothing to the caller and may be stored
// and sent to any client of the cluster.
func (s *Session) Token() ([]byte, error) {
	const op = "session token"
	if failed := s.use(); failed != nil {
		return nil, named(op, failed)
	}
	defer s.ref.release()
	// The token may grow between two calls, as other goroutines use the session.
	for token := make([]byte, 256); ; {
		var size, object uintptr
		code, _, _ := purego.SyscallN(s.core.lib.c.SessionToken, s.ref.handle,
			uintptr(unsafe.Pointer(&token[0])), uintptr(len(token)),
			uintptr(unsafe.Pointer(&size)), uintptr(unsafe.Pointer(&object)))
		failed := s.core.lib.failure(int32(code), object)
		if failed == nil {
			return token[:size:size], nil
		}
		if failed.Code != codeBufferTooSmall {
			return nil, named(op, failed)
		}
		token = make([]byte, size+size/4)
	}
}

// Import adds all that another session had seen when it gave this token. A token that is damaged, or
// of another keyspace or number of shards, is [ErrInvalidArgument] and adds nothing.
func (s *Session) Import(token []byte) error {
	const op = "session import"
	if failed := s.use(); failed != nil {
		return named(op, failed)
	}
	defer s.ref.release()
	var object uintptr
	code, _, _ := purego.SyscallN(s.core.lib.c.SessionImport, s.ref.handle,
		uintptr(unsafe.Pointer(unsafe.SliceData(token))), uintptr(len(token)),
		uintptr(unsafe.Pointer(&object)))
	if failed := s.core.lib.failure(int32(code), object); failed != nil {
		return named(op, failed)
	}
	return nil
}

// Close ends the session; operations that run go on in it. The error is always nil.
func (s *Session) Close() error {
	if s != nil && s.ref != nil && s.ref.close() {
		runtime.SetFinalizer(s, nil)
		s.core.reads.forgetSession(s)
		s.core.writes.forgetSession(s)
	}
	return nil
}

func (s *Session) use() *Error {
	if s == nil || s.ref == nil {
		return invalid("the session is nil")
	}
	if !s.ref.acquire() {
		return closedError("session")
	}
	return nil
}
