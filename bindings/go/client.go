// SPDX-License-Identifier: Apache-2.0

package vasto

import (
	"context"
	"runtime"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// Client is a connection to a cluster.
type Client struct {
	core *core
}

// core is what everything made from a client shares. It does not know the Client, so that one that
// is forgotten can be found by its finalizer and closed.
type core struct {
	lib    *Library
	ref    ref
	queue  *queue
	reads  optionPool[readSettings]
	writes optionPool[writeSettings]
	gets   gatherer[readSettings]
	puts   gatherer[writeSettings]
	logger *logger

	closing sync.Once

	running uses
	idle    chan struct{} // closed when running is and nothing runs
}

// Open connects to a cluster and learns its map; from then on reads and writes need no master. It
// blocks a thread, up to the deadline of the context or connect_timeout_ms, whichever is earlier.
//
// Codes: [ErrInvalidArgument] (no masters), [ErrNotFound] (a name that no configuration has),
// [ErrUnavailable] (no master answered), [ErrNotSupported] (see [Load]).
func Open(ctx context.Context, config Config) (*Client, error) {
	if ctx == nil {
		return nil, named("open", invalid("the context is nil"))
	}
	if ctx.Err() != nil {
		return nil, named("open", contextError(ctx, false))
	}
	lib, err := Load(config.Library)
	if err != nil {
		return nil, err
	}
	client, err := blocking(ctx, false,
		func() (*Client, error) { return open(ctx, lib, &config) },
		func(c *Client) { _ = c.Close() })
	return client, named("open", err)
}

func open(ctx context.Context, lib *Library, config *Config) (*Client, error) {
	settings, err := newConfig(lib)
	if err != nil {
		return nil, err
	}
	defer settings.destroy()
	if err := settings.apply(config); err != nil {
		return nil, err
	}
	if err := settings.limit(ctx); err != nil {
		return nil, err
	}
	c := &core{lib: lib, idle: make(chan struct{})}
	c.reads.kind, c.writes.kind = readOptionKind(lib), writeOptionKind(lib)
	c.gets.core, c.gets.pool, c.gets.function = c, &c.reads, lib.c.QueueStartGets
	c.puts.core, c.puts.pool, c.puts.function = c, &c.writes, lib.c.QueueStartPuts
	c.puts.values = true
	c.ref.destroy = lib.c.ClientDestroy
	c.logger = newLogger(config, settings)
	if c.queue, err = newQueue(lib); err != nil {
		c.logger.stop()
		return nil, err
	}
	code, _, _ := purego.SyscallN(lib.c.ClientOpen, settings.handle,
		uintptr(unsafe.Pointer(&c.ref.handle)), uintptr(unsafe.Pointer(&settings.object)))
	if err := settings.result(code); err != nil {
		c.queue.stop()
		c.logger.stop()
		return nil, err
	}
	client := &Client{core: c}
	runtime.SetFinalizer(client, func(client *Client) { go client.core.close() })
	return client, nil
}

// Library is the library that the client uses.
func (c *Client) Library() *Library {
	if c == nil || c.core == nil {
		return nil
	}
	return c.core.lib
}

// Close ends the client. New operations fail with [ErrClosed] from now on, running ones end with it,
// or with their results, before Close returns. A second Close does nothing. The error is always nil.
func (c *Client) Close() error {
	if c == nil || c.core == nil {
		return nil
	}
	c.core.close()
	runtime.SetFinalizer(c, nil)
	return nil
}

// Shutdown ends the client as [Client.Close] does, but lets running operations finish before, as
// long as the context goes on. It returns the error of the context if that ended it.
func (c *Client) Shutdown(ctx context.Context) error {
	if c == nil || c.core == nil {
		return nil
	}
	if ctx == nil {
		return named("shutdown", invalid("the context is nil"))
	}
	c.core.refuseNew()
	var err error
	select {
	case <-c.core.idle:
	case <-ctx.Done():
		err = named("shutdown", contextError(ctx, false))
	}
	_ = c.Close()
	return err
}

// enter counts an operation that begins, if the client takes any.
func (c *core) enter() bool { return c.running.acquire() }

func (c *core) leave() {
	if c.running.release() {
		close(c.idle)
	}
}

func (c *core) refuseNew() {
	if _, unused := c.running.close(); unused {
		close(c.idle)
	}
}

// close returns when nothing of the client is left, whoever closed it.
func (c *core) close() {
	c.closing.Do(func() {
		c.refuseNew()
		// All operations complete now; those that wait for them still need the queue.
		var object uintptr
		code, _, _ := purego.SyscallN(c.lib.c.ClientClose, c.ref.handle, 0,
			uintptr(unsafe.Pointer(&object)))
		c.lib.failure(int32(code), object)
		<-c.idle
		c.queue.stop()
		c.reads.close()
		c.writes.close()
		c.ref.close()
		c.logger.stop()
	})
}
