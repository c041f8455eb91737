// SPDX-License-Identifier: Apache-2.0
// A std::function that is moved, never copied, so that it can own what it captures; up to 64 bytes
// of captures live in the object itself, without an allocation.
//
// Threads: as the callable.
#pragma once

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace vasto::rpc {

template <typename Signature>
class UniqueFunction;

template <typename R, typename... Args>
class UniqueFunction<R(Args...)> {
 public:
  UniqueFunction() = default;
  UniqueFunction(std::nullptr_t) {}  // NOLINT(google-explicit-constructor)
  template <typename F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, UniqueFunction> &&
           std::is_invocable_r_v<R, F&, Args...>)
      // NOLINTNEXTLINE(google-explicit-constructor,bugprone-forwarding-reference-overload)
      UniqueFunction(F&& f) {
    using T = std::decay_t<F>;
    if constexpr (kInline<T>) {
      new (&space_) T(std::forward<F>(f));
      ops_ = &kInlineOps<T>;
    } else {
      *reinterpret_cast<T**>(&space_) = new T(std::forward<F>(f));
      ops_ = &kHeapOps<T>;
    }
  }
  UniqueFunction(UniqueFunction&& other) noexcept { Take(&other); }
  UniqueFunction& operator=(UniqueFunction&& other) noexcept {
    if (this != &other) {
      Reset();
      Take(&other);
    }
    return *this;
  }
  ~UniqueFunction() { Reset(); }

  explicit operator bool() const { return ops_ != nullptr; }
  // REQUIRES: not empty.
  R operator()(Args... args) { return ops_->call(&space_, std::forward<Args>(args)...); }

 private:
  static constexpr size_t kInlineBytes = 64;
  struct Ops {
    R (*call)(void* space, Args&&... args);
    void (*move)(void* from, void* to);  // and ends what was at from
    void (*destroy)(void* space);
  };
  template <typename T>
  static constexpr bool kFits = sizeof(T) <= kInlineBytes;
  template <typename T>
  static constexpr bool kInline =
      kFits<T> &&
      alignof(T) <= alignof(std::max_align_t) && std::is_nothrow_move_constructible_v<T>;
  template <typename T>
  static constexpr Ops kInlineOps = {
      [](void* space, Args&&... args) -> R {
        return (*static_cast<T*>(space))(std::forward<Args>(args)...);
      },
      [](void* from, void* to) {
        new (to) T(std::move(*static_cast<T*>(from)));
        static_cast<T*>(from)->~T();
      },
      [](void* space) { static_cast<T*>(space)->~T(); }};
  template <typename T>
  static constexpr Ops kHeapOps = {
      [](void* space, Args&&... args) -> R {
        return (**static_cast<T**>(space))(std::forward<Args>(args)...);
      },
      [](void* from, void* to) { *static_cast<T**>(to) = *static_cast<T**>(from); },
      [](void* space) { delete *static_cast<T**>(space); }};

  void Take(UniqueFunction* other) {
    ops_ = std::exchange(other->ops_, nullptr);
    if (ops_ != nullptr) ops_->move(&other->space_, &space_);
  }
  void Reset() {
    if (ops_ != nullptr) std::exchange(ops_, nullptr)->destroy(&space_);
  }

  const Ops* ops_ = nullptr;
  alignas(std::max_align_t) std::byte space_[kInlineBytes];
};

}  // namespace vasto::rpc
