// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// step is a step of a vector, or an entry of a batch in one.
type step struct {
	Op        string   `json:"op"`
	Key       *keyOf   `json:"key"`
	Keys      []keyOf  `json:"keys"`
	Value     *byteSeq `json:"value"`
	Operand   *byteSeq `json:"operand"`
	Operation string   `json:"operation"`
	Entries   []step   `json:"entries"`

	TTLSeconds  *number `json:"ttl_seconds"`
	ExpiresAtNs *number `json:"expires_at_ns"`
	UpdatedAtNs *number `json:"updated_at_ns"`
	ValueType   *number `json:"value_type"`
	IfAbsent    bool    `json:"if_absent"`
	IfVersion   *number `json:"if_version"`
	Acks        string  `json:"acks"`
	TimeoutMs   *number `json:"timeout_ms"`
	Session     string  `json:"session"`
	SaveVersion string  `json:"save_version"`

	Replica        string  `json:"replica"`
	MaxStalenessMs *number `json:"max_staleness_ms"`
	Hedge          bool    `json:"hedge"`

	Prefix    *byteSeq `json:"prefix"`
	Start     *byteSeq `json:"start"`
	End       *byteSeq `json:"end"`
	Limit     *number  `json:"limit"`
	KeysOnly  bool     `json:"keys_only"`
	PageBytes *number  `json:"page_bytes"`
	Take      int      `json:"take"`
	SaveToken string   `json:"save_token"`
	Resume    string   `json:"resume"`

	Watch  string `json:"watch"`
	Save   string `json:"save"`
	Import string `json:"import"`

	Name     string  `json:"name"`
	Shards   int     `json:"shards"`
	Replicas int     `json:"replicas"`
	Sync     string  `json:"sync"`
	Tags     string  `json:"tags"`
	What     string  `json:"what"`
	Set      string  `json:"set"`
	Data     byteSeq `json:"data"`
	Action   string  `json:"action"`

	Expect expectation `json:"expect"`
}

// expectation is what a step is to give; what is nil is not looked at.
type expectation struct {
	Code    string `json:"code"`
	InDoubt *bool  `json:"in_doubt"`

	Value       *byteSeq `json:"value"`
	Type        *number  `json:"type"`
	Version     *number  `json:"version"`
	UpdatedAtNs *number  `json:"updated_at_ns"`
	Expires     *bool    `json:"expires"`
	Size        *number  `json:"size"`

	Results []item   `json:"results"`
	Codes   []string `json:"codes"`
	Rows    []item   `json:"rows"`
	Changes []item   `json:"changes"`

	Name     *string  `json:"name"`
	Shards   *number  `json:"shards"`
	Replicas *number  `json:"replicas"`
	Has      []string `json:"has"`
	Hash     *number  `json:"hash"`
}

// item is an expected result, row or change.
type item struct {
	Code    string   `json:"code"`
	Key     byteSeq  `json:"key"`
	Value   *byteSeq `json:"value"`
	Size    *number  `json:"size"`
	Deleted bool     `json:"deleted"`
}

// byteSeq are bytes: a string of characters up to U+00FF, or {"repeat": ..., "count": ...}.
type byteSeq []byte

func (b *byteSeq) UnmarshalJSON(text []byte) error {
	var repeated struct {
		Repeat *byteSeq `json:"repeat"`
		Count  int      `json:"count"`
	}
	if text[0] == '{' {
		if err := strict(text, &repeated); err != nil {
			return err
		}
		if repeated.Repeat == nil {
			return fmt.Errorf("no bytes to repeat in %s", text)
		}
		*b = bytes.Repeat(*repeated.Repeat, repeated.Count)
		return nil
	}
	var characters string
	if err := json.Unmarshal(text, &characters); err != nil {
		return err
	}
	got, err := latin1(characters)
	*b = got
	return err
}

func latin1(characters string) ([]byte, error) {
	got := make([]byte, 0, len(characters))
	for _, c := range characters {
		if c > 0xff {
			return nil, fmt.Errorf("U+%04X is no byte", c)
		}
		got = append(got, byte(c))
	}
	return got, nil
}

func strict(text []byte, target any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	return decoder.Decode(target)
}

// keyOf is bytes, or {"key": BYTES, "partition": "123"}.
type keyOf struct {
	bytes     byteSeq
	partition *uint64
}

func (k *keyOf) UnmarshalJSON(text []byte) error {
	if text[0] != '{' || bytes.Contains(text, []byte(`"repeat"`)) {
		return k.bytes.UnmarshalJSON(text)
	}
	var placed struct {
		Key       byteSeq `json:"key"`
		Partition number  `json:"partition"`
	}
	if err := strict(text, &placed); err != nil {
		return err
	}
	hash, err := strconv.ParseUint(string(placed.Partition), 10, 64)
	k.bytes, k.partition = placed.Key, &hash
	return err
}

// number is a number, its digits as a string, or "$NAME".
type number string

func (n *number) UnmarshalJSON(text []byte) error {
	*n = number(strings.Trim(string(text), `"`))
	return nil
}
