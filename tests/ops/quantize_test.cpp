// Codes and what they stand for are compared with the definitions bit by bit: there is no tolerance.
#include "ops/quantize.h"

#include "ops/quantization/format.h"
#include "ops/quantization/granularity.h"
#include "support/device.h"
#include "support/op_run.h"
#include "support/quantize_reference.h"

#include <doctest/doctest.h>

using namespace ablate;
using namespace ablate::test;

namespace {

bool is_subnormal(double x) { return x != 0 && std::abs(x) < 0x1p-126; }

/// y to the bit; where a product is subnormal, or of a subnormal scale, a device may have 0.
void check_values(const std::string& name, const ReferenceCodes& expected, const std::vector<double>& y) {
  std::size_t wrong = 0, first = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double e = expected.y.data[i];
    const bool may_be_zero = is_subnormal(e) || is_subnormal(expected.scales[i]);
    if (y[i] == e || (std::isnan(y[i]) && std::isnan(e)) || (may_be_zero && y[i] == 0)) continue;
    if (wrong++ == 0) first = i;
  }
  CHECK_MESSAGE(wrong == 0, name, ": ", wrong, " wrong values, the first at ", first, ": ", y[first], ", expected ",
                expected.y.data[first]);
}

void check_codes(const std::string& name, const ReferenceCodes& expected, const std::vector<double>& codes, const Array<double>& x) {
  std::size_t wrong = 0, first = 0;
  for (std::size_t i = 0; i < codes.size(); ++i)
    if (static_cast<int>(codes[i]) != expected.codes[i] && wrong++ == 0) first = i;
  CHECK_MESSAGE(wrong == 0, name, ": ", wrong, " wrong codes, the first at ", first, ": ", codes[first], ", expected ",
                expected.codes[first], " of ", x.data[first], " with scale ", expected.scales[first]);
}

void check_activations(const std::string& name, const Array<double>& x, DType type, const Quantization& q) {
  if (!can_store(name, type)) return;
  CAPTURE(name);
  const ReferenceCodes expected = QuantizeReference(x, q, false, type).run();
  const auto got = run_op({{x.shape, type, false}}, {x}, [&](Graph& g, const auto& in) {
    const QuantizedTensor quantized = quantize_to_codes(g, in[0], q);
    return std::vector<Tensor>{quantized.y, quantized.codes, quantize(g, in[0], q)};
  });
  check_codes(name, expected, got[1], x);
  check_values(name, expected, got[0]);
  check_values(name + ", without codes", expected, got[2]);
}

Array<double> random(const Shape& shape, DType type, double scale = 1) { return random_inputs({{shape, type, false, scale}}).front(); }

std::string text_of(const Quantization& q) {
  return fmt::format("{} per {} {} codes {} clip {} except {} keep {} {}", q.format, q.granularity, q.group_size, static_cast<int>(q.codes),
                     q.clip, q.except_tokens, q.keep_columns_from, q.range.size());
}

/// Every format with every granularity it can have for 12 channels in 4 heads, and every kind of codes.
std::vector<Quantization> all_quantizations(bool weight) {
  std::vector<Quantization> all;
  for (const auto& [format, make] : NumberFormats::all())
    for (const auto& [granularity, unused] : Granularities::all())
      for (const std::uint32_t size : {0u, 5u, 8u})
        for (const CodeRange codes : {CodeRange::symmetric, CodeRange::zero_point, CodeRange::minimum}) {
          const Quantization q{.format = format, .granularity = granularity, .group_size = size, .heads = 4, .codes = codes};
          if (size == 8 && codes == CodeRange::minimum)
            continue;  // whole groups of four, in one pass: the largest and the range are its two ways
          if (!fault_of(q, weight)) all.push_back(q);
        }
  return all;
}

}  // namespace

TEST_CASE("codes of every format, granularity and range are those of the definition") {
  const auto all = all_quantizations(false);
  CHECK(all.size() > 100);
  for (const Quantization& q : all) {
    check_activations(text_of(q), random({2, 7, 12}, DType::f32, 3), DType::f32, q);
    Quantization other = q;
    other.clip = 0.9f, other.except_tokens = 2;
    check_activations(text_of(other), random({2, 7, 12}, DType::f32, 3), DType::f32, other);
  }
}

TEST_CASE("16-bit tensors, shapes of one, rows longer than a workgroup, and columns that are kept") {
  for (const char* format : {"int8", "int3", "fp8-e4m3", "mxfp4", "nvfp4"})
    for (const Shape& shape : std::vector<Shape>{{1, 1, 1}, {3, 2, 33}, {1, 5, 129}, {2, 3, 4100}}) {
      for (const DType type : float_types) {
        const bool blocks = fault_of({.format = format, .granularity = "token"}, false).has_value();
        const std::vector<std::string> granularities =
            blocks ? std::vector<std::string>{"group"} : std::vector<std::string>{"tensor", "token", "channel"};
        for (const std::string& granularity : granularities) {
          Quantization q{.format = format, .granularity = granularity};
          const std::string name = fmt::format("{} {} {}", text_of(q), name_of(type), to_string(shape));
          check_activations(name, random(shape, type), type, q);
          q.keep_columns_from = 2.5f;
          check_activations(name + " kept", random(shape, type), type, q);
        }
      }
    }
}

TEST_CASE("ties and their neighbours") {
  // Around every half step of scales that are no powers of two: the float nearest to it, and those beside that.
  for (const char* format : {"int8", "int4", "int2", "fp8-e4m3"})
    for (const float bound : {127.0f, 1.0f, 0.3f, 1e-30f, 3e30f}) {
      Quantization q{.format = format, .granularity = "tensor", .range = {-bound, bound}};
      const double largest = std::string(format) == "fp8-e4m3" ? 448 : std::ldexp(1, std::stoi(format + 3) - 1) - 1;
      const double scale = float_quotient(static_cast<double>(bound), largest);
      std::vector<double> middles;
      if (largest == 448)
        for (std::size_t i = 0; i + 1 < e4m3_values().size(); ++i) middles.push_back((e4m3_values()[i] + e4m3_values()[i + 1]) / 2);
      else
        for (double n = -largest - 2; n <= largest + 1; ++n) middles.push_back(n + 0.5);
      Array<double> x({1, static_cast<std::uint32_t>(middles.size()),
                       4});  // four, which are loaded at once; the bound among them gives each token its scale
      for (std::size_t i = 0; i < middles.size(); ++i) {
        const float tie = static_cast<float>(middles[i] * scale);
        x(0, i, 0) = static_cast<double>(tie);
        x(0, i, 1) = static_cast<double>(std::nextafter(tie, 1e38f));
        x(0, i, 2) = static_cast<double>(std::nextafter(tie, -1e38f));
        x(0, i, 3) = static_cast<double>(bound);
      }
      check_activations(fmt::format("ties of {} up to {}", format, bound), x, DType::f32, q);
      check_activations(fmt::format("ties of {} per token up to {}", format, bound), x, DType::f32,
                        {.format = format, .granularity = "token"});
    }
}

TEST_CASE("zeros, subnormal numbers, the largest floats, infinities and NaNs") {
  const double inf = std::numeric_limits<double>::infinity(), tiny = 0x1p-149, huge = static_cast<double>(3.4028234e38f);
  Array<double> x({7, 3, 20});
  const Array<double> some = random({7, 3, 20}, DType::f32);
  for (std::size_t i = 0; i < x.data.size(); ++i) {
    const std::size_t sequence = i / 60;
    const double small = std::nearbyint(40 * some.data[i]) * tiny;
    x.data[i] = std::vector<double>{i % 2 ? -0.0 : 0.0, small,        some.data[i],           huge * (i % 3 == 0 ? -1.0 : 0.5),
                                    some.data[i],       some.data[i], some.data[i] * 0x1p-120}[sequence];
  }
  x(4, 0, 3) = inf, x(5, 2, 7) = NAN;
  for (const Quantization& q : all_quantizations(false)) check_activations("corners: " + text_of(q), x, DType::f32, q);
  // A static range saturates what lies outside, infinity among it.
  for (const char* format : {"int8", "int4", "fp8-e4m3"})
    check_activations("static corners", x, DType::f32, {.format = format, .granularity = "tensor", .range = {-1, 1}});
}

TEST_CASE("static ranges, of the tensor and per channel") {
  const Array<double> x = random({3, 5, 6}, DType::f32, 2);
  std::vector<float> each;
  for (int c = 0; c < 6; ++c) each.insert(each.end(), {-0.3f * static_cast<float>(c), 1.0f + static_cast<float>(c)});
  for (const char* format : {"int8", "int4"})
    for (const CodeRange codes : {CodeRange::symmetric, CodeRange::zero_point, CodeRange::minimum}) {
      check_activations("static", x, DType::f32, {.format = format, .granularity = "tensor", .codes = codes, .range = {-1.5f, 2.25f}});
      check_activations("static channels", x, DType::f32,
                        {.format = format, .granularity = "channel", .codes = codes, .except_tokens = 1, .range = each});
    }
}

TEST_CASE("weights: rows are channels, matrices below one another are tensors of their own, and parts are one matrix") {
  for (const Quantization& q : all_quantizations(true))
    for (const std::uint32_t matrices : {1u, 3u}) {
      const Array<double> w = random({1, 9, 21}, DType::f32, 0.1);
      Array<double> stacked = w;
      stacked.shape = {matrices, 9 / matrices, 21};
      const ReferenceCodes expected = QuantizeReference(matrices > 1 && q.granularity != "channel" ? stacked : w, q, true).run();
      Array<double> top({4, 21}), bottom({5, 21});
      std::copy_n(w.data.begin(), 84, top.data.begin());
      std::copy(w.data.begin() + 84, w.data.end(), bottom.data.begin());
      const auto got = run_op({{{4, 21}, DType::f32, false}, {{5, 21}, DType::f32, false}}, {top, bottom}, [&](Graph& g, const auto& in) {
        return quantize(g, Matrix(std::vector<Tensor>{in[0], in[1]}), q, matrices).parts;
      });
      std::vector<double> all = got[0];
      all.insert(all.end(), got[1].begin(), got[1].end());
      check_values("weights " + text_of(q), expected, all);
    }
}

TEST_CASE("ranges of channels leave out the first tokens") {
  const Array<double> x = random({2, 5, 3}, DType::f32);
  const auto got = run_op({{x.shape, DType::f32, false}}, {x},
                          [](Graph& g, const auto& in) { return std::vector<Tensor>{channel_ranges(g, in[0], 2)}; });
  for (std::size_t b = 0; b < 2; ++b)
    for (std::size_t c = 0; c < 3; ++c) {
      CHECK(got[0][2 * (3 * b + c)] == std::min({x(b, 2, c), x(b, 3, c), x(b, 4, c)}));
      CHECK(got[0][2 * (3 * b + c) + 1] == std::max({x(b, 2, c), x(b, 3, c), x(b, 4, c)}));
    }
}

TEST_CASE("what no tensor fits is refused by its key") {
  const auto key = [](const Quantization& q, bool weight = false) {
    const auto fault = fault_of(q, weight);
    return fault ? fault->key : "";
  };
  CHECK(key({.format = "int4", .granularity = "token"}) == "");
  CHECK(key({.format = "int1"}) == "format");
  CHECK(key({.granularity = "row"}) == "granularity");
  CHECK(key({.format = "mxfp4", .granularity = "token"}) == "granularity");
  CHECK(key({.format = "mxfp4", .granularity = "group", .group_size = 16}) == "group_size");
  CHECK(key({.format = "fp8-e4m3", .codes = CodeRange::zero_point}) == "symmetric");
  CHECK(key({.granularity = "group"}) == "group_size");
  CHECK(key({.granularity = "token", .group_size = 4}) == "group_size");
  CHECK(key({.granularity = "token"}, true) == "granularity");
  CHECK(key({.granularity = "channel", .group_size = 4}, true) == "group_size");
  CHECK(key({.granularity = "channel", .except_tokens = 1}, true) == "except_tokens");
  CHECK(key({.granularity = "channel", .keep_columns_from = 6}, true) == "keep_columns_from");
  CHECK(key({.granularity = "token", .range = {-1, 1}}) == "range");
  CHECK(key({.clip = 0}) == "clip");
  const Caps caps;
  Graph graph(caps);
  const Tensor x = graph.input("x", {2, 5, 6}, DType::f32);
  CHECK_THROWS_WITH_AS(quantize(graph, x, {.granularity = "row"}), "quantize: granularity: there is no granularity \"row\"", InputError);
  CHECK_THROWS_AS(quantize(graph, x, {.granularity = "channel", .range = {-1, 1}}), InputError);
  CHECK_THROWS_AS(quantize(graph, x, {.granularity = "tensor", .range = {1, -1}}), InputError);
  CHECK_THROWS_AS(quantize(graph, x, {.granularity = "head", .heads = 4}), InputError);
}
