// SPDX-License-Identifier: Apache-2.0

// The bench program of tests/bench/bindings: it measures this package and go-redis.
//
//	bench get|put|scan|redis_get|redis_put|memory IN_FLIGHT COUNT
//
// The last line is {"per_second": N}, with memory {"grown_bytes": N}. As many goroutines as are to be
// in flight make one operation after the other; a scan takes all rows, whatever the numbers say.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	vasto "github.com/vasto-db/vasto/bindings/go"
)

const valueSize = 100

var errSize = errors.New("a value has another size than was written")

// operation is done again and again; number is different each time.
type operation func(ctx context.Context, key []byte, number int64) error

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: bench get|put|scan|redis_get|redis_put|memory IN_FLIGHT COUNT")
		os.Exit(2)
	}
	if err := run(context.Background(), os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, what, inFlightText, countText string) error {
	inFlight, err1 := strconv.Atoi(inFlightText)
	count, err2 := strconv.ParseInt(countText, 10, 64)
	keys, err3 := strconv.ParseUint(os.Getenv("VASTO_BENCH_KEYS"), 10, 32)
	if err := cmp.Or(err1, err2, err3); err != nil {
		return err
	}
	if inFlight < 1 || count < 1 || keys < 1 {
		return errors.New("the numbers are to be at least 1")
	}
	load := load{inFlight: inFlight, keys: keys}
	if what == "redis_get" || what == "redis_put" {
		return load.redis(ctx, what, count)
	}
	client, err := vasto.Open(ctx, vasto.Config{Masters: os.Getenv("VASTO_TEST_MASTER")})
	if err != nil {
		return err
	}
	defer client.Close()
	ks, err := client.Keyspace(ctx, os.Getenv("VASTO_BENCH_KEYSPACE"))
	if err != nil {
		return err
	}
	switch what {
	case "get":
		return load.measure(ctx, count, get(ks))
	case "put":
		return load.measure(ctx, count, put(ks))
	case "scan":
		return scan(ctx, ks)
	case "memory":
		return load.memory(ctx, count, ks)
	}
	return fmt.Errorf("nothing is called %q", what)
}

func get(ks *vasto.Keyspace) operation {
	return func(ctx context.Context, key []byte, _ int64) error {
		value, err := ks.Get(ctx, key)
		if err == nil && len(value) != valueSize {
			err = errSize
		}
		return err
	}
}

func put(ks *vasto.Keyspace) operation {
	value := make([]byte, valueSize)
	return func(ctx context.Context, key []byte, _ int64) error {
		_, err := ks.Put(ctx, key, value)
		return err
	}
}

func scan(ctx context.Context, ks *vasto.Keyspace) error {
	rows, begin := 0, time.Now()
	for row, err := range ks.ScanPrefix(ctx, nil) {
		if err != nil {
			return err
		}
		if len(row.Key.Bytes) != keySize || len(row.Value.Data) != valueSize {
			return errSize
		}
		rows++
	}
	printRate(int64(rows), begin)
	return nil
}

func printRate(count int64, begin time.Time) {
	fmt.Printf("{\"per_second\": %.0f}\n", float64(count)/time.Since(begin).Seconds())
}

// load is what all measurements of single keys have in common.
type load struct {
	inFlight int
	keys     uint64
}

func (l load) measure(ctx context.Context, count int64, op operation) error {
	if err := l.repeat(ctx, min(warmUp, count), op); err != nil {
		return err
	}
	begin := time.Now()
	if err := l.repeat(ctx, count, op); err != nil {
		return err
	}
	printRate(count, begin)
	return nil
}

// repeat does op count times, on random keys.
func (l load) repeat(ctx context.Context, count int64, op operation) error {
	var next atomic.Int64
	work := func() error {
		random := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
		key := make([]byte, keySize)
		for i := next.Add(1) - 1; i < count; i = next.Add(1) - 1 {
			setKey(key, random.Uint64N(l.keys))
			if err := op(ctx, key, i); err != nil {
				return err
			}
		}
		return nil
	}
	if l.inFlight == 1 {
		return work()
	}
	var group sync.WaitGroup
	problems := make([]error, l.inFlight)
	for i := range problems {
		group.Add(1)
		go func() {
			defer group.Done()
			problems[i] = work()
		}()
	}
	group.Wait()
	return errors.Join(problems...)
}

// What is done before it counts: connections are open then, and goroutines have their stacks.
const warmUp = 20_000

const keySize = 16

// setKey makes key "key:" and the number in 12 digits.
func setKey(key []byte, number uint64) {
	copy(key, "key")
	strconv.AppendUint(key[:3], 1_000_000_000_000+number, 10)
	key[3] = ':'
}

// memory prints what the process grew by after the first tenth of count gets and puts.
func (l load) memory(ctx context.Context, count int64, ks *vasto.Keyspace) error {
	get, put := get(ks), put(ks)
	both := func(ctx context.Context, key []byte, number int64) error {
		if number%2 == 0 {
			return get(ctx, key, number)
		}
		return put(ctx, key, number)
	}
	if err := l.repeat(ctx, count/10, both); err != nil {
		return err
	}
	before, err := residentBytes()
	if err != nil {
		return err
	}
	if err := l.repeat(ctx, count-count/10, both); err != nil {
		return err
	}
	after, err := residentBytes()
	if err != nil {
		return err
	}
	fmt.Printf("{\"grown_bytes\": %d}\n", after-before)
	return nil
}

// residentBytes is what the process has of memory when what is garbage was collected.
func residentBytes() (int64, error) {
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	var size, resident int64
	_, err = fmt.Sscan(string(text), &size, &resident)
	return resident * int64(os.Getpagesize()), err
}
