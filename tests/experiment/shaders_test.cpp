// What `ablate shaders` builds and proves.
#include "experiment/plan.h"
#include "experiment/shaders/gradient_check.h"
#include "experiment/shaders/pipelines.h"
#include "ops/user/user_shader.h"
#include "support/device.h"
#include "support/folder.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace ablate;

namespace {

Caps a_gpu() {
  Caps caps;
  caps.type = "discrete";
  caps.subgroup_size = caps.min_subgroup_size = caps.max_subgroup_size = 32;
  caps.max_invocations = 1024, caps.shared_memory = 49152;
  caps.subgroup_arithmetic = caps.subgroup_ballot = caps.subgroup_size_control = caps.storage16 = caps.f16 = true;
  caps.coopmat = caps.coopmat_bf16 = caps.coopmat2 = true;
  caps.coop_shapes = {{16, 16, 16, false, true}, {16, 16, 16, true, true}};
  return caps;
}

Caps a_gpu_of_subgroup_matrices() {
  Caps caps = a_gpu();
  caps.coopmat2 = false;
  return caps;
}

Caps a_cpu() {
  Caps caps = a_gpu();
  caps.type = "cpu";
  caps.subgroup_size = caps.min_subgroup_size = caps.max_subgroup_size = 8;
  caps.coopmat = caps.coopmat_bf16 = caps.coopmat2 = false;
  return caps;
}

}  // namespace

TEST_CASE("every kernel is among the pipelines that are built for some device") {
  // Frames: for what users bring, and of a kernel that is only one with a storage format.
  std::set<std::string> built = {"user/norm", "user/norm_backward", "user/statistic", "elementwise/decode"};
  for (const Caps& caps : {a_gpu(), a_gpu_of_subgroup_matrices(), a_cpu()}) {
    const auto all = all_pipelines(caps);
    MESSAGE(caps.type, ": ", all.size(), " pipelines");
    for (const PipelineKey& key : all) built.insert(key.shader);
  }
  for (const std::string& name : ShaderLibrary::names()) CHECK_MESSAGE(built.contains(name), name);
}

TEST_CASE("only the kernels asked for are built") {
  const auto reports = compile_all(test::pipelines(), "rope");
  REQUIRE_FALSE(reports.empty());
  for (const KernelReport& report : reports) CHECK_MESSAGE(report.shader.find("rope") != std::string::npos, report.shader);
  CHECK_THROWS_AS(compile_all(test::pipelines(), "no such kernel"), InputError);
}

TEST_CASE("gradient checks: right ones pass, wrong ones do not") {
  const TestFolder folder;
  folder.write("f.comp", "float forward(float x) { return x * x * x + abs(x); }");
  folder.write("b.comp", "float backward(float x) { return factor * x * x + sign(x); }");
  for (const char* factor : {"3.0", "2.9"}) {
    const auto file =
        folder.write("x.toml", std::string("kind = \"train\"\n[shaders.cube]\nkind = \"activation\"\nforward = \"f.comp\"\nbackward = "
                                           "\"b.comp\"\nconstants = {factor = ") +
                                   factor + "}\n");
    Settings settings = read_plan(file).points[0].settings();
    const RegistrationScope shaders = read_user_shaders(settings);
    const auto samples = samples_with_gradient(DType::f32, {});
    const auto sample = std::find_if(samples.begin(), samples.end(), [](const OpSample& s) { return s.name == "activation cube"; });
    REQUIRE(sample != samples.end());
    const auto checks = check_gradients(test::pipelines(), *sample);
    REQUIRE(checks.size() == 1);
    CHECK(checks[0].passed() == (std::string(factor) == "3.0"));
  }
}
