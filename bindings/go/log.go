// SPDX-License-Identifier: Apache-2.0

package vasto

import (
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// LogLevel is how much a message of the library matters.
type LogLevel int32

// The levels of log messages.
const (
	LogDebug   LogLevel = 0
	LogInfo    LogLevel = 1
	LogWarning LogLevel = 2
	LogError   LogLevel = 3
)

// String is the name of the level, as in "WARNING".
func (l LogLevel) String() string {
	names := [...]string{"DEBUG", "INFO", "WARNING", "ERROR"}
	return names[min(max(int(l), 0), len(names)-1)]
}

// How many messages wait for the function of the user.
const logBacklog = 1024

type logRecord struct {
	level   LogLevel
	message string
}

// logger takes messages on whatever thread the library gives them, and hands them to the function of
// the user in a goroutine: there it may use the client and take its time, which holds up nothing.
type logger struct {
	id      uintptr
	records chan logRecord
	stopped chan struct{}
}

// The library hands the number of a logger through: it keeps no pointer to Go memory, and a message
// that comes late finds nobody.
var loggers struct {
	sync.Mutex
	callback uintptr // made once: callbacks are never released
	lastID   uintptr
	byID     map[uintptr]*logger
}

// newLogger makes clients opened with settings log; nil if nobody wants to know.
func newLogger(config *Config, settings *config) *logger {
	if config.Log == nil {
		return nil
	}
	l := &logger{records: make(chan logRecord, logBacklog), stopped: make(chan struct{})}
	loggers.Lock()
	if loggers.callback == 0 {
		loggers.callback = purego.NewCallback(takeMessage)
		loggers.byID = make(map[uintptr]*logger)
	}
	loggers.lastID++
	l.id = loggers.lastID
	loggers.byID[l.id] = l
	callback := loggers.callback
	loggers.Unlock()
	purego.SyscallN(settings.lib.c.ConfigSetLogCallback, settings.handle, callback, l.id,
		uintptr(config.LogLevel))
	go l.run(config.Log)
	return l
}

// takeMessage is called by the library, on any of its threads.
func takeMessage(id uintptr, level int32, message unsafe.Pointer) {
	loggers.Lock()
	l := loggers.byID[id]
	loggers.Unlock()
	if l == nil {
		return
	}
	select {
	case l.records <- logRecord{LogLevel(level), copyText(uintptr(message))}:
	default:
	}
}

func (l *logger) run(log func(LogLevel, string)) {
	for {
		select {
		case r := <-l.records:
			log(r.level, r.message)
		case <-l.stopped:
			for len(l.records) > 0 {
				r := <-l.records
				log(r.level, r.message)
			}
			return
		}
	}
}

// stop lets what has come be told, and no more come.
func (l *logger) stop() {
	if l == nil {
		return
	}
	loggers.Lock()
	delete(loggers.byID, l.id)
	loggers.Unlock()
	close(l.stopped)
}
