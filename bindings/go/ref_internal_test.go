// SPDX-License-Identifier: Apache-2.0

package vasto

import (
	"testing"

	"github.com/ebitengine/purego"
)

var destroyed []uintptr

var destroy = purego.NewCallback(func(handle uintptr) { destroyed = append(destroyed, handle) })

// A handle is destroyed once, by the last that uses it.
func TestRef(t *testing.T) {
	want := func(step string, count int) {
		t.Helper()
		if len(destroyed) != count {
			t.Fatalf("%s: destroyed %v", step, destroyed)
		}
	}
	used := &ref{handle: 7, destroy: destroy}
	for range 2 {
		if !used.acquire() {
			t.Fatal("an open handle is not usable")
		}
	}
	used.release()
	if first, second := used.close(), used.close(); !first || second {
		t.Fatal("not closed once")
	}
	want("closed in use", 0)
	if used.acquire() || !used.closed() {
		t.Fatal("a closed handle is usable")
	}
	used.release()
	want("released", 1)
	idle := &ref{handle: 8, destroy: destroy}
	idle.close()
	idle.close()
	want("closed", 2)
}
