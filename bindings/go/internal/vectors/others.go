// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	vasto "github.com/vasto-db/vasto/bindings/go"
)

// How long the changes that are expected may take to come.
const watchTimeout = 20 * time.Second

func (p *player) watchOpen(ctx context.Context, s *step) error {
	var opts []vasto.WatchOption
	if s.Resume != "" {
		opts = append(opts, vasto.ResumeAfter(p.token(s.Resume)))
	}
	watch, err := p.ks.Watch(ctx, orEmpty(s.Prefix), opts...)
	if err == nil {
		p.watches[s.Watch] = watch
	}
	return s.matches(err)
}

func (p *player) watchNext(ctx context.Context, s *step) error {
	watch := lookUp(p.watches, s.Watch)
	ctx, cancel := context.WithTimeout(ctx, watchTimeout)
	defer cancel()
	wanted := make(map[string][]string)
	for _, c := range s.Expect.Changes {
		wanted[string(c.Key)] = append(wanted[string(c.Key)], changeText(orEmpty(c.Value), c.Deleted))
	}
	got := make(map[string][]string)
	for !allCame(wanted, got) {
		changes, err := watch.NextBlock(ctx, 16)
		for _, c := range changes {
			key := string(c.Key.Bytes)
			got[key] = append(got[key], changeText(c.Value.Data, c.Deleted))
		}
		var failed *vasto.Error
		if errors.As(err, &failed) && failed.Retryable && ctx.Err() == nil {
			continue
		}
		if failed != nil && failed.Code.String() == s.Expect.Code {
			return nil
		}
		if err != nil {
			return fmt.Errorf("wanted %.300q, got %.300q: %w", wanted, got, err)
		}
	}
	return s.matches(nil)
}

func changeText(value []byte, deleted bool) string {
	if deleted {
		return "deleted"
	}
	return "=" + string(value)
}

// allCame: of each key, what is wanted came in its order, and its last came last.
func allCame(wanted, got map[string][]string) bool {
	for key, changes := range wanted {
		came := got[key]
		if len(came) == 0 || came[len(came)-1] != changes[len(changes)-1] {
			return false
		}
		next := 0
		for _, change := range came {
			if next < len(changes) && change == changes[next] {
				next++
			}
		}
		if next < len(changes) {
			return false
		}
	}
	return true
}

func (p *player) watchToken(_ context.Context, s *step) error {
	p.saved[s.Save] = lookUp(p.watches, s.Watch).ResumeToken()
	return s.matches(nil)
}

func (p *player) watchClose(_ context.Context, s *step) error {
	watch := lookUp(p.watches, s.Watch)
	delete(p.watches, s.Watch)
	return s.matches(watch.Close())
}

func (p *player) session(_ context.Context, s *step) error {
	session, err := p.ks.NewSession()
	if err != nil {
		return s.matches(err)
	}
	p.sessions[s.Session] = session
	if s.Import != "" {
		err = session.Import(p.token(s.Import))
	}
	return s.matches(err)
}

func (p *player) sessionToken(_ context.Context, s *step) error {
	token, err := lookUp(p.sessions, s.Session).Token()
	p.saved[s.Save] = token
	return s.matches(err)
}

// named is the name of a keyspace of this run.
func (p *player) named(name string) string {
	if name == "@" {
		return p.ks.Name()
	}
	return p.ks.Name() + "-" + name
}

func (p *player) openKeyspace(ctx context.Context, s *step) error {
	ks, err := p.client.Keyspace(ctx, p.named(s.Name))
	if err == nil {
		defer ks.Close()
	}
	return s.expect(err, func() error {
		if s.Expect.Name != nil {
			if err := same("name", p.named(*s.Expect.Name), ks.Name()); err != nil {
				return err
			}
		}
		if s.Expect.Shards != nil {
			if err := same("shards", p.number(s.Expect.Shards), uint64(ks.ShardCount())); err != nil {
				return err
			}
		}
		if s.Expect.Replicas != nil {
			return same("replicas", p.number(s.Expect.Replicas), uint64(ks.ReplicaCount()))
		}
		return nil
	})
}

func (p *player) createKeyspace(ctx context.Context, s *step) error {
	options := vasto.KeyspaceOptions{Shards: s.Shards, Replicas: s.Replicas}
	if s.Acks != "" {
		options.Acks = lookUp(acks, s.Acks)
	}
	if s.Sync != "" {
		options.Sync = lookUp(syncs, s.Sync)
	}
	if s.TTLSeconds != nil {
		options.TTL = time.Duration(p.number(s.TTLSeconds)) * time.Second
	}
	if s.Tags != "" {
		options.Tags = []string{s.Tags}
	}
	op, err := p.client.CreateKeyspace(ctx, p.named(s.Name), options)
	return s.matches(waited(ctx, op, err))
}

func (p *player) deleteKeyspace(ctx context.Context, s *step) error {
	op, err := p.client.DeleteKeyspace(ctx, p.named(s.Name))
	return s.matches(waited(ctx, op, err))
}

func waited(ctx context.Context, op *vasto.AdminOperation, err error) error {
	if err != nil {
		return err
	}
	defer op.Close()
	return op.Wait(ctx)
}

func (p *player) describe(ctx context.Context, s *step) error {
	name := ""
	if s.Name != "" {
		name = p.named(s.Name)
	}
	description, err := p.client.Describe(ctx, lookUp(subjects, s.What), name)
	return s.expect(err, func() error {
		var names map[string]json.RawMessage
		if err := json.Unmarshal(description.Raw, &names); err != nil {
			return err
		}
		for _, name := range s.Expect.Has {
			if _, ok := names[name]; !ok {
				return fmt.Errorf("the object has no %q", name)
			}
		}
		return nil
	})
}

func (p *player) configStep(_ context.Context, s *step) error {
	config := vasto.Config{Settings: map[string]string{string(s.Key.bytes): s.Set}}
	return s.matches(config.Check())
}

func (p *player) partitionHash(_ context.Context, s *step) error {
	return s.expect(nil, func() error {
		return same("hash", p.number(s.Expect.Hash), p.client.Library().PartitionHash(s.Data))
	})
}

func (p *player) closeClient(context.Context, *step) error { return p.client.Close() }
