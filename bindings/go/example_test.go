// SPDX-License-Identifier: Apache-2.0

package vasto_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	vasto "github.com/vasto-db/vasto/bindings/go"
)

var ctx = context.Background()

// connect opens a client and a keyspace for an example.
func connect() (*vasto.Client, *vasto.Keyspace) {
	client, err := vasto.Open(ctx, vasto.Config{Masters: masters()})
	if err != nil {
		log.Fatal(err)
	}
	name := newName()
	if _, err := tryControl("create", "keyspace="+name, "shards=2", "replicas=3"); err != nil {
		log.Fatal(err)
	}
	users, err := client.Keyspace(ctx, name)
	if err != nil {
		log.Fatal(err)
	}
	return client, users
}

func ExampleOpen() {
	client, err := vasto.Open(ctx, vasto.Config{
		Masters:  masters(), // "10.0.0.1:9333,10.0.0.2:9333"
		Settings: map[string]string{"timeout_ms": "2000"},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	_, err = client.Keyspace(ctx, "nowhere")
	fmt.Println(errors.Is(err, vasto.ErrNotFound))
	// Output: true
}

func ExampleKeyspace_Get() {
	client, users := connect()
	defer client.Close()
	if _, err := users.Put(ctx, []byte("k1"), []byte("hello")); err != nil {
		log.Fatal(err)
	}
	limited, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	value, err := users.Get(limited, []byte("k1"))
	fmt.Println(string(value), err)
	_, err = users.Get(limited, []byte("k2"))
	fmt.Println(errors.Is(err, vasto.ErrNotFound))
	// Output:
	// hello <nil>
	// true
}

func ExampleIfVersion() {
	client, users := connect()
	defer client.Close()
	version, _ := users.Put(ctx, []byte("k1"), []byte("1"))
	_, err := users.Put(ctx, []byte("k1"), []byte("2"), vasto.IfVersion(version))
	fmt.Println(err)
	_, err = users.Put(ctx, []byte("k1"), []byte("3"), vasto.IfVersion(version))
	fmt.Println(errors.Is(err, vasto.ErrStaleWrite))
	// Output:
	// <nil>
	// true
}

func ExampleError() {
	client, users := connect()
	client.Close()
	_, err := users.Put(ctx, []byte("k1"), nil)
	var failed *vasto.Error
	if errors.As(err, &failed) {
		fmt.Println(failed.Code, failed.Retryable, failed.InDoubt)
	}
	// Output: CLOSED false false
}

func ExampleBatch() {
	client, users := connect()
	defer client.Close()
	batch, err := client.NewBatch()
	if err != nil {
		log.Fatal(err)
	}
	defer batch.Close()
	_ = batch.Put([]byte("k1"), []byte("1"))
	_ = batch.Merge([]byte("visits"), vasto.MergeAddInt64, []byte("1"))
	results, err := users.Write(ctx, batch)
	if err != nil {
		log.Fatal(err)
	}
	for _, result := range results {
		fmt.Println(result.Code)
	}
	// Output:
	// OK
	// OK
}

func ExampleKeyspace_ScanPrefix() {
	client, users := connect()
	defer client.Close()
	for _, key := range []string{"a1", "a2", "b1"} {
		if _, err := users.Put(ctx, []byte(key), []byte("x")); err != nil {
			log.Fatal(err)
		}
	}
	for row, err := range users.ScanPrefix(ctx, []byte("a")) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s=%s\n", row.Key.Bytes, row.Value.Data)
	}
	// Output:
	// a1=x
	// a2=x
}

func ExampleIterator_ResumeToken() {
	client, users := connect()
	defer client.Close()
	for _, key := range []string{"a1", "a2", "a3"} {
		if _, err := users.Put(ctx, []byte(key), nil); err != nil {
			log.Fatal(err)
		}
	}
	scan, err := users.IteratePrefix([]byte("a"))
	if err != nil {
		log.Fatal(err)
	}
	rows, _ := scan.NextBlock(ctx, 1)
	token, _ := scan.ResumeToken()
	scan.Close()
	fmt.Printf("%s\n", rows[0].Key.Bytes)
	for row := range users.ScanPrefix(ctx, []byte("a"), vasto.ResumeAfter(token)) {
		fmt.Printf("then %s\n", row.Key.Bytes)
	}
	// Output:
	// a1
	// then a2
	// then a3
}

func ExampleSession() {
	client, users := connect()
	defer client.Close()
	session, err := users.NewSession()
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close()
	if _, err := users.Put(ctx, []byte("k1"), []byte("mine"), vasto.InSession(session)); err != nil {
		log.Fatal(err)
	}
	value, err := users.Get(ctx, []byte("k1"),
		vasto.InSession(session), vasto.FromReplica(vasto.ReplicaAny))
	fmt.Println(string(value), err)
	// Output: mine <nil>
}

func ExampleWatch() {
	client, users := connect()
	defer client.Close()
	watch, err := users.Watch(ctx, []byte("k"))
	if err != nil {
		log.Fatal(err)
	}
	defer watch.Close()
	_, _ = users.Put(ctx, []byte("k1"), []byte("new"))
	for change, err := range watch.Changes(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s is now %s\n", change.Key.Bytes, change.Value.Data)
		break
	}
	// Output: k1 is now new
}

func ExampleClient_CreateKeyspace() {
	client, _ := connect()
	defer client.Close()
	operation, err := client.CreateKeyspace(ctx, newName(), vasto.KeyspaceOptions{Shards: 2, Replicas: 3})
	if err != nil {
		log.Fatal(err)
	}
	defer operation.Close()
	fmt.Println(operation.Wait(ctx))
	// Output: <nil>
}
