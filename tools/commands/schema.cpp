// `ablate schema`: what experiment files may say, for editors.
#include "command.h"
#include "experiment/schema/json_schema.h"

#include <fmt/core.h>
#include <CLI/CLI.hpp>

namespace ablate {
namespace {

const CommandRegistration registration{
    {"schema", "Print a JSON Schema of experiment files, for editors that complete and check them", [](CLI::App&) {
       return [] {
         fmt::print("{}\n", json_schema(known_keys()));
         return 0;
       };
     }}};

}  // namespace
}  // namespace ablate
