// SPDX-License-Identifier: Apache-2.0
// Random values of every message, made from the same tables as the wire code
// (core/rpc/wire_schema.h). For tests. Threads: one at a time per generator.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "core/base/random.h"
#include "core/rpc/wire_schema.h"

namespace vasto::rpc {

class MessageMaker {
 public:
  explicit MessageMaker(uint64_t seed) : random_(SeededRandom(seed)) {}

  template <typename T>
  T Make() {
    T value{};
    Fill(&value);
    return value;
  }
  std::string Bytes(size_t limit) {
    std::string bytes(random_->Below(limit), '\0');
    for (char& c : bytes) c = static_cast<char>(random_->Next());
    return bytes;
  }
  Random* random() { return random_.get(); }

 private:
  static constexpr Code kCodes[] = {
#define X(name, wire, number, retryable) Code::name,
#include "core/base/status_codes.inc"
#undef X
  };

  template <typename T>
  void Fill(T* value) {
    if constexpr (std::is_same_v<T, Code>) {
      *value = kCodes[random_->Below(std::size(kCodes))];
    } else if constexpr (std::is_enum_v<T>) {
      using Range = internal::EnumRange<T>;
      *value = static_cast<T>(Range::kFirst + random_->Below(Range::kLast - Range::kFirst + 1));
    } else if constexpr (std::is_same_v<T, bool>) {
      *value = random_->Below(2) == 1;
    } else if constexpr (std::is_integral_v<T>) {
      *value = static_cast<T>(random_->Next());
    } else if constexpr (std::is_same_v<T, std::string>) {
      *value = Bytes(random_->Below(20) == 0 ? 3000 : 40);
    } else if constexpr (std::is_same_v<T, Uuid>) {
      value->hi = random_->Next();
      value->lo = random_->Next();
    } else {
      FillComposite(value);
    }
  }
  template <typename T>
  void FillComposite(std::optional<T>* value) {
    if (random_->Below(2) == 1) Fill(&value->emplace());
  }
  template <typename T>
  void FillComposite(std::vector<T>* value) {
    value->resize(random_->Below(5));
    for (auto& element : *value) Fill(&element);
  }
  template <typename K, typename T>
  void FillComposite(std::map<K, T>* value) {
    for (uint64_t n = random_->Below(5); n > 0; --n) {
      T element = Make<T>();
      const K key = internal::KeyOf(element);
      value->emplace(key, std::move(element));
    }
  }
  template <typename T>
  requires internal::HasSchema<T>
  void FillComposite(T* value) {
    std::apply([&](const auto&... field) { (Fill(&(value->*(field.member))), ...); },
               internal::Schema<T>::kFields);
  }

  std::unique_ptr<Random> random_;
};

}  // namespace vasto::rpc
