// SPDX-License-Identifier: Apache-2.0

package vasto

import (
	"runtime"
	"sync/atomic"
	"time"
)

const (
	// How long a goroutine looks at most. A store that slept answers within that, and then both stay
	// awake; with less neither would begin to where it takes long to wake a thread up.
	lookLimit = 200 * time.Microsecond
	// So many failures in a row are chance: the processor was somebody else's for a moment.
	patience = 4
	// However many there were, of so many chances one is used.
	mostSkipped = 31
)

// looker decides whether a goroutine looks for results before it sleeps: one that waits for the only
// operation in flight, or the one that takes results for all. To be woken takes as long as all the
// rest of a call, so that pays if the answer comes within microseconds; where it does not, it is tried
// exponentially less often. Each look lets other goroutines run, and none of them blocks the thread.
type looker struct {
	failures atomic.Int32 // in a row, up to patience
	skipped  atomic.Int32 // chances after the last of them
	toSkip   atomic.Int32
}

// lookFor returns true when o is done, false when it is time to sleep.
func (q *queue) lookFor(o *operation) bool {
	if q.inFlight.Load() != 1 || o.mayWaitForEver || !q.looker.mayLook() {
		return false
	}
	begin := clock()
	for q.inFlight.Load() <= 1 {
		runtime.Gosched()
		q.take()
		select {
		case <-o.done:
			q.looker.came()
			return true
		default:
		}
		if clock()-begin >= lookLimit {
			break
		}
	}
	q.looker.failed()
	return false
}

// mayLook takes a chance, or passes it over.
func (l *looker) mayLook() bool { return l.toSkip.Add(-1) < 0 }

func (l *looker) came() {
	l.failures.Store(0)
	l.skipped.Store(0)
	l.toSkip.Store(0)
}

func (l *looker) failed() {
	if l.failures.Load() < patience {
		l.failures.Add(1)
		return
	}
	l.skipped.Store(min(2*l.skipped.Load()+1, mostSkipped))
	l.toSkip.Store(l.skipped.Load())
}

// clock is a time to compare with others; time.Now would ask for two.
func clock() time.Duration { return time.Since(started) }

var started = time.Now()
