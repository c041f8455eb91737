// SPDX-License-Identifier: Apache-2.0

package vasto_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	vasto "github.com/vasto-db/vasto/bindings/go"
)

func load(t *testing.T) *vasto.Library {
	t.Helper()
	lib, err := vasto.Load("")
	if err != nil {
		t.Fatal(err)
	}
	return lib
}

func wantLoadError(t *testing.T, err error, parts ...string) {
	t.Helper()
	failed := wantError(t, err, vasto.ErrNotSupported)
	for _, part := range append(parts, "install libvasto 1.1 or newer", "VASTO_LIBRARY") {
		if !strings.Contains(failed.Error(), part) {
			t.Fatalf("%q does not say %q", failed, part)
		}
	}
}

func TestLibrary(t *testing.T) {
	lib := load(t)
	major, minor, patch := lib.Version()
	if major != 1 || minor < 1 || patch < 0 {
		t.Fatalf("version %d.%d.%d", major, minor, patch)
	}
	if !strings.HasPrefix(lib.VersionString(), "vasto ") {
		t.Fatal(lib.VersionString())
	}
	equal(t, "hash of nothing", lib.PartitionHash(nil), 3244421341483603138)
	equal(t, "hash", lib.PartitionHash([]byte("abc")), 8696274497037089104)
	equal(t, "time of version 0", lib.VersionTime(0), time.Time{})
	again, err := vasto.Load(os.Getenv("VASTO_LIBRARY"))
	if err != nil || again != lib {
		t.Fatal("the same path is another library", err)
	}
}

func TestMissingLibrary(t *testing.T) {
	path := filepath.Join(t.TempDir(), "libvasto.so.1")
	_, err := vasto.Load(path)
	wantLoadError(t, err, path)
	_, err = vasto.Open(deadline(t), vasto.Config{Masters: "127.0.0.1:1", Library: path})
	wantLoadError(t, err, path)
	_, err = vasto.Load("libvasto.so.1\x00")
	wantLoadError(t, err)
}

// The variable counts only where no path is given.
func TestLibraryOfTheEnvironment(t *testing.T) {
	good := os.Getenv("VASTO_LIBRARY")
	path := filepath.Join(t.TempDir(), "other.so")
	t.Setenv("VASTO_LIBRARY", path)
	_, err := vasto.Load("")
	wantLoadError(t, err, path)
	if _, err := vasto.Load(good); err != nil {
		t.Fatal(err)
	}
}

func TestForeignLibrary(t *testing.T) {
	_, err := vasto.Load("libc.so.6")
	wantLoadError(t, err, "libc.so.6", "no libvasto")
}

func TestOldLibrary(t *testing.T) {
	compiler, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler to make an old library with")
	}
	for version, wanted := range map[string]string{
		"0, 9, 9": "has version 0.9.9", "1, 0, 7": "has version 1.0.7", "2, 0, 0": "has version 2.0.0",
		"1, 1, 0": "lacks a function",
	} {
		folder := t.TempDir()
		source, library := filepath.Join(folder, "old.c"), filepath.Join(folder, "libvasto.so.1")
		text := "void vasto_version(int *a, int *b, int *c) { int v[] = {" + version + "};" +
			" *a = v[0]; *b = v[1]; *c = v[2]; }\n"
		if err := os.WriteFile(source, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(compiler, "-shared", "-fPIC", "-o", library, source).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		_, err := vasto.Load(library)
		wantLoadError(t, err, library, wanted)
	}
}

func TestConfig(t *testing.T) {
	defaults, err := load(t).ConfigDefaults()
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "default of timeout_ms", defaults["timeout_ms"], "10000")
	wantError(t, vasto.Config{Settings: map[string]string{"colour": "red"}}.Check(), vasto.ErrNotFound)
	wantError(t, vasto.Config{Settings: map[string]string{"timeout_ms": "soon"}}.Check(), vasto.ErrInvalidArgument)
	wantError(t, vasto.Config{Masters: "a\x00b"}.Check(), vasto.ErrInvalidArgument)
	path := filepath.Join(t.TempDir(), "vasto.conf")
	wantError(t, vasto.Config{File: path}.Check(), vasto.ErrIOError)
	text := "# where\nmasters = " + os.Getenv("VASTO_TEST_MASTER") + "\ntimeout_ms = 2500\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	client, err := vasto.Open(deadline(t), vasto.Config{File: path})
	if err != nil {
		t.Fatal(err)
	}
	client.Close()
	_, err = vasto.Open(deadline(t), vasto.Config{})
	wantError(t, err, vasto.ErrInvalidArgument)
}

func TestLog(t *testing.T) {
	messages := make(chan string, 100)
	client := open(t, vasto.Config{Log: func(level vasto.LogLevel, message string) {
		messages <- level.String() + " " + message
	}})
	select {
	case message := <-messages:
		if !strings.HasPrefix(message, "INFO ") && !strings.HasPrefix(message, "DEBUG ") {
			t.Fatal(message)
		}
	case <-deadline(t).Done():
		t.Fatal("a client that opened told nothing")
	}
	client.Close()
}
