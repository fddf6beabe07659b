// `ablate shaders`: lists the kernels, builds them all for a device, and proves gradients.
#include "base/terminal.h"
#include "command.h"
#include "experiment/plan.h"
#include "experiment/shaders/gradient_check.h"
#include "experiment/shaders/pipelines.h"
#include "ops/user/user_shader.h"

#include <CLI/CLI.hpp>

#include <set>

namespace ablate {
namespace {

struct Options {
  bool compile = false, details = false, grad_check = false;
  std::string file, device, kernels;
  std::vector<std::string> without;

  DeviceOptions device_options() const {
    DeviceOptions options{.choice = device, .without = "", .statistics = compile};
    for (const std::string& word : without) options.without += word + ",";
    return options;
  }
};

int list() {
  for (const std::string& name : ShaderLibrary::names()) fmt::print("{}\n", name);
  std::string kinds;
  for (const auto& [name, kind] : UserShaderKinds::all()) kinds += (kinds.empty() ? "" : ", ") + name;
  fmt::print("\nAn experiment file can bring its own: {} (docs/extend.md).\n", kinds);
  return 0;
}

int compile(Pipelines& pipelines, const std::string& kernels, bool details) {
  const bool terminal = stderr_is_terminal();
  const auto reports = compile_all(pipelines, kernels, details, [&](std::size_t done, std::size_t all) {
    if (terminal && (done % 16 == 0 || done == all)) tell("\r{} of {} pipelines{}", done, all, done == all ? "\n" : "");
  });
  int variants = 0, failed = 0;
  for (const KernelReport& report : reports) variants += report.variants, failed += !report.failure.empty();
  fmt::print("{}\n{}\n{} pipelines of {} kernels built on {}, {} failed\n", pipelines.device().caps().device_name, format_kernels(reports),
             variants, reports.size(), pipelines.device().caps().device_name, failed);
  return failed ? 1 : 0;
}

// Samples of all ops, or of the shaders that the points of an experiment file bring.
struct Checked {
  int gradients = 0, failed = 0;
};

std::string title(const OpSample& sample, const UserShaderHandle& user) {
  std::string title = sample.name;
  for (std::size_t i = 0; user && i < user->constants.size(); ++i)
    title += fmt::format("{}{} = {:g}", i ? ", " : " with ", user->constants[i].first, user->constants[i].second);
  return title;
}

Checked check_samples(Pipelines& pipelines, bool only_users, std::set<std::string>& seen) {
  Checked checked;
  for (const OpSample& sample : samples_with_gradient(DType::f32, {})) {
    const UserShaderHandle user = sample.user.empty() ? nullptr : find_user_shader(sample.user);
    if (only_users && !user) continue;
    if (!seen.insert(sample.name + (user ? user->suffix : "")).second) continue;
    if (!sample.has_gradient) {
      if (user) fmt::print("{:<40} has no backward shader\n", title(sample, user));
      continue;
    }
    for (const GradientCheck& check : check_gradients(pipelines, sample)) {
      const std::string outcome = check.passed() ? "right"
                                  : check.points == 0
                                      ? "FAILED: no element without a kink was found"
                                      : fmt::format("FAILED: {:.6g} where differences give {:.6g}", check.found, check.expected);
      fmt::print("{:<40} input {}  {:>3} elements{}  error {:.3f} of what is allowed  {}\n", title(sample, user), check.input, check.points,
                 check.kinks ? fmt::format(" ({} at kinks left out)", check.kinks) : "", check.worst, outcome);
      ++checked.gradients;
      checked.failed += !check.passed();
    }
  }
  return checked;
}

int grad_check(Pipelines& pipelines, const std::string& file) {
  std::set<std::string> seen;
  Checked total;
  if (file.empty()) {
    total = check_samples(pipelines, false, seen);
  } else {
    std::size_t brings = 0;
    for (const Point& point : read_plan(file).points) {
      Settings settings = point.settings();
      const RegistrationScope shaders = read_user_shaders(settings);
      brings += user_shaders().size();
      const Checked checked = check_samples(pipelines, true, seen);
      total.gradients += checked.gradients, total.failed += checked.failed;
    }
    require(brings > 0, "{}: brings no shaders: expected [shaders.NAME]", file);
  }
  if (total.gradients == 0) fmt::print("there is no gradient to check\n");
  else if (total.failed) fmt::print("{} of {} gradients are wrong\n", total.failed, total.gradients);
  else fmt::print("all {} gradients agree with finite differences\n", total.gradients);
  return total.failed ? 1 : 0;
}

int run(const Options& options) {
  if (!options.compile && !options.grad_check) return list();
  const Instance instance;
  const Device device(instance, options.device_options());
  Pipelines pipelines(device);
  const int compiled = options.compile ? compile(pipelines, options.kernels, options.details) : 0;
  return options.grad_check ? std::max(compiled, grad_check(pipelines, options.file)) : compiled;
}

const CommandRegistration registration{
    {"shaders", "List kernels, build them all for a device, prove gradients", [](CLI::App& app) {
       auto options = std::make_shared<Options>();
       app.add_flag("--compile", options->compile,
                    "Build every pipeline that could be chosen for the device; print registers, spills and occupancy");
       app.add_option("--kernels", options->kernels, "With --compile: only kernels with this in their names, e.g. attention");
       app.add_flag("--details", options->details, "With --compile: a line for every pipeline");
       app.add_flag("--grad-check", options->grad_check, "Compare gradients with finite differences: of all ops, or of FILE's shaders");
       app.add_option("FILE", options->file, "Experiment file whose shaders are checked")->type_name("FILE.toml");
       app.add_option("--device", options->device, "Device by number or part of its name; one without memory will do for --compile")
           ->type_name("N|NAME");
       app.add_option("--without", options->without, "Do without these capabilities")
           ->type_name("CAPS")
           ->delimiter(',')
           ->allow_extra_args(false);
       return [options] {
         require(options->file.empty() || options->grad_check, "{}: only --grad-check takes a file", options->file);
         return run(*options);
       };
     }}};

}  // namespace
}  // namespace ablate
