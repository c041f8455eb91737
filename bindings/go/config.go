// SPDX-License-Identifier: Apache-2.0

package vasto

import (
	"context"
	"sort"
	"strconv"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"
)

// Config is how a client is opened.
type Config struct {
	// Masters are the addresses of the masters, "host:port[,host:port...]". They must be here, or in
	// Settings or File.
	Masters string
	// Settings are further names and values; [Library.ConfigDefaults] lists them: timeout_ms,
	// connect_timeout_ms, connections_per_store, io_threads, unix_sockets.
	Settings map[string]string
	// File is a text file of "name = value" lines, which Settings and Masters override.
	File string
	// Library is the path of libvasto.so.1; see [Load] for what an empty one means.
	Library string
	// Log receives the messages of the client of at least LogLevel, one at a time, in a goroutine of
	// its own; nil drops them. While it runs up to 1024 messages wait; more are dropped.
	Log      func(level LogLevel, message string)
	LogLevel LogLevel
}

// settings are the names and values in an order that does not change.
func (c *Config) settings() [][2]string {
	var all [][2]string
	for name, value := range c.Settings {
		all = append(all, [2]string{name, value})
	}
	sort.Slice(all, func(i, j int) bool { return all[i][0] < all[j][0] })
	if c.Masters != "" {
		all = append(all, [2]string{"masters", c.Masters})
	}
	return all
}

// Check looks at names and values without opening a client: an unknown name is [ErrNotFound], a
// value that does not parse [ErrInvalidArgument], a file that cannot be read [ErrIOError].
func (c Config) Check() error {
	lib, err := Load(c.Library)
	if err != nil {
		return err
	}
	config, err := newConfig(lib)
	if err != nil {
		return named("config", err)
	}
	defer config.destroy()
	return named("config", config.apply(&c))
}

// ConfigDefaults are the names that a configuration has, with the values used when nothing is set.
func (l *Library) ConfigDefaults() (map[string]string, error) {
	config, err := newConfig(l)
	if err != nil {
		return nil, named("config", err)
	}
	defer config.destroy()
	defaults := make(map[string]string)
	for i := uintptr(0); ; i++ {
		name, _, _ := purego.SyscallN(l.c.ConfigKeyAt, i)
		if name == 0 {
			return defaults, nil
		}
		if defaults[copyText(name)], err = config.get(copyText(name)); err != nil {
			return nil, named("config", err)
		}
	}
}

// config is a configuration of the library.
type config struct {
	lib            *Library
	handle, object uintptr
	out            uintptr
}

func newConfig(lib *Library) (*config, error) {
	c := &config{lib: lib}
	code, _, _ := purego.SyscallN(lib.c.ConfigCreate, uintptr(unsafe.Pointer(&c.handle)),
		uintptr(unsafe.Pointer(&c.object)))
	return c, c.result(code)
}

// result makes the code of a call, and the error object that it may have written, an error.
func (c *config) result(code uintptr) error {
	object := c.object
	c.object = 0
	if failed := c.lib.failure(int32(code), object); failed != nil {
		return failed
	}
	return nil
}

func (c *config) apply(config *Config) error {
	if config.File != "" {
		path, err := terminated("the name of the file", config.File)
		if err != nil {
			return err
		}
		code, _, _ := purego.SyscallN(c.lib.c.ConfigLoadFile, c.handle,
			uintptr(unsafe.Pointer(&path[0])), uintptr(unsafe.Pointer(&c.object)))
		if err := c.result(code); err != nil {
			return err
		}
	}
	for _, setting := range config.settings() {
		if err := c.put(setting[0], setting[1]); err != nil {
			return err
		}
	}
	return nil
}

func (c *config) put(name, value string) error {
	cName, err := terminated("a name", name)
	if err != nil {
		return err
	}
	cValue, err := terminated("the value of "+name, value)
	if err != nil {
		return err
	}
	code, _, _ := purego.SyscallN(c.lib.c.ConfigSet, c.handle, uintptr(unsafe.Pointer(&cName[0])),
		uintptr(unsafe.Pointer(&cValue[0])), uintptr(unsafe.Pointer(&c.object)))
	return c.result(code)
}

func (c *config) get(name string) (string, error) {
	cName, err := terminated("a name", name)
	if err != nil {
		return "", err
	}
	code, _, _ := purego.SyscallN(c.lib.c.ConfigGet, c.handle, uintptr(unsafe.Pointer(&cName[0])),
		uintptr(unsafe.Pointer(&c.out)), uintptr(unsafe.Pointer(&c.object)))
	if err := c.result(code); err != nil {
		return "", err
	}
	return copyText(c.out), nil
}

// limit makes the opening end with the context.
func (c *config) limit(ctx context.Context) error {
	const name = "connect_timeout_ms"
	deadline, ok := ctx.Deadline()
	if !ok {
		return nil
	}
	value, err := c.get(name)
	if err != nil {
		return err
	}
	left := max(1, time.Until(deadline).Milliseconds())
	if set, err := strconv.ParseInt(value, 10, 64); err == nil && set != 0 && set <= left {
		return nil
	}
	return c.put(name, strconv.FormatInt(left, 10))
}

func (c *config) destroy() { purego.SyscallN(c.lib.c.ConfigDestroy, c.handle) }
