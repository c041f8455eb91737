// SPDX-License-Identifier: Apache-2.0

package vasto_test

import (
	"context"
	"testing"
	"time"

	vasto "github.com/vasto-db/vasto/bindings/go"
)

func wait(t *testing.T, op *vasto.AdminOperation, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer op.Close()
	if err := op.Wait(deadline(t)); err != nil {
		t.Fatal(err)
	}
}

func TestKeyspaceLife(t *testing.T) {
	client := open(t, vasto.Config{})
	ctx := deadline(t)
	name := newName()
	options := vasto.KeyspaceOptions{Shards: 2, Replicas: 2, Acks: vasto.AcksQuorum,
		Sync: vasto.SyncInterval, TTL: time.Minute}
	op, err := client.CreateKeyspace(ctx, name, options)
	wait(t, op, err)
	op, err = client.CreateKeyspace(ctx, name, options)
	if err == nil {
		err = op.Wait(ctx)
	}
	wantError(t, err, vasto.ErrAlreadyExists)

	ks := openKeyspace(t, client, name)
	equal(t, "shards", ks.ShardCount(), 2)
	put(t, ks, "k", "v")
	v, err := ks.Stat(ctx, []byte("k"))
	equal(t, "expires", err == nil && !v.ExpiresAt.IsZero(), true)

	op, err = client.CompactKeyspace(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	if op.ID() == "" {
		t.Fatal("the operation has no id")
	}
	eventually(t, "the compaction ends", func() bool {
		p, err := op.Progress(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return p.Finished && p.Done == p.Total
	})
	wait(t, op, nil)
	op.Close()
	_, err = op.Progress(ctx)
	wantError(t, err, vasto.ErrClosed)
	wantError(t, op.Wait(ctx), vasto.ErrClosed)

	op, err = client.DeleteKeyspace(ctx, name)
	wait(t, op, err)
	_, err = client.Keyspace(ctx, name)
	wantError(t, err, vasto.ErrNotFound)
	_, err = client.DeleteKeyspace(ctx, name)
	wantError(t, err, vasto.ErrNotFound)
}

func TestImpossibleKeyspaces(t *testing.T) {
	client := open(t, vasto.Config{})
	for name, options := range map[string]vasto.KeyspaceOptions{
		"a/b": {}, newName(): {Replicas: 4}, newName() + "t": {Tags: []string{"gold"}},
		newName() + "a": {Acks: 9}, newName() + "z": {Tags: []string{"\x00"}},
	} {
		op, err := client.CreateKeyspace(deadline(t), name, options)
		if err == nil {
			err = op.Wait(deadline(t))
		}
		wantError(t, err, vasto.ErrInvalidArgument)
	}
}

func TestDescribe(t *testing.T) {
	client := open(t, vasto.Config{})
	name := create(t, "shards=2", "replicas=3")
	ctx := deadline(t)
	status, err := client.Describe(ctx, vasto.DescribeStatus, "")
	if err != nil || status.Schema != 1 || status.Cluster == "" || len(status.Stores) != 3 ||
		status.Version == 0 || len(status.Keyspaces) == 0 || len(status.Raw) == 0 {
		t.Fatalf("%+v, %v", status, err)
	}
	stores, err := client.Describe(ctx, vasto.DescribeStores, "")
	if err != nil || len(stores.Stores) != 3 || stores.Stores[0].CapacityBytes == 0 {
		t.Fatalf("%+v, %v", stores, err)
	}
	all, err := client.Describe(ctx, vasto.DescribeKeyspaces, "")
	if err != nil || len(all.Keyspaces) == 0 {
		t.Fatalf("%+v, %v", all, err)
	}
	one, err := client.Describe(ctx, vasto.DescribeKeyspace, name)
	if err != nil || one.Keyspace.Name != name || len(one.Keyspace.ShardList) != 2 ||
		len(one.Keyspace.ShardList[1].Replicas) != 3 {
		t.Fatalf("%+v, %v", one, err)
	}
	usage, err := client.Describe(ctx, vasto.DescribeUsage, "")
	if err != nil || usage.Usage.CapacityBytes == 0 {
		t.Fatalf("%+v, %v", usage, err)
	}
	numbers, err := client.Usage(ctx, "")
	if err != nil || numbers.CapacityBytes == 0 {
		t.Fatalf("%+v, %v", numbers, err)
	}
	if _, err = client.Usage(context.Background(), name); err != nil {
		t.Fatal(err)
	}
	_, err = client.Usage(ctx, name+"-none")
	wantError(t, err, vasto.ErrNotFound)
	_, err = client.Describe(ctx, vasto.DescribeKeyspace, name+"-none")
	wantError(t, err, vasto.ErrNotFound)
}
