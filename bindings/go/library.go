// SPDX-License-Identifier: Apache-2.0

package vasto

import (
	"fmt"
	"os"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"time"
	"unicode"
	"unsafe"

	"github.com/ebitengine/purego"
)

const (
	libraryName     = "libvasto.so.1"
	libraryVariable = "VASTO_LIBRARY"
)

// The version of vasto.h that this package was written for.
var requiredVersion = [3]int32{1, 1, 0}

// Library is a loaded libvasto.so.1. It stays loaded as long as the process lives.
type Library struct {
	path    string
	version [3]int32
	c       symbols
}

var loaded struct {
	sync.Mutex
	libraries map[string]*Library
}

// Load loads the library at path. When that is empty, the one that the environment variable
// VASTO_LIBRARY names, and without that the libvasto.so.1 that the dynamic linker finds. The same
// path gives the same Library. [Open] does this by itself.
//
// A library that is missing, too old or something else is an [Error] with [CodeNotSupported].
func Load(path string) (*Library, error) {
	if path == "" {
		path = os.Getenv(libraryVariable)
	}
	if path == "" {
		path = libraryName
	}
	loaded.Lock()
	defer loaded.Unlock()
	if lib := loaded.libraries[path]; lib != nil {
		return lib, nil
	}
	lib, err := load(path)
	if err != nil {
		return nil, &Error{
			Code: CodeNotSupported, Number: int32(CodeNotSupported), Op: "load", Origin: "client",
			Message: fmt.Sprintf("%s: %v; install libvasto 1.1 or newer (cmake --install), "+
				"or set VASTO_LIBRARY to the path of libvasto.so.1", path, err),
		}
	}
	if loaded.libraries == nil {
		loaded.libraries = make(map[string]*Library)
	}
	loaded.libraries[path] = lib
	return lib, nil
}

func load(path string) (*Library, error) {
	if strings.IndexByte(path, 0) >= 0 {
		return nil, fmt.Errorf("a path holds no zero byte")
	}
	// dlerror tells about the last failure of its own thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("cannot be loaded: %w", err)
	}
	lib := &Library{path: path}
	if err := lib.checkVersion(handle); err != nil {
		return nil, err
	}
	if err := lib.c.resolve(handle); err != nil {
		return nil, err
	}
	return lib, nil
}

// checkVersion comes before all other names: those that an old library lacks are no news then.
func (l *Library) checkVersion(handle uintptr) error {
	version, err := purego.Dlsym(handle, "vasto_version")
	if err != nil {
		return fmt.Errorf("is no libvasto: %w", err)
	}
	v, need := &l.version, requiredVersion
	purego.SyscallN(version, uintptr(unsafe.Pointer(&v[0])), uintptr(unsafe.Pointer(&v[1])),
		uintptr(unsafe.Pointer(&v[2])))
	older := v[1] < need[1] || (v[1] == need[1] && v[2] < need[2])
	if v[0] != need[0] || older {
		return fmt.Errorf("has version %d.%d.%d, and %d.%d.%d or a later %d.x is needed",
			v[0], v[1], v[2], need[0], need[1], need[2], need[0])
	}
	return nil
}

// resolve looks up the function of each field: MultiGetAsync is vasto_multi_get_async.
func (s *symbols) resolve(handle uintptr) error {
	fields := reflect.ValueOf(s).Elem()
	for i := range fields.NumField() {
		name := symbolName(fields.Type().Field(i).Name)
		symbol, err := purego.Dlsym(handle, name)
		if err != nil {
			return fmt.Errorf("lacks a function that is needed: %w", err)
		}
		fields.Field(i).SetUint(uint64(symbol))
	}
	return nil
}

func symbolName(field string) string {
	var name strings.Builder
	name.WriteString("vasto")
	for _, letter := range field {
		if unicode.IsUpper(letter) {
			name.WriteByte('_')
		}
		name.WriteRune(unicode.ToLower(letter))
	}
	return name.String()
}

// Path is what the library was loaded as: a path, or the name that the dynamic linker found.
func (l *Library) Path() string { return l.path }

// Version is the version of the interface that the library has.
func (l *Library) Version() (major, minor, patch int) {
	return int(l.version[0]), int(l.version[1]), int(l.version[2])
}

// VersionString is the version of the product and its build, for people.
func (l *Library) VersionString() string {
	text, _, _ := purego.SyscallN(l.c.VersionString)
	return copyText(text)
}

// PartitionHash is the hash that places keys: XXH3 of 64 bits, the same everywhere and for ever.
func (l *Library) PartitionHash(data []byte) uint64 {
	hash, _, _ := purego.SyscallN(l.c.PartitionHash,
		uintptr(unsafe.Pointer(unsafe.SliceData(data))), uintptr(len(data)))
	return uint64(hash)
}

// VersionTime is the event time in the version of a value or write; the zero time for version 0.
func (l *Library) VersionTime(version uint64) time.Time {
	ns, _, _ := purego.SyscallN(l.c.VersionTimeNs, uintptr(version))
	return timeOf(uint64(ns))
}
