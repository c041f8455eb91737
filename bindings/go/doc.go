// SPDX-License-Identifier: Apache-2.0

// Package vasto is the Go client of the Vasto distributed key-value store. It calls the C library
// libvasto.so.1, which it loads when the first client is opened, without cgo.
//
//	client, err := vasto.Open(ctx, vasto.Config{Masters: "127.0.0.1:9333"})
//	users, err := client.Keyspace(ctx, "users")
//	version, err := users.Put(ctx, []byte("k1"), []byte("hello"))
//	value, err := users.Get(ctx, []byte("k1"))
//
// # Contexts
//
// Every call that may wait takes a context. Its deadline becomes the deadline of the operation, in
// the place of the client's timeout_ms; when the context ends, the operation is cancelled and its
// error wraps ctx.Err(), so that errors.Is(err, context.Canceled) holds. A write that is cancelled
// may nevertheless happen: see [Error.InDoubt].
//
// Operations on data wait without a thread of the operating system: goroutines that wait cost what
// goroutines cost. The calls of which the C library has no other form block a thread while they
// wait; their documentation says so. Their contexts work like all others: a call that is cancelled
// returns at once, and what is left of it ends behind it, at the timeout of the client at the latest.
//
// # Errors
//
// Errors are of type *[Error]. errors.Is tells them apart by their codes ([ErrNotFound],
// [ErrStaleWrite], ...); a keyspace that was deleted is [ErrKeyspaceGone], never ErrNotFound.
//
// # Lifetimes
//
// Client, Keyspace, Session and Library may be used by any number of goroutines at once, an
// Iterator, Watch or Batch by one at a time: a second one gets [ErrBusy]. Everything that has a
// Close is to be closed; closing twice, in any order and while other goroutines use it is safe, and
// what is used afterwards fails with [ErrClosed]. Keys, values and tokens are copied, both ways.
package vasto
