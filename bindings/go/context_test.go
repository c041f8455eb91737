// SPDX-License-Identifier: Apache-2.0

package vasto_test

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	vasto "github.com/vasto-db/vasto/bindings/go"
)

func TestContextThatEndedBefore(t *testing.T) {
	client, ks := keyspace(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := ks.Put(ctx, []byte("k"), nil)
	failed := wantError(t, err, context.Canceled)
	wantError(t, err, vasto.ErrCancelled)
	equal(t, "in doubt", failed.InDoubt, false)
	_, err = client.Keyspace(ctx, ks.Name())
	wantError(t, err, context.Canceled)
	_, err = vasto.Open(ctx, vasto.Config{})
	wantError(t, err, context.Canceled)
	_, err = ks.Get(deadline(t), []byte("k"))
	wantError(t, err, vasto.ErrNotFound)
}

// inFlight starts count operations that get no answer, and gives their errors as they end.
func inFlight(t *testing.T, client *vasto.Client, count int, call func() error) <-chan error {
	t.Helper()
	failed := make(chan error, count)
	for range count {
		go func() { failed <- call() }()
	}
	eventually(t, fmt.Sprintf("%d operations wait", count), func() bool { return client.Waiting() == count })
	return failed
}

func cpu(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// Operations that wait take neither threads nor processor, and leave nothing when they are cancelled.
func TestCancel(t *testing.T) {
	client := open(t, vasto.Config{Settings: map[string]string{"timeout_ms": "60000"}})
	ks, _ := pausedStore(t, client)
	threadsBefore, filesBefore := threads(t), descriptors(t)
	ctx, cancel := context.WithCancel(context.Background())
	const count = 400
	gets := inFlight(t, client, count, func() error {
		_, err := ks.Get(ctx, []byte("k"))
		return err
	})
	if n := threads(t); n > threadsBefore+5 {
		t.Fatalf("%d threads, before %d", n, threadsBefore)
	}
	before, start := cpu(t), time.Now()
	time.Sleep(500 * time.Millisecond)
	used, share := cpu(t)-before, time.Since(start)/5
	t.Logf("%d operations in flight used %v of %v", count, used, 5*share)
	if used > share {
		t.Fatalf("waiting used %v of %v", used, 5*share)
	}
	cancel()
	for range count {
		err := <-gets
		wantError(t, err, context.Canceled)
		equal(t, "in doubt", wantError(t, err, vasto.ErrCancelled).InDoubt, false)
	}
	equal(t, "running", client.Running(), 0)
	equal(t, "waiting", client.Waiting(), 0)
	// The library may have made a connection meanwhile.
	if n := descriptors(t); n > filesBefore+10 {
		t.Fatalf("%d descriptors, before %d", n, filesBefore)
	}
}

func TestCancelledWritesAreInDoubt(t *testing.T) {
	client := open(t, vasto.Config{})
	ks, resume := pausedStore(t, client)
	ctx, cancel := context.WithCancelCause(context.Background())
	puts := inFlight(t, client, 10, func() error {
		_, err := ks.Put(ctx, []byte("k"), []byte("x"))
		return err
	})
	cancel(errors.New("the user left"))
	for range 10 {
		equal(t, "in doubt", wantError(t, <-puts, context.Canceled).InDoubt, true)
	}
	resume()
	if _, err := ks.Get(deadline(t), []byte("k")); err != nil {
		t.Fatal(err)
	}
}

func TestDeadlines(t *testing.T) {
	client := open(t, vasto.Config{})
	ks, _ := pausedStore(t, client)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := ks.Put(ctx, []byte("k"), []byte("x"))
	failed := wantError(t, err, context.DeadlineExceeded)
	equal(t, "retryable", failed.Retryable, true)
	equal(t, "in doubt", failed.InDoubt, true)
	if took := time.Since(start); took < 90*time.Millisecond || took > 5*time.Second {
		t.Fatalf("took %v", took)
	}
	// The timeout of the call is no matter of its context.
	start = time.Now()
	_, err = ks.Get(deadline(t), []byte("k"), vasto.Timeout(50*time.Millisecond))
	if failed := wantError(t, err, vasto.ErrTimeout); errors.Is(failed, context.DeadlineExceeded) {
		t.Fatal(failed)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Fatalf("took %v", took)
	}
	long := open(t, vasto.Config{Settings: map[string]string{"timeout_ms": "50"}})
	_, err = openKeyspace(t, long, ks.Name()).Get(context.Background(), []byte("k"))
	wantError(t, err, vasto.ErrTimeout)
}

// A call that blocks a thread returns with its context all the same.
func TestCancelOpen(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	failed := make(chan error)
	go func() {
		// An address of a network for documentation: nobody answers there.
		_, err := vasto.Open(ctx, vasto.Config{Masters: "192.0.2.1:9333"})
		failed <- err
	}()
	cancel()
	wantError(t, <-failed, context.Canceled)
}
