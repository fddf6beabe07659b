// Shaders that an experiment file brings: the shipped examples and small ones written here, each against its definition.
#include "experiment/plan.h"
#include "ops/activation.h"
#include "ops/add.h"
#include "ops/attention_kernel.h"
#include "ops/attention_reference.h"
#include "ops/gate.h"
#include "ops/norm.h"
#include "ops/statistics/user_statistic.h"
#include "ops/swiglu.h"
#include "ops/user/user_norm.h"
#include "support/device.h"
#include "support/environment.h"
#include "support/folder.h"
#include "support/op_run.h"
#include "support/places.h"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>

using namespace ablate;
using namespace ablate::test;

namespace {

[[nodiscard]] RegistrationScope read_shaders_of(const std::filesystem::path& file, const std::vector<std::string>& sets = {}) {
  Settings settings = read_plan(file, sets).points.at(0).settings();
  return read_user_shaders(settings);
}

[[nodiscard]] RegistrationScope read_example(const std::string& name, const std::vector<std::string>& sets = {}) {
  return read_shaders_of(test::source_folder() / "experiments/extend" / (name + ".toml"), sets);
}

/// An experiment file with one shader in a folder of its own.
class ShaderFile {
 public:
  ShaderFile(const std::string& table, const std::string& forward, const std::string& backward = "") {
    file_ = folder_.write(
        "x.toml", "kind = \"probe\"\n[shaders.mine]\nforward = \"f.comp\"\n" + table + (backward.empty() ? "" : "\nbackward = \"b.comp\""));
    folder_.write("f.comp", forward);
    if (!backward.empty()) folder_.write("b.comp", backward);
  }
  [[nodiscard]] RegistrationScope read() const { return read_shaders_of(file_); }
  void write(const std::string& name, const std::string& content) const { folder_.write(name, content); }
  /// What reading it is refused with, the folder's name taken out.
  std::string refusal() const {
    try {
      const RegistrationScope shaders = read();
    } catch (const InputError& error) {
      std::string message = error.what();
      const std::string folder = folder_.path().generic_string() + "/";
      for (std::size_t at; (at = message.find(folder)) != message.npos;) message.erase(at, folder.size());
      return message;
    }
    return "";
  }

 private:
  TestFolder folder_;
  std::filesystem::path file_;
};

Tensor norm_of(Graph& graph, const std::string& name, const std::vector<Tensor>& in, const std::vector<std::string>& names) {
  const auto find = [&](const std::string& parameter) {
    const auto at = std::find(names.begin(), names.end(), parameter);
    return at == names.end() ? Tensor() : in[static_cast<std::size_t>(at - names.begin()) + 1];
  };
  return Norms::find("norm", name).apply(graph, {in[0], find, 1e-5f});
}

const std::vector<Shape> row_shapes = {{1, 1}, {3, 7}, {5, 64}, {2, 3, 100}, {700, 33}, {2, 2500}};

// One rounding out, and f32 sums over a row or (a parameter's gradient) over all rows.
double row_tolerance(DType type, const Shape& shape) {
  return 2 * unit_roundoff(type) + 8 * std::sqrt(std::max<double>(shape.back(), shape[0])) * unit_roundoff(DType::f32);
}

}  // namespace

TEST_CASE("user shaders: the clipped RMSNorm of the examples") {
  const RegistrationScope shaders = read_example("clipped_rmsnorm", {"shaders.clipped_rmsnorm.constants.limit=1.5"});
  const auto reference = [](const auto& in) {
    auto y = in[0];
    const std::size_t dim = in[1].data.size();
    for (std::size_t row = 0; row < y.data.size() / dim; ++row) {
      auto square = y.data[0] * 0.0;
      for (std::size_t i = 0; i < dim; ++i) square += y.data[row * dim + i] * y.data[row * dim + i];
      const auto root = sqrt(square / static_cast<double>(dim) + 1e-5);
      for (std::size_t i = 0; i < dim; ++i) {
        auto n = y.data[row * dim + i] / root;
        if (value_of(n) > 1.5) n = n * 0.0 + 1.5;
        if (value_of(n) < -1.5) n = n * 0.0 - 1.5;
        y.data[row * dim + i] = n * in[1].data[i];
      }
    }
    return y;
  };
  for (const DType type : float_types) {
    for (const Shape& shape : row_shapes) {
      const double tolerance = row_tolerance(type, shape);
      check_op("clipped_rmsnorm " + std::string(name_of(type)) + " " + to_string(shape), {{shape, type}, {{shape.back()}}}, reference,
               [](Graph& g, const auto& in) { return norm_of(g, "clipped_rmsnorm", in, {"weight"}); }, {tolerance, 2 * tolerance, 1.0});
    }
  }
}

TEST_CASE("user shaders: a norm with scalar parameters, added to its input") {
  const ShaderFile file(
      "kind = \"norm\"\nparameters = {bias = {}, alpha = {shape = \"scalar\", start = 0.5}, gain = {shape = \"scalar\"}}",
      "void forward() { for_channels(i) set_y(i, alpha() * x(i) * x(i) + gain() + bias(i)); }",
      "void backward() { for_channels(i) { set_dx(i, 2.0 * alpha() * x(i) * dy(i)); add_bias(i, dy(i)); add_alpha(x(i) * x(i) * "
      "dy(i)); add_gain(dy(i)); } }");
  const RegistrationScope shaders = file.read();
  // Parameters are in the order of their names; the input's other gradient is folded in.
  const auto reference = [](const auto& in) {
    auto y = in[0];
    const std::size_t dim = in[2].data.size();
    for (std::size_t i = 0; i < y.data.size(); ++i)
      y.data[i] += in[1].data[0] * in[0].data[i] * in[0].data[i] + in[3].data[0] + in[2].data[i % dim];
    return y;
  };
  for (const DType type : float_types) {
    for (const Shape& shape : row_shapes) {
      const double terms = static_cast<double>(size_of(shape)),
                   tolerance = 4 * unit_roundoff(type) + 8 * std::sqrt(terms) * unit_roundoff(DType::f32);
      check_op("norm with scalars " + std::string(name_of(type)) + " " + to_string(shape), {{shape, type}, {{1}}, {{shape.back()}}, {{1}}},
               reference,
               [](Graph& g, const auto& in) {
                 return add(g, in[0], norm_of(g, "mine", in, {"alpha", "bias", "gain"}));
               },
               {tolerance, tolerance, 3.0, std::sqrt(terms)});
    }
  }
}

TEST_CASE("user shaders: where the model lacks a norm's parameters they have their start") {
  const ShaderFile file("kind = \"norm\"\nparameters = {alpha = {shape = \"scalar\", start = 0.5}, bias = {start = 2.0}}",
                        "void forward() { for_channels(i) set_y(i, alpha() * x(i) + bias(i)); }");
  const RegistrationScope shaders = file.read();
  const std::vector<OpInput> inputs = {{{2, 3}}};
  const auto data = random_inputs(inputs);
  const auto y = run_op(inputs, data, [](Graph& g, const auto& in) { return std::vector<Tensor>{norm_of(g, "mine", in, {})}; });
  for (std::size_t i = 0; i < 6; ++i) CHECK(y[0][i] == doctest::Approx(0.5 * data[0].data[i] + 2.0).epsilon(1e-6));
}

TEST_CASE("user shaders: ReLU squared of the examples, alone and as a gated unit") {
  const RegistrationScope shaders = read_example("relu_squared", {"model.ffn=relu_squared"});
  const auto squared = [](const auto& x) { return value_of(x) > 0 ? x * x : x * 0.0; };
  for (const DType type : float_types) {
    const double tolerance = 2 * unit_roundoff(type) + 8 * unit_roundoff(DType::f32);
    for (const Shape& shape : {Shape{1}, {7, 9}, {2, 5, 300}}) {
      const std::string name = "relu_squared " + std::string(name_of(type)) + " " + to_string(shape);
      check_op(
          name, {{shape, type}},
          [&](const auto& in) {
            auto y = in[0];
            for (auto& x : y.data) x = squared(x);
            return y;
          },
          [](Graph& g, const auto& in) { return activation(g, "relu_squared", in[0]); }, {tolerance, tolerance, 1.0});
      check_op(
          name + " gated", {{shape, type}, {shape, type}},
          [&](const auto& in) {
            auto y = in[0];
            for (std::size_t i = 0; i < y.data.size(); ++i) y.data[i] = squared(in[0].data[i]) * in[1].data[i];
            return y;
          },
          [](Graph& g, const auto& in) { return swiglu(g, in[0], in[1], "relu_squared"); }, {tolerance, tolerance, 1.0});
    }
  }
}

TEST_CASE("user shaders: a gate in all three widths") {
  const ShaderFile file("kind = \"gate\"\nconstants = {half_at = 2.0}",
                        "float forward(float z) { return 0.5 + 0.5 * z / (half_at + abs(z)); }",
                        "float backward(float z) { return 0.5 * half_at / sq(half_at + abs(z)); }");
  const RegistrationScope shaders = file.read();
  for (const DType type : float_types) {
    for (const std::uint32_t width : {12u, 3u, 1u}) {
      const auto reference = [width](const auto& in) {
        using std::abs;
        auto y = in[0];
        for (std::size_t i = 0; i < y.data.size(); ++i) {
          const auto z = in[1].data[i / 12 * width + i % 12 / (12 / width)];
          y.data[i] = y.data[i] * (0.5 + 0.5 * z / (2.0 + abs(z)));
        }
        return y;
      };
      const double tolerance = 2 * unit_roundoff(type) + 32 * unit_roundoff(DType::f32);
      check_op("user gate " + std::string(name_of(type)) + " of width " + std::to_string(width),
               {{{2, 7, 12}, type}, {{2, 7, width}, type}}, reference,
               [](Graph& g, const auto& in) { return gate(g, in[0], in[1], 3, "mine"); }, {tolerance, 2 * tolerance, 1.0});
    }
  }
}

TEST_CASE("user shaders: an attention score that falls as well as rises, by every kernel") {
  const ShaderFile file("kind = \"attention\"", "float forward(float score, uint i) { return score * score / float(i + 1); }",
                        "float backward(float score, uint i) { return 2.0 * score / float(i + 1); }");
  const RegistrationScope shaders = file.read();
  for (const DType type : float_types) {
    for (const char* bias : {"", "kv"}) {
      const AttentionCase c{2, 21, 4, 2, 8, "mine", 0, bias};
      for (const auto& [name, description] : AttentionKernels::all()) {
        const std::string& kernel = name;
        Graph graph(pipelines().device().caps());
        std::vector<Tensor> in;
        for (const OpInput& input : c.inputs(type)) in.push_back(graph.input("x", input.shape, input.dtype));
        if (!description.runs(graph.caps(), AttentionProblem(in[0], in[1], in[2], c.options(in)))) continue;
        // As for the built-in scores (attention_test.cpp), with a square in place of the exponential.
        const double sums = 8 * std::sqrt(static_cast<double>(c.head_dim + c.tokens)) * unit_roundoff(DType::f32);
        check_op(
            c.name(type) + " by " + kernel, c.inputs(type), [&](const auto& x) { return attention_reference(c, x).y; },
            [&](Graph& g, const auto& x) { return attention(g, x[0], x[1], x[2], c.options(x, kernel)).y; },
            {2 * unit_roundoff(type) + sums, 8 * unit_roundoff(type) + 2 * sums, 0, 1.0});
      }
    }
  }
}

TEST_CASE("user shaders: the kurtosis of the examples") {
  const RegistrationScope shaders = read_example("kurtosis");
  for (const DType type : float_types) {
    if (!can_store("kurtosis", type)) continue;
    for (const Shape& shape : {Shape{3, 7}, {2, 3, 100}, {700, 33}, {2, 2500}}) {
      const std::vector<OpInput> inputs = {{shape, type}};
      const auto data = random_inputs(inputs);
      const auto y = run_op(inputs, data, [](Graph& g, const auto& in) {
        return std::vector<Tensor>{user_statistic(g, *find_user_shader("kurtosis"), in[0])};
      });
      const std::size_t dim = shape.back();
      std::vector<double> expected;
      for (std::size_t row = 0; row < data[0].data.size() / dim; ++row) {
        double mean = 0, squares = 0, fourths = 0;
        for (std::size_t i = 0; i < dim; ++i) mean += data[0].data[row * dim + i] / static_cast<double>(dim);
        for (std::size_t i = 0; i < dim; ++i) {
          const double square = std::pow(data[0].data[row * dim + i] - mean, 2);
          squares += square / static_cast<double>(dim), fourths += square * square / static_cast<double>(dim);
        }
        expected.push_back(fourths / (squares * squares));
      }
      // Sums of `dim` positive terms in f32, and a mean whose error the powers see four times.
      compare("kurtosis " + to_string(shape), expected, {y[0].begin(), y[0].end()},
              16 * std::sqrt(static_cast<double>(dim)) * unit_roundoff(DType::f32));
    }
  }
}

TEST_CASE("user shaders: mistakes are named by file and line") {
  const std::string norm = "kind = \"norm\"";
  CHECK(ShaderFile(norm, "void forward() {\n  for_channels(i) set_y(i, z(i));\n}").refusal() ==
        "f.comp:2: 'z' : no matching overloaded function found ");
  CHECK(ShaderFile(norm, "void forward() {}", "void backward() {\n\n  for_channels(i) set_dx(i)\n}").refusal().starts_with("b.comp:"));
  CHECK(ShaderFile(norm, "void backwards() {}").refusal().starts_with("f.comp: does not define what user/norm calls"));
  CHECK(ShaderFile(norm, "#include \"f.comp\"\nvoid forward() {}").refusal().starts_with("f.comp:1: '#include'"));
  CHECK(ShaderFile(norm, "#include \"../f.comp\"\nvoid forward() {}").refusal().starts_with("f.comp:1: '#include'"));
  CHECK(ShaderFile(norm + "\nparameters = {for_ = {}, a__b = {}}", "void forward() {}")
            .refusal()
            .starts_with("x.toml:5: shaders.mine.parameters.a__b"));
  CHECK(ShaderFile(norm + "\nparameters = {a = {}, b = {}, c = {}, d = {}, e = {}}", "void forward() {}").refusal() ==
        "x.toml:5: shaders.mine.parameters: expected at most 4 parameters, found 5");
  CHECK(ShaderFile("kind = \"gate\"\nparameters = {a = {}}", "float forward(float z) { return z; }").refusal() ==
        "x.toml:5: shaders.mine.parameters: a gate has constants only, no trained parameters");
  CHECK(ShaderFile("kind = \"statistic\"", "float forward() { return 0.0; }", "void backward() {}").refusal() ==
        "x.toml:5: shaders.mine.backward: a statistic has no gradient");
  CHECK(ShaderFile("kind = \"ffn\"", "").refusal() ==
        "x.toml:4: shaders.mine.kind: a kind of shader \"ffn\" is not known; there are activation, attention, gate, norm, statistic");
}

TEST_CASE("user shaders: the largest of a row that has a NaN is NaN, whichever invocation has it") {
  const ShaderFile file("kind = \"statistic\"",
                        "float forward() { float m = -1e30; for_channels(i) m = is_nan(x(i)) || x(i) > m ? x(i) : m; return row_max(m); }");
  const RegistrationScope shaders = file.read();
  const OpInput input{
      {3, 70}, DType::f32, false, 1.0, [](std::size_t i) {
        return i == 5 || i == 139 ? std::nan("") : i / 70 == 2 ? -3.0 - static_cast<double>(i % 70) : static_cast<double>(i % 70);
      }};
  const auto y = run_op({input}, random_inputs({input}),
                        [](Graph& g, const auto& in) { return std::vector<Tensor>{user_statistic(g, *find_user_shader("mine"), in[0])}; });
  CHECK(std::isnan(y[0][0]));
  CHECK(std::isnan(y[0][1]));
  CHECK(y[0][2] == -3.0);
}

TEST_CASE("user shaders: without a backward shader there is a forward pass and no gradient") {
  const ShaderFile file("kind = \"activation\"", "float forward(float x) { return x * x; }");
  const RegistrationScope shaders = file.read();
  const std::vector<OpInput> inputs = {{{5}}};
  const auto data = random_inputs(inputs);
  const auto y = run_op(inputs, data, [](Graph& g, const auto& in) { return std::vector<Tensor>{activation(g, "mine", in[0])}; });
  for (std::size_t i = 0; i < 5; ++i) CHECK(y[0][i] == doctest::Approx(data[0].data[i] * data[0].data[i]).epsilon(1e-6));

  Graph graph(pipelines().device().caps());
  const Tensor x = graph.input("x", {5}, DType::f32);
  graph.require_gradient(x);
  const Tensor z = activation(graph, "mine", x);
  CHECK_THROWS_WITH_AS(backward(graph, z, graph.input("seed", {5}, DType::f32)),
                       "activation \"mine\" cannot be trained: shaders.mine has no backward shader (it can be probed and intervened on)",
                       InputError);
}

TEST_CASE("user shaders: what was compiled is kept on disk, and a broken file there does not matter") {
  const TestFolder cache;
  const EnvironmentVariable variable("ABLATE_CACHE", cache.path().string());
  const ShaderFile file("kind = \"activation\"\nconstants = {kept = 7.25}", "float forward(float x) { return kept * x; }");
  const RegistrationScope shaders = file.read();
  const std::string kernel = "activation/activation" + find_user_shader("mine")->suffix;
  std::filesystem::path kept;
  for (const auto& entry : std::filesystem::directory_iterator(cache.path() / "shaders")) kept = entry.path();
  REQUIRE(!kept.empty());
  const std::vector<std::uint32_t> words = ShaderLibrary::compile(kernel, true, true);
  for (const std::string& content : {std::string(), std::string(400, 'x'), read_text(kept).substr(0, 200)}) {
    write_atomically(kept, content);
    CHECK(ShaderLibrary::compile(kernel, true, true) == words);
    CHECK(read_text(kept).size() == words.size() * 4 + 8);
  }
}

TEST_CASE("user shaders: a cache that cannot keep what was compiled is told of") {
  const TestFolder cache;
  const EnvironmentVariable variable("ABLATE_CACHE", cache.path().string());
  cache.write("shaders", "a file where the folder should be");
  const ShaderFile file("kind = \"activation\"\nconstants = {kept = 7.5}", "float forward(float x) { return kept * x; }");
  const RegistrationScope shaders = file.read();
  ShaderLibrary library(test::pipelines().device().caps());
  library.find("norm/dyt");
  CHECK(library.cache_trouble() == "");
  library.find("activation/activation" + find_user_shader("mine")->suffix);
  CHECK(library.cache_trouble().starts_with("nothing can be kept in the cache folder"));
}

TEST_CASE("user shaders: a kernel is as new as the newest of what it includes, however that is written") {
  const TestFolder cache;
  const EnvironmentVariable variable("ABLATE_CACHE", cache.path().string());
  for (const char* include : {"#include \"helper.glsl\"", "#include <helper.glsl>", "#  include\t<helper.glsl>",
                              "/* for x */ #include <helper.glsl>", "#incl\\\nude <helper.glsl>"}) {
    CAPTURE(include);
    const ShaderFile file("kind = \"activation\"", std::string(include) + "\nfloat forward(float x) { return factor() * x; }");
    file.write("between.glsl", "float factor() { return 3.0; }");
    file.write("helper.glsl", "#include <between.glsl>\n");
    const auto kernel = [&] {
      const RegistrationScope shaders = file.read();
      const std::string name = "activation/activation" + find_user_shader("mine")->suffix;
      return std::pair(name, ShaderLibrary::compile(name, true, true));
    };
    const auto before = kernel();
    file.write("between.glsl", "float factor() { return 7.0; }");
    const auto after = kernel();
    CHECK(before.first != after.first);
    CHECK(before.second != after.second);
  }
}

TEST_CASE("user shaders: a name is known as long as its point is, and then what it was before") {
  const ShaderFile file("kind = \"norm\"", "void forward() { for_channels(i) set_y(i, x(i)); }");
  const auto known = [] { return Norms::has("mine") && find_user_shader("mine"); };
  REQUIRE_FALSE(known());
  {
    const RegistrationScope outer = file.read();
    const UserShaderHandle first = find_user_shader("mine");
    {
      const RegistrationScope inner = file.read();
      CHECK(find_user_shader("mine") != first);
    }
    CHECK(find_user_shader("mine") == first);
    CHECK(known());
  }
  CHECK_FALSE(known());
  CHECK(Norms::has("rmsnorm"));
  CHECK(user_shaders().empty());
}
