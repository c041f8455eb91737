// SPDX-License-Identifier: Apache-2.0

package vasto

// What tests look at that users cannot.

func (c *Client) Running() int {
	return int(c.core.running.state.Load() &^ closedBit)
}

func (c *Client) Waiting() int {
	c.core.queue.mu.Lock()
	defer c.core.queue.mu.Unlock()
	return len(c.core.queue.waiting)
}

// OptionsMade is how many options objects of reads and writes the client keeps.
func (c *Client) OptionsMade() (reads, writes int) {
	c.core.reads.mu.Lock()
	reads = c.core.reads.made
	c.core.reads.mu.Unlock()
	c.core.writes.mu.Lock()
	defer c.core.writes.mu.Unlock()
	return reads, c.core.writes.made
}

func (l *Library) Failure(code int32) *Error { return l.failure(code, 0) }

func (l *Library) HasWatchReady() bool { return l.watchReadyAsync != 0 }

func (l *Library) WithoutWatchReady() func() {
	symbol := l.watchReadyAsync
	l.watchReadyAsync = 0
	return func() { l.watchReadyAsync = symbol }
}
