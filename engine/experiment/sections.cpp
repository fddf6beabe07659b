// How `ablate check` reads the sections whose owners are below this layer and need more than their table to do their work.
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

/// A source reads its own keys when it is opened, which needs its files.
void read_data(Settings& experiment) { experiment.raw("data"); }

const SectionRegistration model{{"model", read_model}};
const SectionRegistration data{{"data", read_data}};

}  // namespace
}  // namespace ablate
