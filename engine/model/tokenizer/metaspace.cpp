#include "model/tokenizer/metaspace.h"

namespace ablate {

static Metaspace::Scheme read_scheme(const JsonNode& node) {
  const std::string& name = node.string();
  if (name == "always") return Metaspace::Scheme::always;
  if (name == "first") return Metaspace::Scheme::first;
  if (name == "never") return Metaspace::Scheme::never;
  node.refuse_name("always, first or never");
}

Metaspace read_metaspace(const JsonNode& node) {
  node.allow_only({"type", "replacement", "str_rep", "add_prefix_space", "prepend_scheme", "split"});
  Metaspace settings;
  settings.replacement = node.at("replacement").character();
  settings.split = node.flag("split", true);
  const bool prefix = node.flag("add_prefix_space", true);
  const auto scheme = node.find("prepend_scheme");
  settings.scheme = scheme ? read_scheme(*scheme) : prefix ? Metaspace::Scheme::always : Metaspace::Scheme::never;
  if (!prefix && settings.scheme != Metaspace::Scheme::never) scheme->refuse("contradicts add_prefix_space, which is false");
  return settings;
}

}  // namespace ablate
