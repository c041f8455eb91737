// SPDX-License-Identifier: Apache-2.0

// Command vectors plays the files of tests/vectors against a live cluster: vectors MODE:FILE=KEYSPACE...
// It prints one line of JSON for each vector. As Go has one form of the calls, all modes are the same.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	vasto "github.com/vasto-db/vasto/bindings/go"
)

// How long one vector may take.
const vectorTimeout = 90 * time.Second

type vector struct {
	Vector    string `json:"vector"`
	Steps     []step `json:"steps"`
	OwnClient bool   `json:"own_client"`
}

type report struct {
	Mode   string `json:"mode"`
	File   string `json:"file"`
	Vector string `json:"vector"`
	OK     bool   `json:"ok"`
	Why    string `json:"why,omitempty"`
}

func main() {
	if err := playAll(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "vectors:", err)
		os.Exit(1)
	}
}

func playAll(runs []string) error {
	config := vasto.Config{Masters: os.Getenv("VASTO_TEST_MASTER")}
	client, err := vasto.Open(context.Background(), config)
	if err != nil {
		return err
	}
	defer client.Close()
	for _, run := range runs {
		mode, rest, ok := strings.Cut(run, ":")
		path, keyspace, ok2 := strings.Cut(rest, "=")
		if !ok || !ok2 {
			return fmt.Errorf("%s is not MODE:FILE=KEYSPACE", run)
		}
		if err := playFile(client, config, mode, path, keyspace); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

func playFile(client *vasto.Client, config vasto.Config, mode, path, keyspace string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, len(text)+1)
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		title, err := playLine(client, config, keyspace, lines.Bytes())
		r := report{Mode: mode, File: name, Vector: title, OK: err == nil}
		if err != nil {
			r.Why = err.Error()
		}
		line, err := json.Marshal(r)
		if err != nil {
			return err
		}
		fmt.Println(string(line))
	}
	return lines.Err()
}

// playLine plays one vector, and returns its title and why it failed.
func playLine(client *vasto.Client, config vasto.Config, keyspace string, line []byte) (title string, err error) {
	defer func() {
		if trouble := recover(); trouble != nil {
			err = fmt.Errorf("%v", trouble)
		}
	}()
	var named struct{ Vector string }
	if err := json.Unmarshal(line, &named); err != nil {
		return "", err
	}
	var v vector
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	decoder.UseNumber()
	if err := decoder.Decode(&v); err != nil {
		return named.Vector, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), vectorTimeout)
	defer cancel()
	if v.OwnClient {
		if client, err = vasto.Open(ctx, config); err != nil {
			return v.Vector, err
		}
		defer client.Close()
	}
	ks, err := client.Keyspace(ctx, keyspace)
	if err != nil {
		return v.Vector, err
	}
	defer ks.Close()
	p := &player{client: client, ks: ks, config: config, saved: make(map[string][]byte),
		numbers: make(map[string]uint64), sessions: make(map[string]*vasto.Session),
		watches: make(map[string]*vasto.Watch)}
	defer p.close()
	for i := range v.Steps {
		if err := p.play(ctx, &v.Steps[i]); err != nil {
			return v.Vector, fmt.Errorf("step %d %s: %w", i+1, v.Steps[i].Op, err)
		}
	}
	return v.Vector, nil
}
