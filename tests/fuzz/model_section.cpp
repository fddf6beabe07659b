// [model] as the fuzzers read it: a transformer from its parts. The program's own reader (experiment/sections.cpp) knows weights and ops too, which
// are not linked here.
#include "base/settings.h"
#include "model/config.h"

namespace ablate {
namespace {

void read_model(Settings& experiment) {
  Settings model = experiment.table("model");
  if (!model.has("checkpoint") && !model.has("preset")) {
    TransformerConfig::from(model);
    return;
  }
  for (const std::string& key : model.keys()) model.raw(key);
}

const SectionRegistration registration{{"model", read_model}};

}  // namespace
}  // namespace ablate
