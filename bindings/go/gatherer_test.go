// SPDX-License-Identifier: Apache-2.0

package vasto_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	vasto "github.com/vasto-db/vasto/bindings/go"
)

// gathered has operations started together, more than one foreign call takes, and gives what each
// came to. whileHeld happens before any is started.
func gathered(t *testing.T, client *vasto.Client, operations []func() error, whileHeld func()) []error {
	t.Helper()
	release := client.HoldStarts()
	failed, ended := make([]error, len(operations)), make(chan struct{})
	for i, operation := range operations {
		go func() {
			failed[i] = operation()
			ended <- struct{}{}
		}()
	}
	eventually(t, "all are gathered", func() bool { return client.Gathered() == len(operations) })
	if whileHeld != nil {
		whileHeld()
	}
	release()
	for range operations {
		<-ended
	}
	equal(t, "gathered", client.Gathered(), 0)
	equal(t, "running", client.Running(), 0)
	equal(t, "waiting", client.Waiting(), 0)
	return failed
}

// What is started together has results of its own each: options, keys that are refused, misses.
func TestGathered(t *testing.T) {
	client, ks := keyspace(t)
	const count = 300
	tooLong := make([]byte, vasto.MaxKeySize+1)
	var puts, gets []func() error
	for i := range count {
		key, value := fmt.Appendf(nil, "k%d", i), fmt.Sprintf("v%d", i)
		puts = append(puts, func() error {
			switch i % 10 {
			case 3:
				key = tooLong
			case 5:
				_, err := ks.Put(deadline(t), key, []byte(value), vasto.IfVersion(7))
				return err
			}
			_, err := ks.Put(deadline(t), key, []byte(value))
			return err
		})
		gets = append(gets, func() error {
			if i%10 == 3 {
				key = tooLong
			}
			got, err := ks.Get(deadline(t), key)
			if err == nil && string(got) != value {
				t.Errorf("%s is %q", key, got)
			}
			return err
		})
	}
	for i, err := range gathered(t, client, puts, nil) {
		switch i % 10 {
		case 3:
			equal(t, "in doubt", wantError(t, err, vasto.ErrTooLarge).InDoubt, false)
		case 5:
			wantError(t, err, vasto.ErrStaleWrite)
		default:
			equal(t, "put", err, nil)
		}
	}
	for i, err := range gathered(t, client, gets, nil) {
		switch i % 10 {
		case 3:
			wantError(t, err, vasto.ErrTooLarge)
		case 5:
			wantError(t, err, vasto.ErrNotFound)
		default:
			equal(t, "get", err, nil)
		}
	}
}

// Keyspaces, sessions and timeouts of those that are gathered are not mixed up.
func TestGatheredApart(t *testing.T) {
	client, first := keyspace(t)
	second := openKeyspace(t, client, create(t))
	put(t, first, "k", "first")
	put(t, second, "k", "second")
	closed, err := first.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	var gets []func() error
	for i := range 60 {
		ks, want := first, "first"
		if i%3 == 0 {
			ks, want = second, "second"
		}
		var opts []vasto.ReadOption
		if i%7 == 0 {
			opts = append(opts, vasto.InSession(closed))
		}
		gets = append(gets, func() error {
			got, err := ks.Get(context.Background(), []byte("k"), opts...)
			if err == nil && string(got) != want {
				t.Errorf("%q instead of %q", got, want)
			}
			return err
		})
	}
	for i, err := range gathered(t, client, gets, nil) {
		if i%7 == 0 {
			wantError(t, err, vasto.ErrClosed)
		} else {
			equal(t, "get", err, nil)
		}
	}
}

// One that is cancelled before it is started ends so, and the others go on.
func TestCancelAmongGathered(t *testing.T) {
	client := open(t, vasto.Config{})
	ks, resume := pausedStore(t, client)
	ctx, cancel := context.WithCancel(context.Background())
	const cancelled = 4
	ended := make(chan struct{})
	var gets []func() error
	for i := range 20 {
		own := context.Background()
		if i == cancelled {
			own = ctx
		}
		gets = append(gets, func() error {
			_, err := ks.Get(own, []byte("k"))
			if i == cancelled {
				close(ended)
			}
			return err
		})
	}
	go func() {
		<-ended
		resume()
	}()
	for i, err := range gathered(t, client, gets, cancel) {
		if i == cancelled {
			wantError(t, err, context.Canceled)
		} else {
			equal(t, "get", err, nil)
		}
	}
}

// A keyspace that is closed while its operations wait to be started stays usable for these.
func TestCloseAmongGathered(t *testing.T) {
	client, ks := keyspace(t)
	put(t, ks, "k", "v")
	get := func() error {
		_, err := ks.Get(context.Background(), []byte("k"))
		return err
	}
	for _, err := range gathered(t, client, []func() error{get, get, get}, func() { ks.Close() }) {
		equal(t, "get", err, nil)
	}
	wantError(t, get(), vasto.ErrClosed)
}

// Operations with deadlines that run out before they are started fail as others do.
func TestDeadlineAmongGathered(t *testing.T) {
	client, ks := keyspace(t)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	late := func() error {
		_, err := ks.Put(ctx, []byte("k"), nil)
		return err
	}
	for _, err := range gathered(t, client, []func() error{late, late}, func() { <-ctx.Done() }) {
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
	}
}
