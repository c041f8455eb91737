// SPDX-License-Identifier: Apache-2.0

package vasto

import "unsafe"

// Row is one row of a scan. A scan of keys only has values without Data, but with all else.
type Row struct {
	Key   Key
	Value Value
}

// Change is one change that a watch gives.
type Change struct {
	Key     Key
	Value   Value // without Data, Type and ExpiresAt if Deleted
	Deleted bool
}

// row copies what the library lent, in one piece.
func (c *cRow) row() Row {
	size := c.key.size
	if c.value.data != nil {
		size += c.value.size
	}
	bytes := make([]byte, 0, size)
	bytes = append(bytes, unsafe.Slice((*byte)(c.key.data), c.key.size)...)
	row := Row{
		Key:   Key{Bytes: bytes[:c.key.size:c.key.size]},
		Value: c.facts(),
	}
	if c.value.data != nil {
		bytes = append(bytes, unsafe.Slice((*byte)(c.value.data), c.value.size)...)
		row.Value.Data = bytes[c.key.size:size:size]
	}
	if c.flags&keyHasPartitionHash != 0 {
		row.Key.PartitionHash, row.Key.HasPartitionHash = c.partitionHash, true
	}
	return row
}

// valueAlone copies what the library lent of a row that has no key.
func (c *cRow) valueAlone() Value {
	value := c.facts()
	value.Data = copyBytes(c.value.data, c.value.size)
	return value
}

// facts is the value without its bytes.
func (c *cRow) facts() Value {
	return Value{Size: int(c.value.size), Type: c.valueType, Version: c.version,
		UpdatedAt: timeOf(c.updatedAtNs), ExpiresAt: timeOf(c.expiresAtNs)}
}

func (c *cRow) change() Change {
	row := c.row()
	return Change{Key: row.Key, Value: row.Value, Deleted: c.flags&rowDeleted != 0}
}
