// SPDX-License-Identifier: Apache-2.0

package vasto

// symbols are the functions of the library that this package calls, each under its name in vasto.h:
// see resolve.
type symbols struct {
	VersionString, StatusIsRetryable, PartitionHash, VersionTimeNs uintptr

	ErrorMessage, ErrorIsRetryable, ErrorIsInDoubt, ErrorOrigin, ErrorDestroy uintptr

	ConfigCreate, ConfigSet, ConfigGet, ConfigLoadFile, ConfigKeyAt uintptr
	ConfigSetLogCallback, ConfigDestroy                             uintptr

	ClientOpen, ClientClose, ClientDestroy uintptr

	KeyspaceOpen, KeyspaceName, KeyspaceId, KeyspaceShardCount uintptr
	KeyspaceReplicaCount, KeyspaceShardOf, KeyspaceDestroy     uintptr

	SessionCreate, SessionToken, SessionImport, SessionDestroy uintptr

	ReadOptionsCreate, ReadOptionsSetTimeoutMs, ReadOptionsSetReplica uintptr
	ReadOptionsSetMaxStalenessMs, ReadOptionsSetHedge                 uintptr
	ReadOptionsSetSession, ReadOptionsDestroy                         uintptr

	WriteOptionsCreate, WriteOptionsSetTimeoutMs, WriteOptionsSetTtlSeconds uintptr
	WriteOptionsSetExpiresAtNs, WriteOptionsSetUpdatedAtNs                  uintptr
	WriteOptionsSetValueType, WriteOptionsSetIfAbsent                       uintptr
	WriteOptionsSetIfVersion, WriteOptionsClearCondition                    uintptr
	WriteOptionsSetAcks, WriteOptionsSetSession, WriteOptionsDestroy        uintptr

	ScanOptionsCreate, ScanOptionsSetTimeoutMs, ScanOptionsSetLimit uintptr
	ScanOptionsSetKeysOnly, ScanOptionsSetPageBytes                 uintptr
	ScanOptionsSetReplica, ScanOptionsSetMaxStalenessMs             uintptr
	ScanOptionsSetSession, ScanOptionsSetResumeToken                uintptr
	ScanOptionsDestroy                                              uintptr

	StatAsync, MultiGetAsync, DeleteAsync, MergeAsync, TouchAsync, BatchWriteAsync uintptr

	ValueData, ValueSize, ValueType, ValueVersion           uintptr
	ValueUpdatedAtNs, ValueExpiresAtNs, ValueDestroy        uintptr
	BatchCreate, BatchPut, BatchDelete, BatchMerge          uintptr
	BatchCount, BatchClear, BatchDestroy                    uintptr
	BatchResultCount, BatchResultCode, BatchResultVersion   uintptr
	BatchResultDestroy                                      uintptr
	ScanPrefix, ScanRange, IterNextBlock, IterReadyAsync    uintptr
	IterResumeToken, IterDestroy                            uintptr
	WatchOptionsCreate, WatchOptionsSetTimeoutMs            uintptr
	WatchOptionsSetResumeToken, WatchOptionsDestroy         uintptr
	WatchOpen, WatchNext, WatchReadyAsync, WatchResumeToken uintptr
	WatchDestroy                                            uintptr
	FutureStatus, FutureTakeValues, FutureTakeBatchResult   uintptr
	FutureCancel, FutureDestroy, FutureDestroyBlock         uintptr
	QueueCreate, QueueAttach, QueueFd, QueueNextResults     uintptr
	QueueStartGets, QueueStartPuts, QueueDestroy            uintptr
	KeyspaceOptionsCreate, KeyspaceOptionsSetShards         uintptr
	KeyspaceOptionsSetReplicas, KeyspaceOptionsSetAcks      uintptr
	KeyspaceOptionsSetSync, KeyspaceOptionsSetTtlSeconds    uintptr
	KeyspaceOptionsSetTags, KeyspaceOptionsDestroy          uintptr
	AdminCreateKeyspace, AdminDeleteKeyspace                uintptr
	AdminCompactKeyspace, AdminDescribe, AdminUsage         uintptr
	AdminOpId, AdminOpProgress, AdminOpWait, AdminOpDestroy uintptr
}
