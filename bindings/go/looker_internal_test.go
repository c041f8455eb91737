// SPDX-License-Identifier: Apache-2.0

package vasto

import "testing"

// Looking that does not pay is tried more seldom, until it does; failures now and then are chance.
func TestLookerBacksOff(t *testing.T) {
	var l looker
	for round := range 2 {
		for _, skipped := range []int32{0, 0, 0, 0, 1, 3, 7, 15, 31, 31} {
			l.failed()
			if got := l.toSkip.Load(); got != skipped {
				t.Fatalf("round %d: %d chances are passed over, and %d should be", round, got, skipped)
			}
		}
		l.came()
	}
}
