// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	vasto "github.com/vasto-db/vasto/bindings/go"
)

// player plays the steps of one vector.
type player struct {
	client   *vasto.Client
	ks       *vasto.Keyspace
	config   vasto.Config
	saved    map[string][]byte
	numbers  map[string]uint64
	sessions map[string]*vasto.Session
	watches  map[string]*vasto.Watch
}

var (
	merges = map[string]vasto.Merge{
		"ADD_INT64": vasto.MergeAddInt64, "MIN_INT64": vasto.MergeMinInt64,
		"MAX_INT64": vasto.MergeMaxInt64, "ADD_FLOAT64": vasto.MergeAddFloat64,
		"MIN_FLOAT64": vasto.MergeMinFloat64, "MAX_FLOAT64": vasto.MergeMaxFloat64,
		"APPEND": vasto.MergeAppend,
	}
	acks = map[string]vasto.AckLevel{
		"ONE": vasto.AcksOne, "QUORUM": vasto.AcksQuorum, "ALL": vasto.AcksAll,
	}
	syncs = map[string]vasto.SyncMode{
		"NONE": vasto.SyncNone, "INTERVAL": vasto.SyncInterval, "ALWAYS": vasto.SyncAlways,
	}
	replicas = map[string]vasto.Replica{
		"PRIMARY": vasto.ReplicaPrimary, "ANY": vasto.ReplicaAny, "NEAREST": vasto.ReplicaNearest,
	}
	subjects = map[string]vasto.DescribeWhat{
		"STATUS": vasto.DescribeStatus, "STORES": vasto.DescribeStores,
		"KEYSPACES": vasto.DescribeKeyspaces, "KEYSPACE": vasto.DescribeKeyspace,
		"USAGE": vasto.DescribeUsage,
	}
)

// lookUp finds a name of the format; play turns the panic about an unknown one into a failure.
func lookUp[T any](names map[string]T, name string) T {
	value, ok := names[name]
	if !ok {
		panic(fmt.Sprintf("%q is unknown", name))
	}
	return value
}

func (p *player) close() {
	for _, watch := range p.watches {
		_ = watch.Close()
	}
	for _, session := range p.sessions {
		_ = session.Close()
	}
}

func (p *player) play(ctx context.Context, s *step) error {
	steps := map[string]func(context.Context, *step) error{
		"put": p.write, "delete": p.write, "touch": p.write, "merge": p.write,
		"get": p.read, "stat": p.read, "multi_get": p.multiGet, "batch": p.batch, "scan": p.scan,
		"watch_open": p.watchOpen, "watch_next": p.watchNext, "watch_token": p.watchToken,
		"watch_close": p.watchClose, "session": p.session, "session_token": p.sessionToken,
		"open_keyspace": p.openKeyspace, "create_keyspace": p.createKeyspace,
		"delete_keyspace": p.deleteKeyspace, "describe": p.describe, "config": p.configStep,
		"partition_hash": p.partitionHash, "close_client": p.closeClient, "control": p.control,
	}
	return lookUp(steps, s.Op)(ctx, s)
}

// number is what n stands for.
func (p *player) number(n *number) uint64 {
	if name, ok := strings.CutPrefix(string(*n), "$"); ok {
		return lookUp(p.numbers, name)
	}
	value, err := strconv.ParseUint(string(*n), 10, 64)
	if err != nil {
		panic(err.Error())
	}
	return value
}

// token is the saved one, or the bytes of name.
func (p *player) token(name string) []byte {
	if token, ok := p.saved[name]; ok {
		return token
	}
	token, err := latin1(name)
	if err != nil {
		panic(err.Error())
	}
	return token
}

// matches compares the outcome of a call with the code that is expected.
func (s *step) matches(err error) error {
	wanted := s.Expect.Code
	if wanted == "" {
		wanted = vasto.CodeOK.String()
	}
	got, inDoubt, message := vasto.CodeOK.String(), false, ""
	var failed *vasto.Error
	if errors.As(err, &failed) {
		got, inDoubt, message = failed.Code.String(), failed.InDoubt, ": "+failed.Message
	} else if err != nil {
		return err
	}
	if got != wanted {
		return fmt.Errorf("wanted %s, got %s%s", wanted, got, message)
	}
	if s.Expect.InDoubt != nil && *s.Expect.InDoubt != inDoubt {
		return fmt.Errorf("wanted in_doubt %v, got %v", *s.Expect.InDoubt, inDoubt)
	}
	return nil
}

// expect is matches for a step whose result is looked at only if the call succeeded.
func (s *step) expect(err error, look func() error) error {
	if failed := s.matches(err); failed != nil || err != nil {
		return failed
	}
	return look()
}

// same fails when something expected is not what came.
func same[T comparable](what string, wanted, got T) error {
	if wanted != got {
		return fmt.Errorf("wanted %s %.80q, got %.80q", what, fmt.Sprint(wanted), fmt.Sprint(got))
	}
	return nil
}

func (p *player) writeOptions(s *step) []vasto.WriteOption {
	var opts []vasto.WriteOption
	add := func(wanted bool, opt func() vasto.WriteOption) {
		if wanted {
			opts = append(opts, opt())
		}
	}
	// The ttl of a touch is not one of its options.
	add(s.TTLSeconds != nil && s.Op != "touch", func() vasto.WriteOption {
		return vasto.TTL(time.Duration(p.number(s.TTLSeconds)) * time.Second)
	})
	add(s.ExpiresAtNs != nil, func() vasto.WriteOption {
		if ns := p.number(s.ExpiresAtNs); ns != math.MaxUint64 {
			return vasto.ExpiresAt(time.Unix(0, int64(ns)))
		}
		return vasto.NeverExpires()
	})
	add(s.UpdatedAtNs != nil, func() vasto.WriteOption {
		return vasto.UpdatedAt(time.Unix(0, int64(p.number(s.UpdatedAtNs))))
	})
	add(s.ValueType != nil, func() vasto.WriteOption { return vasto.ValueType(uint32(p.number(s.ValueType))) })
	add(s.IfAbsent, vasto.IfAbsent)
	add(s.IfVersion != nil, func() vasto.WriteOption { return vasto.IfVersion(p.number(s.IfVersion)) })
	add(s.Acks != "", func() vasto.WriteOption { return vasto.Acks(lookUp(acks, s.Acks)) })
	add(s.TimeoutMs != nil, func() vasto.WriteOption { return vasto.Timeout(p.milliseconds(s.TimeoutMs)) })
	add(s.Session != "", func() vasto.WriteOption { return vasto.InSession(lookUp(p.sessions, s.Session)) })
	add(s.Key != nil && s.Key.partition != nil, func() vasto.WriteOption { return vasto.InPartition(*s.Key.partition) })
	return opts
}

func (p *player) readOptions(s *step) []vasto.ReadOption {
	var opts []vasto.ReadOption
	if s.Replica != "" {
		opts = append(opts, vasto.FromReplica(lookUp(replicas, s.Replica)))
	}
	if s.MaxStalenessMs != nil {
		opts = append(opts, vasto.MaxStaleness(p.milliseconds(s.MaxStalenessMs)))
	}
	if s.Hedge {
		opts = append(opts, vasto.Hedged())
	}
	if s.TimeoutMs != nil {
		opts = append(opts, vasto.Timeout(p.milliseconds(s.TimeoutMs)))
	}
	if s.Session != "" {
		opts = append(opts, vasto.InSession(lookUp(p.sessions, s.Session)))
	}
	if s.Key != nil && s.Key.partition != nil {
		opts = append(opts, vasto.InPartition(*s.Key.partition))
	}
	return opts
}

func (p *player) milliseconds(n *number) time.Duration {
	return time.Duration(p.number(n)) * time.Millisecond
}

// orEmpty are the bytes of a field that may be absent.
func orEmpty(b *byteSeq) []byte {
	if b == nil {
		return nil
	}
	return *b
}

func (p *player) control(_ context.Context, s *step) error {
	response, err := http.Post(os.Getenv("VASTO_TEST_CONTROL")+"/"+s.Action, "", nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = errors.New(string(text))
	}
	return err
}
