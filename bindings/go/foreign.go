// SPDX-License-Identifier: Apache-2.0

package vasto

import (
	"strings"
	"unsafe"
)

// Numbers of 64 bits are handed over in registers: this does not compile where they do not fit.
var _ [unsafe.Sizeof(uintptr(0)) - 8]struct{}

// Flags of cKey and cRow, as in vasto.h.
const (
	keyHasPartitionHash = 1
	rowDeleted          = 2
)

// cSlice, cKey and cRow have the layout of vasto_slice_t, vasto_key_t and vasto_kv_t. Pointers are
// Go pointers on the way in, where they keep what they point to alive, and C pointers on the way out.
type cSlice struct {
	data unsafe.Pointer
	size uintptr
}

type cKey struct {
	key           cSlice
	partitionHash uint64
	flags         uint32
	reserved      uint32
}

type cRow struct {
	key           cSlice
	value         cSlice
	partitionHash uint64
	version       uint64
	updatedAtNs   uint64
	expiresAtNs   uint64
	valueType     uint32
	flags         uint32
}

func sliceOf(bytes []byte) cSlice {
	return cSlice{data: unsafe.Pointer(unsafe.SliceData(bytes)), size: uintptr(len(bytes))}
}

func keyOf(key Key) cKey {
	c := cKey{key: sliceOf(key.Bytes)}
	if key.HasPartitionHash {
		c.partitionHash = key.PartitionHash
		c.flags = keyHasPartitionHash
	}
	return c
}

// address makes the result of a foreign call a pointer to the C memory that it names.
func address(result uintptr) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&result))
}

// copyBytes copies size bytes of C memory. The result is not nil unless data is.
func copyBytes(data unsafe.Pointer, size uintptr) []byte {
	if data == nil {
		return nil
	}
	bytes := make([]byte, size)
	copy(bytes, unsafe.Slice((*byte)(data), size))
	return bytes
}

// copyText copies NUL-terminated text of the library.
func copyText(result uintptr) string {
	if result == 0 {
		return ""
	}
	start := address(result)
	size := 0
	for *(*byte)(unsafe.Add(start, size)) != 0 {
		size++
	}
	return string(unsafe.Slice((*byte)(start), size))
}

// terminated gives text the NUL that C expects; text that holds one itself has no such form.
func terminated(what, text string) ([]byte, error) {
	if strings.IndexByte(text, 0) >= 0 {
		return nil, invalid("%s holds a zero byte", what)
	}
	return append([]byte(text), 0), nil
}

func flag(set bool) uintptr {
	if set {
		return 1
	}
	return 0
}
