// Quantization by its definitions, in double precision: what the codes and their values must be, to the bit.
#pragma once

#include "ops/quantize.h"
#include "support/op_test.h"

#include <cmath>
#include <limits>
#include <map>

namespace ablate::test {

struct ReferenceCodes {
  Array<double> y;
  std::vector<int> codes;
  std::vector<double> scales;  ///< of every element's group; NaN: none
};

/// All values of a float of a few bits, by code without the sign.
inline std::vector<double> minifloat_values(int mantissa_bits, int bias, int largest_code) {
  std::vector<double> values;
  for (int code = 0; code <= largest_code; ++code) {
    const int exponent = code >> mantissa_bits, mantissa = code & ((1 << mantissa_bits) - 1);
    values.push_back(exponent == 0 ? std::ldexp(mantissa, 1 - bias - mantissa_bits)
                                   : std::ldexp(mantissa + (1 << mantissa_bits), exponent - bias - mantissa_bits));
  }
  return values;
}
inline std::vector<double> e4m3_values() { return minifloat_values(3, 7, 0x7e); }
inline std::vector<double> e2m1_values() { return minifloat_values(1, 1, 7); }

/// The code of the value that is nearest to x >= 0, the even code of two that are as near.
inline int nearest_code(const std::vector<double>& values, double x) {
  std::size_t code = 0;
  while (code + 1 < values.size()) {
    const double middle = (values[code] + values[code + 1]) / 2;
    if (x < middle || (x == middle && code % 2 == 0)) break;
    ++code;
  }
  return static_cast<int>(code);
}

/// A quotient as a float; double has more than twice its digits, so that it is rounded once.
inline double float_quotient(double a, double b) { return static_cast<double>(static_cast<float>(a / b)); }
inline double float_product(double a, double b) { return static_cast<double>(static_cast<float>(a * b)); }

class QuantizeReference {
 public:
  QuantizeReference(const Array<double>& x, const Quantization& q, bool weight, DType type = DType::f32)
      : x_(x), q_(q), weight_(weight), type_(type), time_(x.shape[1]), dim_(x.shape[2]) {
    block_ = q.format == "mxfp4" ? 32 : q.format == "nvfp4" ? 16 : 0;
    if (q.format.starts_with("int")) bits_ = std::stoi(q.format.substr(3));
  }

  ReferenceCodes run() {
    find_ranges();
    ReferenceCodes result{x_, std::vector<int>(x_.data.size()), std::vector<double>(x_.data.size(), NAN)};
    for (std::size_t i = 0; i < x_.data.size(); ++i) {
      const double x = x_.data[i];
      if (is_first(i) || std::isnan(x)) continue;
      if (is_kept(i)) {
        result.y.data[i] = static_cast<double>(round_to(type_, round_to(DType::f16, static_cast<float>(x))));
        continue;
      }
      const Scale scale = scale_of(group_of(i), i / (time_ * dim_));
      if (scale.s > 0) result.codes[i] = code_of(x, scale);
      const double y = scale.s > 0 ? value_of(result.codes[i], scale) : std::isnan(scale.s) ? NAN : scale.minimum;
      result.y.data[i] = static_cast<double>(round_to(type_, static_cast<float>(y)));
      result.scales[i] = scale.s;
    }
    return result;
  }

 private:
  struct Range {
    double least = std::numeric_limits<double>::infinity(), most = -least;
    void add(double x) {
      if (std::isnan(x) || std::isnan(most)) {
        most = NAN;
        return;
      }
      least = std::min(least, x), most = std::max(most, x);
    }
    bool empty() const { return least > most; }
    double largest() const { return empty() ? 0 : std::isnan(most) ? NAN : std::max(std::abs(least), std::abs(most)); }
  };
  struct Scale {
    double s = 0, zero = 0, minimum = 0;
  };

  bool is_first(std::size_t i) const { return i / dim_ % time_ < q_.except_tokens; }
  bool is_kept(std::size_t i) const {
    if (q_.keep_columns_from <= 0) return false;
    for (std::size_t t = q_.except_tokens; t < time_; ++t)
      if (std::abs(x_.data[(i / (time_ * dim_) * time_ + t) * dim_ + i % dim_]) >= static_cast<double>(q_.keep_columns_from)) return true;
    return false;
  }

  /// The group by its name in the definition: whatever tells two groups apart.
  std::vector<std::size_t> group_of(std::size_t i) const {
    const std::size_t b = i / (time_ * dim_), t = i / dim_ % time_, c = i % dim_;
    if (block_ > 0) return {b, t, c / block_};
    if (!q_.range.empty()) return {q_.range.size() == 2 ? 0 : c};
    if (q_.granularity == "tensor") return {b};
    if (q_.granularity == "token") return {b, t};
    if (q_.granularity == "head") return {b, t, c / (dim_ / q_.heads)};
    if (q_.granularity == "group") return {b, t, c / q_.group_size};
    if (weight_) return {t};
    return {b, q_.group_size > 0 ? t / q_.group_size : 0, c};
  }

  void find_ranges() {
    for (std::size_t i = 0; i < x_.data.size(); ++i) {
      if (is_first(i) || is_kept(i)) continue;
      ranges_[group_of(i)].add(x_.data[i]);
      wholes_[i / (time_ * dim_)].add(x_.data[i]);
    }
    for (std::size_t k = 0; k < q_.range.size(); k += 2) {
      Range& range = ranges_[{k / 2}];
      range.least = static_cast<double>(q_.range[k]), range.most = static_cast<double>(q_.range[k + 1]);
    }
  }

  double clipped(double x) const { return float_product(x, static_cast<double>(q_.clip)); }

  Scale scale_of(const std::vector<std::size_t>& group, std::size_t sequence) {
    const Range& range = ranges_[group];
    const double largest = clipped(range.largest());
    if (q_.codes != CodeRange::symmetric) return scale_to_range(range);
    if (!std::isfinite(largest)) return {NAN};
    if (bits_ > 0) return {float_quotient(largest, (1 << (bits_ - 1)) - 1)};
    if (q_.format == "fp8-e4m3") return {float_quotient(largest, 448)};
    if (q_.format == "mxfp4") return {largest > 0 ? std::ldexp(1.0, std::clamp(std::ilogb(largest) - 2, -127, 127)) : 0};
    const double whole = clipped(wholes_[sequence].largest());
    if (!std::isfinite(whole)) return {NAN};
    const double outer = float_quotient(whole, 448 * 6);
    if (outer == 0) return {};
    const std::vector<double> e4m3 = e4m3_values();
    return {float_product(e4m3[static_cast<std::size_t>(nearest_code(e4m3, float_quotient(largest, 6) / outer))], outer)};
  }

  Scale scale_to_range(const Range& range) const {
    if (range.empty()) return {};
    const bool plain = q_.granularity == "group" || q_.granularity == "head" || q_.codes == CodeRange::minimum;
    const double low = clipped(plain ? range.least : std::min(range.least, 0.0)),
                 high = clipped(plain ? range.most : std::max(range.most, 0.0));
    const double span = static_cast<double>(static_cast<float>(high) - static_cast<float>(low));
    if (std::isnan(range.most) || !std::isfinite(span)) return {NAN};
    Scale scale{float_quotient(span, (1 << bits_) - 1)};
    if (q_.codes == CodeRange::minimum) scale.minimum = low;
    else if (scale.s > 0) scale.zero = std::nearbyint(-low / scale.s);
    return scale;
  }

  int code_of(double x, const Scale& scale) const {
    if (bits_ == 0) {
      const int magnitude = nearest_code(q_.format == "fp8-e4m3" ? e4m3_values() : e2m1_values(), std::abs(x) / scale.s);
      return magnitude | (std::signbit(x) ? 1 << (q_.format == "fp8-e4m3" ? 7 : 3) : 0);
    }
    const bool symmetric = q_.codes == CodeRange::symmetric;
    const double from = q_.codes == CodeRange::minimum ? static_cast<double>(static_cast<float>(x) - static_cast<float>(scale.minimum)) : x;
    const double lowest = symmetric ? -std::ldexp(1, bits_ - 1) : 0, highest = std::ldexp(1, symmetric ? bits_ - 1 : bits_) - 1;
    return static_cast<int>(std::clamp(std::nearbyint(from / scale.s) + scale.zero, lowest, highest));
  }

  double value_of(int code, const Scale& scale) const {
    if (bits_ > 0) {
      const double steps = float_product(scale.s, code - scale.zero);
      return q_.codes == CodeRange::minimum ? static_cast<double>(static_cast<float>(steps) + static_cast<float>(scale.minimum)) : steps;
    }
    const int sign = q_.format == "fp8-e4m3" ? 0x80 : 8;
    const double magnitude = (q_.format == "fp8-e4m3" ? e4m3_values() : e2m1_values())[static_cast<std::size_t>(code & (sign - 1))];
    return float_product(code & sign ? -magnitude : magnitude, scale.s);
  }

  const Array<double>& x_;
  const Quantization& q_;
  bool weight_;
  DType type_;
  std::size_t time_, dim_, block_ = 0;
  int bits_ = 0;
  std::map<std::vector<std::size_t>, Range> ranges_;
  std::map<std::size_t, Range> wholes_;
};

}  // namespace ablate::test
