// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"

	"github.com/redis/go-redis/v9"
)

// How many keys a measurement of reads puts first, at most.
const mostRedisKeys = 100_000

// redis measures one client that all goroutines share, with a connection for each of them.
func (l load) redis(ctx context.Context, what string, count int64) error {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDRESS"), PoolSize: l.inFlight})
	defer client.Close()
	value := make([]byte, valueSize)
	put := func(ctx context.Context, key []byte, _ int64) error {
		return client.Set(ctx, string(key), value, 0).Err()
	}
	get := func(ctx context.Context, key []byte, _ int64) error {
		got, err := client.Get(ctx, string(key)).Bytes()
		if err == nil && len(got) != valueSize {
			err = errSize
		}
		return err
	}
	if what == "redis_put" {
		// The connections are made before the clock starts.
		if err := l.repeat(ctx, int64(10*l.inFlight), put); err != nil {
			return err
		}
		return l.measure(ctx, count, put)
	}
	l.keys = min(l.keys, mostRedisKeys)
	putAll := func(ctx context.Context, key []byte, number int64) error {
		setKey(key, uint64(number))
		return put(ctx, key, number)
	}
	if err := l.repeat(ctx, int64(l.keys), putAll); err != nil {
		return err
	}
	return l.measure(ctx, count, get)
}
