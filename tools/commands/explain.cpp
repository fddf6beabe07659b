// `ablate explain KEY`: what a key of an experiment file is.
#include "experiment/schema/explain.h"
#include "command.h"

#include <fmt/core.h>
#include <CLI/CLI.hpp>

#include <memory>

namespace ablate {
namespace {

const CommandRegistration registration{
    {"explain", "Say what a key of experiment files is: its type, default and meaning (\"train.warmup\", \"train\")", [](CLI::App& app) {
       auto name = std::make_shared<std::string>();
       app.add_option("key", *name, "A key or table by its dotted name; all tables if absent");
       return [name] {
         fmt::print("{}", explain(known_keys(), *name));
         return 0;
       };
     }}};

}  // namespace
}  // namespace ablate
