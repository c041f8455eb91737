// SPDX-License-Identifier: Apache-2.0

package vasto_test

import (
	"runtime"
	"sync/atomic"
	"testing"
)

// While one goroutine looks for its result, others run, also if there is one processor only.
func TestLookingLetsOthersRun(t *testing.T) {
	_, ks := keyspace(t)
	put(t, ks, "k", "v")
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var turns atomic.Int64
	var stop atomic.Bool
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for !stop.Load() {
			turns.Add(1)
			runtime.Gosched()
		}
	}()
	const gets = 300
	for range gets {
		get(t, ks, "k")
	}
	if n := turns.Load(); n < gets {
		t.Errorf("%d turns during %d gets", n, gets)
	}
	stop.Store(true)
	<-ended
}
