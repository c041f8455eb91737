// SPDX-License-Identifier: Apache-2.0

package vasto

import "unsafe"

// How many finished operations one foreign call takes. Those that wait for them go on before the next
// are taken: the stores have work again meanwhile, which all at once would keep them waiting for.
const takeBlock = 16

// resultBlock is what one foreign call takes.
type resultBlock struct {
	futures [takeBlock]uintptr
	tags    [takeBlock]uint64
	codes   [takeBlock]int32
	rows    [takeBlock]cRow
	count   uintptr
	object  uintptr
	found   [takeBlock]*operation
	frame   frame
}

// take takes what is done, up to a block, and wakes those that wait for it. Everything is copied and
// the futures are destroyed before. CodeTimeout: nothing was there.
func (q *queue) take() Code {
	q.taking.Lock()
	defer q.taking.Unlock()
	b := &q.block
	b.object = 0
	code := int32(b.frame.call(q.lib.c.QueueNextResults, q.handle, 0,
		uintptr(unsafe.Pointer(&b.futures)), uintptr(unsafe.Pointer(&b.tags)),
		uintptr(unsafe.Pointer(&b.codes)), uintptr(unsafe.Pointer(&b.rows)), takeBlock,
		uintptr(unsafe.Pointer(&b.count)), uintptr(unsafe.Pointer(&b.object))))
	if Code(code) == CodeTimeout {
		return CodeTimeout
	}
	if failed := q.lib.failure(code, b.object); failed != nil {
		return failed.Code
	}
	q.find(b)
	for i, o := range b.found[:b.count] {
		q.keepResult(b, i, o)
	}
	b.frame.call(q.lib.c.FutureDestroyBlock, uintptr(unsafe.Pointer(&b.futures)), b.count)
	for _, o := range b.found[:b.count] {
		if o != nil {
			o.done <- struct{}{}
		}
	}
	clear(b.found[:b.count])
	clear(b.rows[:b.count])
	return CodeOK
}

// find finds the operations that wait for what was taken.
func (q *queue) find(b *resultBlock) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, tag := range b.tags[:b.count] {
		b.found[i] = q.detach(tag)
	}
}

// keepResult gives an operation its result, unless it takes that itself from its future. nil: the
// attaching failed, and the future is its starter's.
func (q *queue) keepResult(b *resultBlock, i int, o *operation) {
	if o == nil || o.keepsFuture {
		b.futures[i] = 0
		return
	}
	o.future = 0
	if Code(b.codes[i]) == CodeOK {
		o.value = b.rows[i].valueAlone()
		return
	}
	b.object = 0
	code := int32(b.frame.call(q.lib.c.FutureStatus, b.futures[i], uintptr(unsafe.Pointer(&b.object))))
	missing := b.object == 0
	if o.failed = q.lib.failure(code, b.object); missing && Code(code) == CodeNotFound {
		o.failed.Message = "there is no such key"
		return
	}
	o.failed = gone(o.failed)
}
