// SPDX-License-Identifier: Apache-2.0

package vasto

import (
	"math"
	"sync/atomic"

	"github.com/ebitengine/purego"
)

// uses counts the users of something that any number of goroutines use and one closes.
type uses struct {
	state atomic.Int64 // the number of users, and closedBit
}

const closedBit = math.MinInt64

// acquire begins a use, which release ends; false once it is closed.
func (u *uses) acquire() bool {
	for {
		state := u.state.Load()
		if state < 0 {
			return false
		}
		if u.state.CompareAndSwap(state, state+1) {
			return true
		}
	}
}

// release is true for the last user of what is closed.
func (u *uses) release() (last bool) { return u.state.Add(-1) == closedBit }

// close is idempotent: first is true the first time, and unused if there is no user then.
func (u *uses) close() (first, unused bool) {
	for {
		state := u.state.Load()
		if state < 0 {
			return false, false
		}
		if u.state.CompareAndSwap(state, state|closedBit) {
			return true, state == 0
		}
	}
}

func (u *uses) closed() bool { return u.state.Load() < 0 }

// ref is a handle of the library. That wants no other call to run while it destroys a handle: the
// last user does it.
type ref struct {
	uses
	handle  uintptr
	destroy uintptr // the function of the library
}

func (r *ref) release() {
	if r.uses.release() {
		purego.SyscallN(r.destroy, r.handle)
	}
}

// close is idempotent; true the first time.
func (r *ref) close() bool {
	first, unused := r.uses.close()
	if unused {
		purego.SyscallN(r.destroy, r.handle)
	}
	return first
}
