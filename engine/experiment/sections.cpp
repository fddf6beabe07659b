// How a plan's [model] is read before anything is opened.
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
  for (const std::string& key : model.keys()) model.raw(key);  // whoever opens the checkpoint knows its keys
}

const SectionRegistration registration{{"model", read_model}};

}  // namespace
}  // namespace ablate
