// SPDX-License-Identifier: Apache-2.0

package vasto

import (
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// Options objects beyond these are set anew instead of made.
const maxOptions = 32

type settings interface {
	comparable
	inSession() *Session
}

func (s readSettings) inSession() *Session  { return s.session }
func (s writeSettings) inSession() *Session { return s.session }

// options is an options object of the library, and what it is set to.
type options[S settings] struct {
	handle    uintptr
	set       S
	timeoutMs uint64
}

// orNull is what a call is given: NULL stands for the defaults.
func (o *options[S]) orNull() uintptr {
	if o == nil {
		return 0
	}
	return o.handle
}

// optionPool keeps options objects between calls. The library copies options at use, so that one
// that is set as wanted already, which is the rule, costs no foreign call at all. While it is out of
// the pool it belongs to one call.
type optionPool[S settings] struct {
	kind optionKind[S]

	mu     sync.Mutex
	idle   []*options[S] // the last used last
	made   int
	closed bool
}

// optionKind is how the library handles one type of options.
type optionKind[S settings] struct {
	create, setTimeoutMs, setSession, destroy uintptr

	// change sets what differs between two settings, but for the session.
	change func(handle uintptr, from, to S)
}

// take gives options that are set as wanted, to be put back; nil for the defaults.
func (p *optionPool[S]) take(lib *Library, want S, timeoutMs uint64) (*options[S], *Error) {
	var defaults S
	if want == defaults && timeoutMs == 0 {
		return nil, nil
	}
	o := p.find(want)
	if o == nil {
		o = &options[S]{}
		var object uintptr
		code, _, _ := purego.SyscallN(p.kind.create, uintptr(unsafe.Pointer(&o.handle)),
			uintptr(unsafe.Pointer(&object)))
		if failed := lib.failure(int32(code), object); failed != nil {
			p.forget()
			return nil, failed
		}
	}
	if failed := p.change(lib, o, want); failed != nil {
		p.put(o)
		return nil, failed
	}
	if o.timeoutMs != timeoutMs {
		purego.SyscallN(p.kind.setTimeoutMs, o.handle, uintptr(timeoutMs))
		o.timeoutMs = timeoutMs
	}
	return o, nil
}

// find takes the idle options that are set so, or the longest unused ones if there are enough
// already; nil: new ones are to be made, and count.
func (p *optionPool[S]) find(want S) *options[S] {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := -1
	for i := len(p.idle) - 1; i >= 0; i-- {
		if p.idle[i].set == want {
			at = i
			break
		}
	}
	if at < 0 {
		if p.made < maxOptions || len(p.idle) == 0 {
			p.made++
			return nil
		}
		at = 0
	}
	o := p.idle[at]
	p.idle = append(p.idle[:at], p.idle[at+1:]...)
	return o
}

func (p *optionPool[S]) change(lib *Library, o *options[S], want S) *Error {
	if o.set == want {
		return nil
	}
	session := want.inSession()
	if session != o.set.inSession() {
		if failed := setSession(lib, p.kind.setSession, o.handle, session); failed != nil {
			return failed
		}
	}
	p.kind.change(o.handle, o.set, want)
	o.set = want
	return nil
}

func setSession(lib *Library, setter, handle uintptr, session *Session) *Error {
	if session == nil {
		purego.SyscallN(setter, handle, 0)
		return nil
	}
	if session.ref == nil || !session.ref.acquire() {
		return closedError("session")
	}
	defer session.ref.release()
	if session.core.lib != lib {
		return invalid("the session belongs to another library than the keyspace")
	}
	purego.SyscallN(setter, handle, session.ref.handle)
	return nil
}

// put takes options back. Those of a session that was closed meanwhile would keep it alive.
func (p *optionPool[S]) put(o *options[S]) {
	if o == nil {
		return
	}
	session := o.set.inSession()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle) >= maxOptions || (session != nil && session.ref.closed()) {
		purego.SyscallN(p.kind.destroy, o.handle)
		p.made--
		return
	}
	p.idle = append(p.idle, o)
}

func (p *optionPool[S]) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.made--
}

// forgetSession destroys the idle options of a session.
func (p *optionPool[S]) forgetSession(session *Session) {
	p.discard(func(o *options[S]) bool { return o.set.inSession() == session })
}

func (p *optionPool[S]) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.discard(func(*options[S]) bool { return true })
}

func (p *optionPool[S]) discard(unwanted func(*options[S]) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	kept := p.idle[:0]
	for _, o := range p.idle {
		if unwanted(o) {
			purego.SyscallN(p.kind.destroy, o.handle)
			p.made--
		} else {
			kept = append(kept, o)
		}
	}
	clear(p.idle[len(kept):])
	p.idle = kept
}

func readOptionKind(lib *Library) optionKind[readSettings] {
	c := &lib.c
	return optionKind[readSettings]{
		create: c.ReadOptionsCreate, setTimeoutMs: c.ReadOptionsSetTimeoutMs,
		setSession: c.ReadOptionsSetSession, destroy: c.ReadOptionsDestroy,
		change: func(handle uintptr, from, to readSettings) {
			if from.replica != to.replica {
				purego.SyscallN(c.ReadOptionsSetReplica, handle, uintptr(to.replica))
			}
			if from.maxStalenessMs != to.maxStalenessMs {
				purego.SyscallN(c.ReadOptionsSetMaxStalenessMs, handle, uintptr(to.maxStalenessMs))
			}
			if from.hedge != to.hedge {
				purego.SyscallN(c.ReadOptionsSetHedge, handle, flag(to.hedge))
			}
		},
	}
}

func writeOptionKind(lib *Library) optionKind[writeSettings] {
	c := &lib.c
	return optionKind[writeSettings]{
		create: c.WriteOptionsCreate, setTimeoutMs: c.WriteOptionsSetTimeoutMs,
		setSession: c.WriteOptionsSetSession, destroy: c.WriteOptionsDestroy,
		change: func(handle uintptr, from, to writeSettings) {
			changeExpiry(c, handle, from, to)
			changeCondition(c, handle, from, to)
			if from.updatedAtNs != to.updatedAtNs {
				purego.SyscallN(c.WriteOptionsSetUpdatedAtNs, handle, uintptr(to.updatedAtNs))
			}
			if from.valueType != to.valueType {
				purego.SyscallN(c.WriteOptionsSetValueType, handle, uintptr(to.valueType))
			}
			if from.acks != to.acks {
				purego.SyscallN(c.WriteOptionsSetAcks, handle, uintptr(to.acks-1))
			}
		},
	}
}

// changeExpiry sets one of the two forms, which takes the other back.
func changeExpiry(c *symbols, handle uintptr, from, to writeSettings) {
	if from.ttlSeconds == to.ttlSeconds && from.expiresAtNs == to.expiresAtNs {
		return
	}
	if to.expiresAtNs != 0 {
		purego.SyscallN(c.WriteOptionsSetExpiresAtNs, handle, uintptr(to.expiresAtNs))
		return
	}
	purego.SyscallN(c.WriteOptionsSetTtlSeconds, handle, uintptr(to.ttlSeconds))
}

func changeCondition(c *symbols, handle uintptr, from, to writeSettings) {
	if from.condition == to.condition && from.ifVersion == to.ifVersion {
		return
	}
	switch to.condition {
	case ifAbsent:
		purego.SyscallN(c.WriteOptionsSetIfAbsent, handle)
	case ifVersion:
		purego.SyscallN(c.WriteOptionsSetIfVersion, handle, uintptr(to.ifVersion))
	default:
		purego.SyscallN(c.WriteOptionsClearCondition, handle)
	}
}
