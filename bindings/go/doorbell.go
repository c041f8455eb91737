// SPDX-License-Identifier: Apache-2.0

package vasto

import (
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// doorbell tells Go's poller that the queue may have results, once each time that it is set. The
// queue's own descriptor would wake the poller for every result, also where a goroutine that looks
// takes it before anybody can wake up.
type doorbell struct {
	file *os.File // an epoll set with the queue's descriptor
	fd   int
	of   int
	set  atomic.Bool
}

func newDoorbell(of int) (*doorbell, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	b := &doorbell{fd: fd, of: of}
	if err := b.control(syscall.EPOLL_CTL_ADD); err != nil {
		syscall.Close(fd)
		return nil, err
	}
	b.set.Store(true)
	// os.NewFile leaves to the poller only what does not block.
	if err := syscall.SetNonblock(fd, true); err != nil {
		syscall.Close(fd)
		return nil, fmt.Errorf("O_NONBLOCK: %w", err)
	}
	b.file = os.NewFile(uintptr(fd), "vasto queue")
	// Only what the poller watches takes deadlines.
	if err := b.file.SetReadDeadline(time.Time{}); err != nil {
		b.file.Close()
		return nil, fmt.Errorf("the poller: %w", err)
	}
	return b, nil
}

func (b *doorbell) control(operation int) error {
	event := syscall.EpollEvent{Events: syscall.EPOLLIN | syscall.EPOLLONESHOT}
	if err := syscall.EpollCtl(b.fd, operation, b.of, &event); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	return nil
}

// arm has answer called as soon as the queue may have something, also if it has already.
func (b *doorbell) arm() {
	if !b.set.Load() && !b.set.Swap(true) {
		// It cannot fail: the descriptor is in the set as long as the queue lives.
		_ = b.control(syscall.EPOLL_CTL_MOD)
	}
}

// run calls answer each time that the bell rang, which is to be armed again then; until close.
func (b *doorbell) run(answer func()) {
	connection, err := b.file.SyscallConn()
	if err != nil {
		return
	}
	// The function never says that it is satisfied, so only close ends this.
	_ = connection.Read(func(uintptr) bool {
		b.set.Store(false)
		answer()
		return false
	})
}

func (b *doorbell) close() { _ = b.file.Close() }
