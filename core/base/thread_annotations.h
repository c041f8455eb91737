// SPDX-License-Identifier: Apache-2.0
// Clang's thread-safety attributes (clang.llvm.org/docs/ThreadSafetyAnalysis.html); nothing under
// other compilers.
#pragma once

#if defined(__clang__)
#define VASTO_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define VASTO_THREAD_ATTRIBUTE(x)
#endif

#define CAPABILITY(x) VASTO_THREAD_ATTRIBUTE(capability(x))
#define SCOPED_CAPABILITY VASTO_THREAD_ATTRIBUTE(scoped_lockable)
#define GUARDED_BY(x) VASTO_THREAD_ATTRIBUTE(guarded_by(x))
#define PT_GUARDED_BY(x) VASTO_THREAD_ATTRIBUTE(pt_guarded_by(x))
#define ACQUIRED_AFTER(...) VASTO_THREAD_ATTRIBUTE(acquired_after(__VA_ARGS__))
#define REQUIRES(...) VASTO_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) VASTO_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define ACQUIRE(...) VASTO_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define TRY_ACQUIRE(...) VASTO_THREAD_ATTRIBUTE(try_acquire_capability(__VA_ARGS__))
#define RELEASE(...) VASTO_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS VASTO_THREAD_ATTRIBUTE(no_thread_safety_analysis)
