// SPDX-License-Identifier: Apache-2.0

package vasto_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	vasto "github.com/vasto-db/vasto/bindings/go"
)

func TestClusterThatIsNotThere(t *testing.T) {
	files := descriptors(t)
	_, err := vasto.Open(deadline(t), vasto.Config{Masters: "127.0.0.1:1",
		Settings: map[string]string{"connect_timeout_ms": "300"}})
	equal(t, "retryable", wantError(t, err, vasto.ErrUnavailable).Retryable, true)
	_, err = vasto.Open(deadline(t), vasto.Config{Masters: "nonsense"})
	wantError(t, err, vasto.ErrInvalidArgument)
	equal(t, "descriptors", descriptors(t), files)
}

func TestKeyspaceDeletedUnderAnOpenHandle(t *testing.T) {
	client, ks := keyspace(t)
	ctx := deadline(t)
	put(t, ks, "k", "v")
	batch, err := client.NewBatch()
	if err != nil {
		t.Fatal(err)
	}
	defer batch.Close()
	if err := batch.Put([]byte("k"), nil); err != nil {
		t.Fatal(err)
	}
	control(t, "delete", "keyspace="+ks.Name())
	for what, call := range map[string]func() error{
		"get":   func() error { _, err := ks.Get(ctx, []byte("k")); return err },
		"stat":  func() error { _, err := ks.Stat(ctx, []byte("k")); return err },
		"put":   func() error { _, err := ks.Put(ctx, []byte("k"), nil); return err },
		"touch": func() error { _, err := ks.Touch(ctx, []byte("k"), 0); return err },
		"batch": func() error { _, err := ks.Write(ctx, batch); return err },
		"multi_get": func() error {
			results, err := ks.MultiGet(ctx, [][]byte{[]byte("k")})
			equal(t, "results", len(results), 1)
			equal(t, "code", results[0].Code, vasto.CodeNotFound)
			return err
		},
		"watch": func() error { _, err := ks.Watch(ctx, nil); return err },
		"scan": func() error {
			for _, err := range ks.ScanPrefix(ctx, nil) {
				return err
			}
			return nil
		},
	} {
		t.Run(what, func(t *testing.T) {
			err := call()
			failed := wantError(t, err, vasto.ErrKeyspaceGone)
			equal(t, "code", failed.Code, vasto.CodeNotFound)
			if errors.Is(err, vasto.ErrNotFound) || failed.Message == "" {
				t.Fatalf("taken for a missing key: %v", err)
			}
			if failed.Origin == "" || !strings.Contains(failed.Message, failed.Origin) {
				t.Fatalf("said to be from %q: %v", failed.Origin, err)
			}
		})
	}
}

// A store dies amid 10,000 operations. Each ends with a result, or with an error that says what it
// may have done, inside its deadline; what was acknowledged is there in the end.
func TestStoreKilledAmidOperations(t *testing.T) {
	client := open(t, vasto.Config{})
	name := create(t, "shards=4", "replicas=3", "acks=quorum")
	ks := openKeyspace(t, client, name)
	store := control(t, "primary", "keyspace="+name)

	const operations, workers, limit = 10_000, 64, 20 * time.Second
	var next, acknowledged, failed atomic.Int64
	written := make([]atomic.Bool, operations)
	kill, killed := make(chan struct{}), make(chan struct{})
	work := func() {
		for i := next.Add(1) - 1; i < operations; i = next.Add(1) - 1 {
			if i == operations/5 {
				close(kill)
			}
			if i >= operations/2 {
				<-killed
			}
			start := time.Now()
			ctx, cancel := context.WithTimeout(context.Background(), limit)
			_, err := ks.Put(ctx, fmt.Appendf(nil, "k%d", i), fmt.Appendf(nil, "v%d", i))
			cancel()
			if took := time.Since(start); took > limit+5*time.Second {
				t.Errorf("operation %d took %v", i, took)
			}
			var e *vasto.Error
			switch {
			case err == nil:
				written[i].Store(true)
				acknowledged.Add(1)
			case errors.As(err, &e) && (e.InDoubt || e.Retryable):
				failed.Add(1)
			default:
				t.Errorf("operation %d: %v", i, err)
			}
		}
	}
	var all sync.WaitGroup
	for range workers {
		all.Add(1)
		go func() {
			defer all.Done()
			work()
		}()
	}
	<-kill
	control(t, "kill", "store="+store)
	close(killed)
	all.Wait()
	control(t, "start", "store="+store)
	t.Logf("%d acknowledged, %d failed", acknowledged.Load(), failed.Load())
	equal(t, "operations that ended", acknowledged.Load()+failed.Load(), operations)
	equal(t, "running", client.Running(), 0)
	equal(t, "waiting", client.Waiting(), 0)
	if acknowledged.Load() < operations/2 {
		t.Fatal("two stores of three did not go on")
	}
	checkWritten(t, ks, written)
}

func checkWritten(t *testing.T, ks *vasto.Keyspace, written []atomic.Bool) {
	t.Helper()
	for from := 0; from < len(written); from += 500 {
		var keys [][]byte
		for i := from; i < from+500; i++ {
			keys = append(keys, fmt.Appendf(nil, "k%d", i))
		}
		results, err := ks.MultiGet(deadline(t), keys)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range results {
			if written[from+i].Load() && string(r.Value.Data) != fmt.Sprintf("v%d", from+i) {
				t.Fatalf("k%d was acknowledged and is %v %q", from+i, r.Code, r.Value.Data)
			}
		}
	}
}
