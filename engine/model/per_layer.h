// A setting that all layers share, or that has one value a layer.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <utility>
#include <vector>

namespace ablate {

template <class T>
class PerLayer {
 public:
  PerLayer() : values_(1) {}
  template <class U>
  requires std::convertible_to<U, T> PerLayer(U&& all) : values_{T(std::forward<U>(all))} {}
  /// One value a layer; equal ones are one value for all.
  static PerLayer list(std::vector<T> each) {
    PerLayer setting;
    if (!each.empty()) setting.values_ = std::move(each);
    const bool equal =
        std::all_of(setting.values_.begin(), setting.values_.end(), [&](const T& value) { return value == setting.values_[0]; });
    if (equal) setting.values_.resize(1);
    return setting;
  }

  /// Of layer 0, 1, ...
  const T& operator[](int layer) const { return values_.size() == 1 ? values_[0] : values_.at(static_cast<std::size_t>(layer)); }
  bool is_one() const { return values_.size() == 1; }
  /// One value, or as many as there are layers.
  const std::vector<T>& values() const { return values_; }
  template <class Test>
  bool any(Test&& test) const {
    return std::any_of(values_.begin(), values_.end(), test);
  }

  bool operator==(const PerLayer&) const = default;
  /// Whether it is that in all layers.
  template <class U>
  requires std::convertible_to<U, T>
  bool operator==(const U& all) const { return is_one() && values_[0] == all; }

 private:
  std::vector<T> values_;
};

}  // namespace ablate
