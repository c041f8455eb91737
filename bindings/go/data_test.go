// SPDX-License-Identifier: Apache-2.0

package vasto_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	vasto "github.com/vasto-db/vasto/bindings/go"
)

func TestPutGetDelete(t *testing.T) {
	client, ks := keyspace(t)
	before := time.Now()
	version := put(t, ks, "k", "hello", vasto.ValueType(77))
	equal(t, "value", get(t, ks, "k"), "hello")
	v, err := ks.GetValue(deadline(t), []byte("k"))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "version", v.Version, version)
	equal(t, "size", v.Size, 5)
	equal(t, "type", v.Type, 77)
	equal(t, "never expires", v.ExpiresAt.IsZero(), true)
	if age := v.UpdatedAt.Sub(before); age < -time.Minute || age > time.Minute {
		t.Fatalf("updated at %v, it was %v", v.UpdatedAt, before)
	}
	equal(t, "time in the version", client.Library().VersionTime(version), v.UpdatedAt)
	s, err := ks.Stat(deadline(t), []byte("k"))
	if err != nil || s.Data != nil || s.Size != 5 || s.Version != version {
		t.Fatalf("stat: %+v, %v", s, err)
	}
	if _, err := ks.Delete(deadline(t), []byte("k")); err != nil {
		t.Fatal(err)
	}
	_, err = ks.Get(deadline(t), []byte("k"))
	wantError(t, err, vasto.ErrNotFound)
	_, err = ks.Stat(deadline(t), []byte("k"))
	wantError(t, err, vasto.ErrNotFound)
	if errors.Is(err, vasto.ErrKeyspaceGone) {
		t.Fatal("a missing key is taken for a missing keyspace")
	}
}

func TestBytes(t *testing.T) {
	_, ks := keyspace(t)
	key, value := []byte("\x00\n/\x80\xff"), []byte("\xff\x00\xfe")
	put(t, ks, string(key), string(value))
	equal(t, "value", get(t, ks, string(key)), string(value))
	if _, err := ks.Put(deadline(t), nil, nil); err != nil {
		t.Fatal(err)
	}
	got, err := ks.Get(deadline(t), []byte{})
	if err != nil || got == nil || len(got) != 0 {
		t.Fatalf("an empty value: %v, %v", got, err)
	}
	// The caller's bytes are the caller's again, and what came is not the library's.
	copy(key, "zzzzz")
	copy(value, "zzz")
	equal(t, "value", get(t, ks, "\x00\n/\x80\xff"), "\xff\x00\xfe")
}

// Values stay what they are when the library has long given their memory to others.
func TestValuesAreCopies(t *testing.T) {
	_, ks := keyspace(t)
	values := make(map[string][]byte)
	for i := range 300 {
		key := fmt.Sprintf("k%d", i)
		put(t, ks, key, strings.Repeat(key, 20))
		value, err := ks.Get(deadline(t), []byte(key))
		if err != nil {
			t.Fatal(err)
		}
		values[key] = value
	}
	for key, value := range values {
		equal(t, key, string(value), strings.Repeat(key, 20))
	}
}

func TestLimits(t *testing.T) {
	_, ks := keyspace(t)
	ctx := deadline(t)
	big := make([]byte, vasto.MaxValueSize+1)
	_, err := ks.Put(ctx, []byte("big"), big)
	equal(t, "in doubt", wantError(t, err, vasto.ErrTooLarge).InDoubt, false)
	_, err = ks.Put(ctx, big[:vasto.MaxKeySize+1], nil)
	wantError(t, err, vasto.ErrTooLarge)
	if _, err = ks.Put(ctx, big[:vasto.MaxKeySize], nil); err != nil {
		t.Fatal(err)
	}
	mib := bytes.Repeat([]byte("0123456789abcdef"), 65536)
	put(t, ks, "mib", string(mib))
	equal(t, "1 MiB", get(t, ks, "mib"), string(mib))
}

func TestConditions(t *testing.T) {
	_, ks := keyspace(t)
	ctx := deadline(t)
	v1 := put(t, ks, "k", "1", vasto.IfAbsent())
	_, err := ks.Put(ctx, []byte("k"), []byte("2"), vasto.IfAbsent())
	wantError(t, err, vasto.ErrAlreadyExists)
	v2 := put(t, ks, "k", "2", vasto.IfVersion(v1))
	_, err = ks.Put(ctx, []byte("k"), []byte("3"), vasto.IfVersion(v1))
	failed := wantError(t, err, vasto.ErrStaleWrite)
	equal(t, "in doubt", failed.InDoubt, false)
	equal(t, "retryable", failed.Retryable, false)
	_, err = ks.Delete(ctx, []byte("k"), vasto.IfAbsent())
	wantError(t, err, vasto.ErrInvalidArgument)
	if _, err = ks.Delete(ctx, []byte("k"), vasto.IfVersion(v2)); err != nil {
		t.Fatal(err)
	}
	// Of two conditions the later counts, and the next call has none left.
	put(t, ks, "k", "4", vasto.IfVersion(v2), vasto.IfAbsent())
	put(t, ks, "k", "5")
}

func TestEventTimeAndExpiry(t *testing.T) {
	_, ks := keyspace(t)
	ctx := deadline(t)
	at := time.Now().Add(-time.Hour).Truncate(time.Microsecond)
	put(t, ks, "late", "new", vasto.UpdatedAt(at))
	_, err := ks.Put(ctx, []byte("late"), []byte("old"), vasto.UpdatedAt(at.Add(-time.Second)))
	wantError(t, err, vasto.ErrStaleWrite)
	v, err := ks.GetValue(ctx, []byte("late"))
	if err != nil || !v.UpdatedAt.Equal(at) || string(v.Data) != "new" {
		t.Fatalf("%+v, %v; wanted %v", v, err, at)
	}
	expires := time.Now().Add(time.Hour).Truncate(time.Microsecond)
	put(t, ks, "ttl", "x", vasto.TTL(time.Minute), vasto.ExpiresAt(expires))
	v, err = ks.Stat(ctx, []byte("ttl"))
	if err != nil || !v.ExpiresAt.Equal(expires) {
		t.Fatalf("%+v, %v; wanted %v", v, err, expires)
	}
	if _, err = ks.Touch(ctx, []byte("ttl"), 1500*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	v, err = ks.Stat(ctx, []byte("ttl"))
	if left := time.Until(v.ExpiresAt); err != nil || left <= 0 || left > 3*time.Second {
		t.Fatalf("expires in %v, %v", left, err)
	}
	put(t, ks, "ttl", "x", vasto.ExpiresAt(expires), vasto.NeverExpires())
	v, err = ks.Stat(ctx, []byte("ttl"))
	equal(t, "expires", err == nil && v.ExpiresAt.IsZero(), true)
	_, err = ks.Touch(ctx, []byte("nobody"), time.Minute)
	wantError(t, err, vasto.ErrNotFound)
}

func TestMerge(t *testing.T) {
	_, ks := keyspace(t)
	ctx := deadline(t)
	for _, m := range []struct {
		merge         vasto.Merge
		operand, want string
	}{
		{vasto.MergeAddInt64, "40", "40"}, {vasto.MergeAddInt64, "-2", "38"},
	} {
		if _, err := ks.Merge(ctx, []byte("n"), m.merge, []byte(m.operand)); err != nil {
			t.Fatal(err)
		}
		equal(t, "sum", get(t, ks, "n"), m.want)
	}
	if _, err := ks.Merge(ctx, []byte("a"), vasto.MergeAppend, []byte("x")); err != nil {
		t.Fatal(err)
	}
	_, err := ks.Merge(ctx, []byte("a"), vasto.MergeAddInt64, []byte("1"))
	wantError(t, err, vasto.ErrInvalidArgument)
	_, err = ks.Merge(ctx, []byte("a"), vasto.Merge(99), []byte("1"))
	wantError(t, err, vasto.ErrInvalidArgument)
}

func TestMultiGet(t *testing.T) {
	_, ks := keyspace(t)
	ctx := deadline(t)
	put(t, ks, "m1", "one")
	put(t, ks, "m3", "")
	hash := uint64(math.MaxUint64)
	put(t, ks, "m4", "elsewhere", vasto.InPartition(hash))
	results, err := ks.MultiGet(ctx, [][]byte{[]byte("m1"), []byte("m2"), nil, []byte("m3"), []byte("m1")})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"one", "-", "-", "", "one"} {
		equal(t, "found", results[i].Found(), want != "-")
		if results[i].Found() {
			equal(t, "value", string(results[i].Value.Data), want)
		} else {
			equal(t, "code", results[i].Code, vasto.CodeNotFound)
		}
	}
	results, err = ks.MultiGetKeys(ctx, []vasto.Key{
		{Bytes: []byte("m4"), PartitionHash: hash, HasPartitionHash: true}, {Bytes: []byte("m1")}})
	if err != nil || string(results[0].Value.Data) != "elsewhere" || !results[1].Found() {
		t.Fatalf("%+v, %v", results, err)
	}
	results, err = ks.MultiGet(ctx, [][]byte{[]byte("m4")}, vasto.InPartition(hash))
	if err != nil || !results[0].Found() {
		t.Fatalf("%+v, %v", results, err)
	}
	results, err = ks.MultiGet(ctx, nil)
	if err != nil || len(results) != 0 {
		t.Fatalf("%+v, %v", results, err)
	}
}

func TestBatch(t *testing.T) {
	client, ks := keyspace(t)
	ctx := deadline(t)
	put(t, ks, "b1", "there")
	batch, err := client.NewBatch()
	if err != nil {
		t.Fatal(err)
	}
	defer batch.Close()
	if err := errors.Join(
		batch.Put([]byte("b1"), []byte("x"), vasto.IfAbsent()),
		batch.Put([]byte("b2"), []byte("two"), vasto.TTL(time.Hour)),
		batch.Delete([]byte("b3")),
		batch.Merge([]byte("b4"), vasto.MergeAddInt64, []byte("4")),
	); err != nil {
		t.Fatal(err)
	}
	equal(t, "entries", batch.Len(), 4)
	wantError(t, batch.Put(make([]byte, vasto.MaxKeySize+1), nil), vasto.ErrTooLarge)
	results, err := ks.Write(ctx, batch)
	wantError(t, err, vasto.ErrAlreadyExists)
	equal(t, "results", len(results), 4)
	equal(t, "code", results[0], vasto.EntryResult{Code: vasto.CodeAlreadyExists})
	for _, r := range results[1:] {
		if r.Code != vasto.CodeOK || r.Version == 0 {
			t.Fatalf("%+v", r)
		}
	}
	equal(t, "merged", get(t, ks, "b4"), "4")
	if err := batch.Clear(); err != nil || batch.Len() != 0 {
		t.Fatal(err, batch.Len())
	}
	results, err = ks.Write(ctx, batch)
	if err != nil || len(results) != 0 {
		t.Fatal(results, err)
	}
	_, err = ks.Write(ctx, nil)
	wantError(t, err, vasto.ErrInvalidArgument)
}

func TestPlacement(t *testing.T) {
	client, ks := keyspace(t)
	equal(t, "shards", ks.ShardCount(), 4)
	equal(t, "replicas", ks.ReplicaCount(), 3)
	if len(ks.ID()) != 36 {
		t.Fatal(ks.ID())
	}
	hash := client.Library().PartitionHash([]byte("together"))
	a := vasto.Key{Bytes: []byte("a"), PartitionHash: hash, HasPartitionHash: true}
	equal(t, "shard", ks.ShardOf(a), ks.ShardOf(vasto.Key{Bytes: []byte("together")}))
	put(t, ks, "a", "x", vasto.InPartition(hash))
	equal(t, "value", get(t, ks, "a", vasto.InPartition(hash)), "x")
}

func TestReplicasAndAcks(t *testing.T) {
	_, ks := keyspace(t)
	put(t, ks, "k", "x", vasto.Acks(vasto.AcksAll))
	equal(t, "any", get(t, ks, "k", vasto.FromReplica(vasto.ReplicaAny)), "x")
	equal(t, "nearest", get(t, ks, "k", vasto.FromReplica(vasto.ReplicaNearest), vasto.Hedged(),
		vasto.MaxStaleness(5*time.Second)), "x")
	_, err := ks.Get(deadline(t), []byte("k"), vasto.FromReplica(9))
	wantError(t, err, vasto.ErrInvalidArgument)
}

func TestSessions(t *testing.T) {
	client, ks := keyspace(t)
	session, err := ks.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	put(t, ks, "mine", "1", vasto.InSession(session))
	token, err := session.Token()
	if err != nil || len(token) == 0 {
		t.Fatal(token, err)
	}
	other, err := ks.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	wantError(t, other.Import([]byte("nonsense")), vasto.ErrInvalidArgument)
	if err := other.Import(token); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		equal(t, "mine", get(t, ks, "mine", vasto.InSession(other), vasto.FromReplica(vasto.ReplicaAny)), "1")
	}
	for row, err := range ks.ScanPrefix(deadline(t), []byte("mine"), vasto.InSession(other)) {
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "row", string(row.Value.Data), "1")
	}
	stranger := openKeyspace(t, client, create(t))
	_, err = stranger.Get(context.Background(), []byte("mine"), vasto.InSession(other),
		vasto.FromReplica(vasto.ReplicaAny))
	wantError(t, err, vasto.ErrInvalidArgument)
	reads, writes := client.OptionsMade()
	session.Close()
	session.Close()
	// Options that have a session would keep it.
	if _, now := client.OptionsMade(); now != writes-1 {
		t.Fatalf("%d options objects of writes, before %d", now, writes)
	}
	other.Close()
	if now, _ := client.OptionsMade(); now != reads-1 {
		t.Fatalf("%d options objects of reads, before %d", now, reads)
	}
	_, err = ks.Get(deadline(t), []byte("mine"), vasto.InSession(session))
	wantError(t, err, vasto.ErrClosed)
	_, err = session.Token()
	wantError(t, err, vasto.ErrClosed)
	_, err = ks.Get(deadline(t), []byte("mine"), vasto.InSession(nil))
	wantError(t, err, vasto.ErrInvalidArgument)
}

// Options that were set for one call must not be those of the next, however many kinds there are.
func TestOptionsAreKept(t *testing.T) {
	client, ks := keyspace(t)
	version := put(t, ks, "k", "x", vasto.UpdatedAt(time.Now().Add(-2*time.Hour)))
	for i := range 200 {
		at := time.Now().Add(-time.Hour).Add(time.Duration(i) * time.Second)
		opts := []vasto.WriteOption{
			vasto.UpdatedAt(at), vasto.ValueType(uint32(64 + i)), vasto.TTL(time.Hour)}
		if i%3 == 0 {
			opts = append(opts, vasto.IfVersion(version))
		}
		version = put(t, ks, "k", "x", opts...)
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		v, err := ks.GetValue(ctx, []byte("k"), vasto.MaxStaleness(time.Duration(i)*time.Millisecond))
		cancel()
		if err != nil || v.Type != uint32(64+i) || v.UpdatedAt.UnixMicro() != at.UnixMicro() {
			t.Fatalf("%+v, %v; wanted %v", v, err, at)
		}
	}
	put(t, ks, "k", "plain")
	v, err := ks.GetValue(deadline(t), []byte("k"))
	if err != nil || v.Type != vasto.TypeBytes || !v.ExpiresAt.IsZero() || time.Since(v.UpdatedAt) > patience {
		t.Fatalf("%+v, %v", v, err)
	}
	if reads, writes := client.OptionsMade(); reads > 32 || writes > 32 {
		t.Fatalf("%d and %d options objects", reads, writes)
	}
}

func TestWrongUse(t *testing.T) {
	client, ks := keyspace(t)
	ctx := deadline(t)
	var none *vasto.Keyspace
	far, shape := time.Unix(253402300799, 0), vasto.KeyspaceOptions{Shards: -1}
	calls := map[string]func() error{
		"nil keyspace":      func() error { _, err := none.Get(ctx, nil); return err },
		"zero keyspace":     func() error { _, err := new(vasto.Keyspace).Put(ctx, nil, nil); return err },
		"nil client":        func() error { _, err := (*vasto.Client)(nil).Keyspace(ctx, "k"); return err },
		"nil context":       func() error { _, err := ks.Get(noContext, nil); return err },
		"nil option":        func() error { _, err := ks.Get(ctx, nil, nil); return err },
		"negative timeout":  func() error { _, err := ks.Get(ctx, nil, vasto.Timeout(-1)); return err },
		"negative ttl":      func() error { _, err := ks.Put(ctx, nil, nil, vasto.TTL(-1)); return err },
		"time before 1970":  func() error { _, err := ks.Put(ctx, nil, nil, vasto.UpdatedAt(time.Time{})); return err },
		"expiry in 9999":    func() error { _, err := ks.Put(ctx, nil, nil, vasto.ExpiresAt(far)); return err },
		"type of library":   func() error { _, err := ks.Put(ctx, nil, nil, vasto.ValueType(63)); return err },
		"acks":              func() error { _, err := ks.Put(ctx, nil, nil, vasto.Acks(7)); return err },
		"name with a zero":  func() error { _, err := client.Keyspace(ctx, "a\x00"); return err },
		"impossible name":   func() error { _, err := client.Keyspace(ctx, "a b"); return err },
		"block of no rows":  func() error { _, err := ks.IteratePrefix(nil, vasto.BlockRows(0)); return err },
		"description of 77": func() error { _, err := client.Describe(ctx, 77, ""); return err },
		"shape":             func() error { _, err := client.CreateKeyspace(ctx, "x", shape); return err },
	}
	for what, call := range calls {
		t.Run(what, func(t *testing.T) { wantError(t, call(), vasto.ErrInvalidArgument) })
	}
}

func TestErrors(t *testing.T) {
	unknown := load(t).Failure(42)
	equal(t, "code", unknown.Code, vasto.CodeInternal)
	equal(t, "number", unknown.Number, 42)
	wantError(t, unknown, vasto.ErrInternal)
	equal(t, "text", unknown.Error(), "vasto: INTERNAL (42)")
	equal(t, "name", vasto.Code(42).String(), "INTERNAL")
	for code := range int32(22) {
		if failed := load(t).Failure(code); failed != nil && int32(failed.Code) != code {
			t.Fatalf("%d is %v", code, failed)
		}
	}
}
