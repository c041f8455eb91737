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

// HoldStarts keeps gets and puts from being started until release.
func (c *Client) HoldStarts() (release func()) {
	c.core.gets.starting.Lock()
	c.core.puts.starting.Lock()
	return func() {
		c.core.gets.starting.Unlock()
		c.core.puts.starting.Unlock()
	}
}

// Gathered is how many gets and puts wait to be started.
func (c *Client) Gathered() int {
	return c.core.gets.count() + c.core.puts.count()
}

func (g *gatherer[S]) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.gathered)
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
