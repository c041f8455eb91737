// SPDX-License-Identifier: Apache-2.0

package vasto_test

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	vasto "github.com/vasto-db/vasto/bindings/go"
)

// fill puts count rows, key0000 and so on.
func fill(t *testing.T, client *vasto.Client, ks *vasto.Keyspace, count int) {
	t.Helper()
	batch, err := client.NewBatch()
	if err != nil {
		t.Fatal(err)
	}
	defer batch.Close()
	for i := range count {
		if err := batch.Put(fmt.Appendf(nil, "key%04d", i), fmt.Appendf(nil, "value%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ks.Write(deadline(t), batch); err != nil {
		t.Fatal(err)
	}
}

func TestScan(t *testing.T) {
	client, ks := keyspace(t)
	const count = 1000
	fill(t, client, ks, count)
	put(t, ks, "other", "x")
	next := 0
	for row, err := range ks.ScanPrefix(deadline(t), []byte("key")) {
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "key", string(row.Key.Bytes), fmt.Sprintf("key%04d", next))
		equal(t, "value", string(row.Value.Data), fmt.Sprintf("value%d", next))
		if row.Value.Version == 0 || row.Value.UpdatedAt.IsZero() || !row.Value.ExpiresAt.IsZero() {
			t.Fatalf("%+v", row)
		}
		next++
	}
	equal(t, "rows", next, count)
	equal(t, "running", client.Running(), 0)
}

func keysOf(t *testing.T, rows func(func(vasto.Row, error) bool)) []string {
	t.Helper()
	var keys []string
	for row, err := range rows {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, string(row.Key.Bytes))
	}
	return keys
}

func TestScanOptions(t *testing.T) {
	client, ks := keyspace(t)
	fill(t, client, ks, 20)
	put(t, ks, "placed", "x", vasto.InPartition(99))
	ctx := deadline(t)
	got := keysOf(t, ks.ScanRange(ctx, []byte("key0003"), []byte("key0006")))
	equal(t, "range", fmt.Sprint(got), "[key0003 key0004 key0005]")
	got = keysOf(t, ks.ScanRange(ctx, []byte("key0018"), nil, vasto.Limit(3), vasto.PageBytes(1)))
	equal(t, "range", fmt.Sprint(got), "[key0018 key0019 placed]")
	for row, err := range ks.ScanPrefix(ctx, []byte("placed"), vasto.KeysOnly()) {
		if err != nil || row.Value.Data != nil || row.Value.Size != 1 {
			t.Fatalf("%+v, %v", row, err)
		}
		if !row.Key.HasPartitionHash || row.Key.PartitionHash != 99 {
			t.Fatalf("%+v", row.Key)
		}
	}
}

func TestResumeTokens(t *testing.T) {
	client, ks := keyspace(t)
	fill(t, client, ks, 20)
	ctx := deadline(t)
	it, err := ks.IteratePrefix([]byte("key"), vasto.BlockRows(8))
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	resumed := func() string {
		t.Helper()
		token, err := it.ResumeToken()
		if err != nil {
			t.Fatal(err)
		}
		return keysOf(t, ks.ScanPrefix(ctx, []byte("key"), vasto.ResumeAfter(token)))[0]
	}
	next := func() {
		t.Helper()
		if _, err := it.Next(ctx); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, "before the first row", resumed(), "key0000")
	next()
	equal(t, "in the middle of a block", resumed(), "key0000")
	rows, err := it.NextBlock(ctx, 100)
	if err != nil || len(rows) > 7 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	last := rows[len(rows)-1].Key.Bytes
	equal(t, "behind a block", resumed() > string(last), true)
	rows, err = it.NextBlock(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	want := keysOf(t, ks.ScanRange(ctx, append(rows[0].Key.Bytes, 0), nil))[0]
	equal(t, "behind one row", resumed(), want)
	for err == nil {
		_, err = it.Next(ctx)
	}
	equal(t, "end", err, io.EOF)
	_, err = it.NextBlock(ctx, 1)
	equal(t, "end again", err, io.EOF)
	token, err := it.ResumeToken()
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range ks.ScanPrefix(ctx, []byte("other"), vasto.ResumeAfter(token)) {
		wantError(t, err, vasto.ErrInvalidArgument)
	}
}

func TestScanCanStop(t *testing.T) {
	client, ks := keyspace(t)
	fill(t, client, ks, 600)
	seen := 0
	for range ks.ScanPrefix(deadline(t), nil) {
		if seen++; seen == 300 {
			break
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	seen = 0
	var last error
	for _, err := range ks.ScanPrefix(ctx, nil, vasto.BlockRows(10)) {
		if last = err; err == nil {
			seen++
		}
		if seen == 5 {
			cancel()
		}
	}
	// The rows that are here already still come.
	wantError(t, last, context.Canceled)
	equal(t, "stopped soon", seen <= 10, true)
	equal(t, "running", client.Running(), 0)
}

func TestIteratorIsForOneGoroutine(t *testing.T) {
	client := open(t, vasto.Config{})
	ks, _ := pausedStore(t, client)
	it, err := ks.IteratePrefix(nil)
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error)
	go func() {
		_, err := it.Next(context.Background())
		failed <- err
	}()
	eventually(t, "a row is waited for", func() bool { return client.Waiting() == 1 })
	_, err = it.Next(deadline(t))
	wantError(t, err, vasto.ErrBusy)
	_, err = it.ResumeToken()
	wantError(t, err, vasto.ErrBusy)
	start := time.Now()
	it.Close()
	wantError(t, <-failed, vasto.ErrClosed)
	if took := time.Since(start); took > 5*time.Second {
		t.Fatalf("took %v", took)
	}
	it.Close()
	_, err = it.Next(deadline(t))
	wantError(t, err, vasto.ErrClosed)
	equal(t, "running", client.Running(), 0)
}
