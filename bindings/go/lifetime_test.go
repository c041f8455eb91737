// SPDX-License-Identifier: Apache-2.0

package vasto_test

import (
	"context"
	"io"
	"sync"
	"testing"
	"time"

	vasto "github.com/vasto-db/vasto/bindings/go"
)

// everything makes one of each object, with its Close and a use of it.
func everything(t *testing.T, client *vasto.Client, name string) (closers []io.Closer, uses []func() error) {
	t.Helper()
	ctx := deadline(t)
	ks, err := client.Keyspace(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	session, err1 := ks.NewSession()
	it, err2 := ks.IteratePrefix(nil)
	w, err3 := ks.Watch(ctx, nil)
	batch, err4 := client.NewBatch()
	op, err5 := client.CompactKeyspace(ctx, name)
	for _, err := range []error{err1, err2, err3, err4, err5} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return []io.Closer{client, ks, session, it, w, batch, op}, []func() error{
		func() error { _, err := client.Keyspace(ctx, name); return err },
		func() error { _, err := ks.Get(ctx, nil); return err },
		func() error { _, err := session.Token(); return err },
		func() error { _, err := it.Next(ctx); return err },
		func() error { _, err := w.Next(ctx); return err },
		func() error { return batch.Put(nil, nil) },
		func() error { return op.Wait(ctx) },
	}
}

func TestCloseInAnyOrder(t *testing.T) {
	name := create(t)
	for first := range 7 {
		closers, uses := everything(t, open(t, vasto.Config{}), name)
		for i := range closers {
			at := (first + i) % len(closers)
			for range 2 {
				if err := closers[at].Close(); err != nil {
					t.Fatal(err)
				}
			}
			wantError(t, uses[at](), vasto.ErrClosed)
		}
	}
}

func TestChildrenOfAClosedClient(t *testing.T) {
	client := open(t, vasto.Config{})
	_, uses := everything(t, client, create(t))
	client.Close()
	for i, use := range uses {
		// A session and a batch are no operations.
		if i != 2 && i != 5 {
			wantError(t, use(), vasto.ErrClosed)
		}
	}
	wantError(t, client.Shutdown(noContext), vasto.ErrInvalidArgument)
	if err := client.Shutdown(deadline(t)); err != nil {
		t.Fatal(err)
	}
}

func TestCloseEndsOperationsInFlight(t *testing.T) {
	client := open(t, vasto.Config{})
	ks, _ := pausedStore(t, client)
	// More than are taken from the queue at once.
	const count = 1000
	gets := inFlight(t, client, count, func() error {
		_, err := ks.Get(context.Background(), []byte("k"))
		return err
	})
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	wantError(t, client.Shutdown(ctx), context.DeadlineExceeded)
	for range count {
		wantError(t, <-gets, vasto.ErrClosed)
	}
	equal(t, "running", client.Running(), 0)
}

func TestShutdownLetsOperationsFinish(t *testing.T) {
	client := open(t, vasto.Config{})
	ks, resume := pausedStore(t, client)
	gets := inFlight(t, client, 10, func() error {
		_, err := ks.Get(context.Background(), []byte("k"))
		return err
	})
	ended := make(chan error)
	go func() { ended <- client.Shutdown(deadline(t)) }()
	eventually(t, "new operations are refused", func() bool {
		_, err := client.Usage(context.Background(), "")
		return err != nil
	})
	resume()
	for range 10 {
		if err := <-gets; err != nil {
			t.Fatal(err)
		}
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

// Everything is closed by somebody while others use it.
func TestCloseWhileInUse(t *testing.T) {
	name := create(t, "shards=4", "replicas=3")
	for range 5 {
		client := open(t, vasto.Config{})
		closers, uses := everything(t, client, name)
		var users sync.WaitGroup
		for _, use := range uses {
			for range 4 {
				users.Add(1)
				go func() {
					defer users.Done()
					for range 50 {
						_ = use()
					}
				}()
			}
		}
		for i := len(closers) - 1; i >= 0; i-- {
			go closers[i].Close()
		}
		users.Wait()
		client.Close()
		equal(t, "running", client.Running(), 0)
	}
}

// What is forgotten without a Close goes away all the same.
func TestFinalizers(t *testing.T) {
	name := create(t)
	filesBefore, threadsBefore := descriptors(t), threads(t)
	for range 3 {
		func() {
			client, err := vasto.Open(deadline(t), vasto.Config{Masters: masters()})
			if err != nil {
				t.Fatal(err)
			}
			_, uses := everything(t, client, name)
			for _, use := range uses[:3] {
				_ = use()
			}
		}()
	}
	eventually(t, "descriptors are closed", func() bool { return descriptors(t) <= filesBefore })
	eventually(t, "threads end", func() bool { return threads(t) <= threadsBefore+4 })
}

// One keyspace must keep its client, though nobody else knows it.
func TestKeyspaceKeepsItsClient(t *testing.T) {
	name := create(t)
	ks := func() *vasto.Keyspace {
		client, err := vasto.Open(deadline(t), vasto.Config{Masters: masters()})
		if err != nil {
			t.Fatal(err)
		}
		ks, err := client.Keyspace(deadline(t), name)
		if err != nil {
			t.Fatal(err)
		}
		return ks
	}()
	rounds := 0
	eventually(t, "collections", func() bool {
		put(t, ks, "k", "v")
		rounds++
		return rounds == 20
	})
	ks.Close()
}
