// SPDX-License-Identifier: Apache-2.0

package vasto_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	vasto "github.com/vasto-db/vasto/bindings/go"
)

func watch(t *testing.T, ks *vasto.Keyspace, prefix string, opts ...vasto.WatchOption) *vasto.Watch {
	t.Helper()
	w, err := ks.Watch(deadline(t), []byte(prefix), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func nextChange(t *testing.T, w *vasto.Watch) string {
	t.Helper()
	c, err := w.Next(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	if c.Deleted {
		return string(c.Key.Bytes) + " deleted"
	}
	return string(c.Key.Bytes) + "=" + string(c.Value.Data)
}

func TestWatch(t *testing.T) {
	_, ks := keyspace(t)
	w := watch(t, ks, "w/")
	put(t, ks, "w/a", "1")
	put(t, ks, "elsewhere", "x")
	equal(t, "change", nextChange(t, w), "w/a=1")
	token := w.ResumeToken()
	put(t, ks, "w/a", "2")
	if _, err := ks.Delete(deadline(t), []byte("w/a")); err != nil {
		t.Fatal(err)
	}
	equal(t, "change", nextChange(t, w), "w/a=2")
	equal(t, "change", nextChange(t, w), "w/a deleted")
	w.Close()
	again := watch(t, ks, "w/", vasto.ResumeAfter(token))
	equal(t, "change", nextChange(t, again), "w/a=2")
	equal(t, "change", nextChange(t, again), "w/a deleted")
	_, err := ks.Watch(deadline(t), nil, vasto.ResumeAfter([]byte("nonsense")))
	wantError(t, err, vasto.ErrInvalidArgument)
}

// While changes of a block are handed out the token stays behind: nothing that was not given is lost.
func TestWatchTokenWithinABlock(t *testing.T) {
	client, ks := keyspace(t)
	w := watch(t, ks, "key")
	fill(t, client, ks, 50)
	seen := make(map[string]bool)
	ctx, cancel := context.WithCancel(deadline(t))
	defer cancel()
	for change, err := range w.Changes(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		seen[string(change.Key.Bytes)] = true
		if len(seen) == 20 {
			break
		}
	}
	again := watch(t, ks, "key", vasto.ResumeAfter(w.ResumeToken()))
	w.Close()
	for len(seen) < 50 {
		changes, err := again.NextBlock(ctx, 7)
		if err != nil || len(changes) > 7 {
			t.Fatal(len(changes), err)
		}
		for _, c := range changes {
			seen[string(c.Key.Bytes)] = true
		}
	}
}

func TestWatchWaits(t *testing.T) {
	client, ks := keyspace(t)
	w := watch(t, ks, "")
	short, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err := w.Next(short)
	wantError(t, err, context.DeadlineExceeded)
	wantError(t, err, vasto.ErrTimeout)

	changes := make(chan string)
	go func() {
		c, err := w.Next(context.Background())
		changes <- fmt.Sprintf("%s %v", c.Key.Bytes, err)
	}()
	eventually(t, "a change is waited for", func() bool { return client.Running() == 1 })
	_, err = w.Next(deadline(t))
	wantError(t, err, vasto.ErrBusy)
	w.ResumeToken()
	put(t, ks, "k", "v")
	equal(t, "change", <-changes, "k <nil>")

	failed := make(chan error)
	go func() {
		_, err := w.Next(context.Background())
		failed <- err
	}()
	eventually(t, "a change is waited for", func() bool { return client.Running() == 1 })
	w.Close()
	wantError(t, <-failed, vasto.ErrClosed)
	_, err = w.Next(deadline(t))
	wantError(t, err, vasto.ErrClosed)
	eventually(t, "nothing runs", func() bool { return client.Running() == 0 })
}

// Watches that wait take no threads.
func TestManyWatches(t *testing.T) {
	client, ks := keyspace(t)
	const count = 50
	got := make(chan error, count)
	for i := range count {
		w := watch(t, ks, fmt.Sprintf("w%02d", i))
		go func() {
			_, err := w.Next(context.Background())
			got <- err
		}()
	}
	eventually(t, "all wait", func() bool { return client.Waiting() == count })
	if n := threads(t); n > 40 {
		t.Fatalf("%d threads", n)
	}
	for i := range count {
		put(t, ks, fmt.Sprintf("w%02d", i), "x")
	}
	for range count {
		if err := <-got; err != nil {
			t.Fatal(err)
		}
	}
}
