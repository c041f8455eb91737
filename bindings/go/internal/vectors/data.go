// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"time"

	vasto "github.com/vasto-db/vasto/bindings/go"
)

// write plays put, delete, touch and merge.
func (p *player) write(ctx context.Context, s *step) error {
	var version uint64
	var err error
	opts := p.writeOptions(s)
	switch s.Op {
	case "put":
		version, err = p.ks.Put(ctx, s.Key.bytes, orEmpty(s.Value), opts...)
	case "delete":
		version, err = p.ks.Delete(ctx, s.Key.bytes, opts...)
	case "touch":
		ttl := time.Duration(p.number(s.TTLSeconds)) * time.Second
		version, err = p.ks.Touch(ctx, s.Key.bytes, ttl, opts...)
	default:
		merge := lookUp(merges, s.Operation)
		version, err = p.ks.Merge(ctx, s.Key.bytes, merge, orEmpty(s.Operand), opts...)
	}
	if s.SaveVersion != "" {
		p.numbers[s.SaveVersion] = version
	}
	return s.matches(err)
}

// read plays get and stat.
func (p *player) read(ctx context.Context, s *step) error {
	get := p.ks.GetValue
	if s.Op == "stat" {
		get = p.ks.Stat
	}
	v, err := get(ctx, s.Key.bytes, p.readOptions(s)...)
	if s.SaveVersion != "" {
		p.numbers[s.SaveVersion] = v.Version
	}
	return s.expect(err, func() error { return p.sameValue(s, v) })
}

func (p *player) sameValue(s *step, v vasto.Value) error {
	if s.Op == "get" {
		// The form without all that is known about a value must agree.
		data, err := p.ks.Get(context.Background(), s.Key.bytes, p.readOptions(s)...)
		if err != nil {
			return err
		}
		if err := same("value of Get", string(v.Data), string(data)); err != nil {
			return err
		}
	}
	e := &s.Expect
	if e.Value != nil {
		if err := same("value", string(*e.Value), string(v.Data)); err != nil {
			return err
		}
	}
	for _, n := range []struct {
		what   string
		wanted *number
		got    uint64
	}{
		{"type", e.Type, uint64(v.Type)}, {"version", e.Version, v.Version},
		{"updated_at_ns", e.UpdatedAtNs, uint64(v.UpdatedAt.UnixNano())}, {"size", e.Size, uint64(v.Size)},
	} {
		if n.wanted != nil {
			if err := same(n.what, p.number(n.wanted), n.got); err != nil {
				return err
			}
		}
	}
	if e.Expires != nil {
		return same("expires", *e.Expires, !v.ExpiresAt.IsZero())
	}
	return nil
}

func (p *player) multiGet(ctx context.Context, s *step) error {
	keys := make([]vasto.Key, len(s.Keys))
	for i, k := range s.Keys {
		keys[i].Bytes = k.bytes
		if k.partition != nil {
			keys[i].PartitionHash, keys[i].HasPartitionHash = *k.partition, true
		}
	}
	results, err := p.ks.MultiGetKeys(ctx, keys, p.readOptions(s)...)
	return s.expect(err, func() error {
		if err := same("number of results", len(s.Expect.Results), len(results)); err != nil {
			return err
		}
		for i, wanted := range s.Expect.Results {
			if err := same("code", wanted.Code, results[i].Code.String()); err != nil {
				return err
			}
			if wanted.Value != nil {
				if err := same("value", string(*wanted.Value), string(results[i].Value.Data)); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (p *player) batch(ctx context.Context, s *step) error {
	batch, err := p.client.NewBatch()
	if err != nil {
		return err
	}
	defer batch.Close()
	for i := range s.Entries {
		e := &s.Entries[i]
		opts := p.writeOptions(e)
		switch e.Op {
		case "put":
			err = batch.Put(e.Key.bytes, orEmpty(e.Value), opts...)
		case "delete":
			err = batch.Delete(e.Key.bytes, opts...)
		case "merge":
			err = batch.Merge(e.Key.bytes, lookUp(merges, e.Operation), orEmpty(e.Operand), opts...)
		default:
			err = fmt.Errorf("%q is no entry of a batch", e.Op)
		}
		if err != nil {
			return s.matches(err)
		}
	}
	results, err := p.ks.Write(ctx, batch, p.writeOptions(s)...)
	if failed := s.matches(err); failed != nil || s.Expect.Codes == nil {
		return failed
	}
	var codes []string
	for _, r := range results {
		codes = append(codes, r.Code.String())
	}
	return same("codes", fmt.Sprint(s.Expect.Codes), fmt.Sprint(codes))
}

func (p *player) scan(ctx context.Context, s *step) error {
	rows, token, err := p.takeRows(ctx, s)
	if s.SaveToken != "" {
		p.saved[s.SaveToken] = token
	}
	return s.expect(err, func() error {
		var got, wanted []string
		for _, r := range rows {
			got = append(got, rowText(r.Key.Bytes, r.Value.Data, r.Value.Size, s.KeysOnly))
		}
		for _, r := range s.Expect.Rows {
			size := 0
			if r.Size != nil {
				size = int(p.number(r.Size))
			}
			wanted = append(wanted, rowText(r.Key, orEmpty(r.Value), size, s.KeysOnly))
		}
		return same("rows", fmt.Sprintf("%.2000q", wanted), fmt.Sprintf("%.2000q", got))
	})
}

func rowText(key, value []byte, size int, keysOnly bool) string {
	if keysOnly {
		return fmt.Sprintf("%s:%d:%v", key, size, value == nil)
	}
	return string(key) + "=" + string(value)
}

// takeRows gives the rows of a scan, as many as are to be taken, and the token behind them.
func (p *player) takeRows(ctx context.Context, s *step) ([]vasto.Row, []byte, error) {
	var opts []vasto.ScanOption
	if s.Limit != nil {
		opts = append(opts, vasto.Limit(p.number(s.Limit)))
	}
	if s.KeysOnly {
		opts = append(opts, vasto.KeysOnly())
	}
	if s.PageBytes != nil {
		opts = append(opts, vasto.PageBytes(p.number(s.PageBytes)))
	}
	if s.Resume != "" {
		opts = append(opts, vasto.ResumeAfter(p.token(s.Resume)))
	}
	iterate := func() (*vasto.Iterator, error) { return p.ks.IteratePrefix(orEmpty(s.Prefix), opts...) }
	if s.Prefix == nil {
		iterate = func() (*vasto.Iterator, error) {
			return p.ks.IterateRange(orEmpty(s.Start), orEmpty(s.End), opts...)
		}
	}
	it, err := iterate()
	if err != nil {
		return nil, nil, err
	}
	defer it.Close()
	rows, err := takeFrom(ctx, it, s.Take)
	if err != nil {
		return nil, nil, err
	}
	token, err := it.ResumeToken()
	return rows, token, err
}

// takeFrom takes count rows, or all.
func takeFrom(ctx context.Context, it *vasto.Iterator, count int) ([]vasto.Row, error) {
	var rows []vasto.Row
	if count == 0 {
		for row, err := range it.Rows(ctx) {
			if err != nil {
				return nil, err
			}
			rows = append(rows, row)
		}
		return rows, nil
	}
	for len(rows) < count {
		block, err := it.NextBlock(ctx, count-len(rows))
		if err == io.EOF {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		rows = append(rows, block...)
	}
	return rows, nil
}
