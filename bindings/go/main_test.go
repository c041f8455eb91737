// SPDX-License-Identifier: Apache-2.0

package vasto_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	vasto "github.com/vasto-db/vasto/bindings/go"
)

// How long a test may take that nothing is wrong with.
const patience = 30 * time.Second

func TestMain(m *testing.M) {
	if os.Getenv("VASTO_TEST_MASTER") == "" || os.Getenv("VASTO_TEST_CONTROL") == "" {
		fmt.Fprintln(os.Stderr, "these tests run beside a cluster: tests/bindings/with_cluster.py bindings/go/run test")
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// noContext is what nobody should pass.
var noContext context.Context

// Connections that are kept would count as file descriptors that leak.
var controlClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 2 * patience}

// tryControl has something done to the cluster; values are name=value.
func tryControl(action string, values ...string) (string, error) {
	query := make(url.Values)
	for _, v := range values {
		name, value, _ := strings.Cut(v, "=")
		query.Set(name, value)
	}
	response, err := controlClient.Post(
		os.Getenv("VASTO_TEST_CONTROL")+"/"+action+"?"+query.Encode(), "", nil)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", action, text)
	}
	return string(text), err
}

func control(t testing.TB, action string, values ...string) string {
	t.Helper()
	text, err := tryControl(action, values...)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func deadline(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func open(t testing.TB, config vasto.Config) *vasto.Client {
	t.Helper()
	config.Masters = masters()
	client, err := vasto.Open(deadline(t), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

var keyspaces atomic.Int64

func newName() string {
	return fmt.Sprintf("go-%d-%d-%d", os.Getpid(), time.Now().UnixNano(), keyspaces.Add(1))
}

// create makes a keyspace of the test's own and gives its name.
func create(t testing.TB, values ...string) string {
	t.Helper()
	name := newName()
	control(t, "create", append([]string{"keyspace=" + name}, values...)...)
	return name
}

func openKeyspace(t testing.TB, client *vasto.Client, name string) *vasto.Keyspace {
	t.Helper()
	ks, err := client.Keyspace(deadline(t), name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ks.Close() })
	return ks
}

// keyspace is a client and a keyspace of the test's own, on all stores.
func keyspace(t testing.TB) (*vasto.Client, *vasto.Keyspace) {
	t.Helper()
	client := open(t, vasto.Config{})
	return client, openKeyspace(t, client, create(t, "shards=4", "replicas=3"))
}

func put(t testing.TB, ks *vasto.Keyspace, key, value string, opts ...vasto.WriteOption) uint64 {
	t.Helper()
	version, err := ks.Put(deadline(t), []byte(key), []byte(value), opts...)
	if err != nil {
		t.Fatal(err)
	}
	return version
}

func get(t testing.TB, ks *vasto.Keyspace, key string, opts ...vasto.ReadOption) string {
	t.Helper()
	value, err := ks.Get(deadline(t), []byte(key), opts...)
	if err != nil {
		t.Fatal(err)
	}
	return string(value)
}

// wantError fails unless err is one of the sentinel's kind, and gives it.
func wantError(t testing.TB, err, sentinel error) *vasto.Error {
	t.Helper()
	var failed *vasto.Error
	if !errors.Is(err, sentinel) || !errors.As(err, &failed) {
		t.Fatalf("wanted %v, got %v", sentinel, err)
	}
	return failed
}

func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: got %v, wanted %v", what, got, want)
	}
}

// eventually waits for something that no event tells of.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, patience)
		}
		runtime.GC()
	}
}

func countOf(t testing.TB, folder string) int {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func descriptors(t testing.TB) int { return countOf(t, "/proc/self/fd") }

func threads(t testing.TB) int { return countOf(t, "/proc/self/task") }

// pausedStore gives a keyspace whose only replica does not answer until the test ends, or resume is
// called.
func pausedStore(t *testing.T, client *vasto.Client) (ks *vasto.Keyspace, resume func()) {
	t.Helper()
	name := create(t)
	ks = openKeyspace(t, client, name)
	put(t, ks, "k", "v")
	store := control(t, "primary", "keyspace="+name)
	control(t, "pause", "store="+store)
	var done atomic.Bool
	resume = func() {
		if !done.Swap(true) {
			control(t, "resume", "store="+store)
		}
	}
	t.Cleanup(resume)
	// It stops when one of its threads has taken the signal.
	eventually(t, "the store stops", func() bool {
		_, err := ks.Get(context.Background(), []byte("k"), vasto.Timeout(200*time.Millisecond))
		return errors.Is(err, vasto.ErrTimeout)
	})
	return ks, resume
}

func masters() string { return os.Getenv("VASTO_TEST_MASTER") }
