// Models of several modalities, of which the language model alone is read: their config.json has its keys in a table of their own, `text_config`, and their
// files its tensors under a name of their own, beside those of encoders and projectors.
#pragma once

#include "base/registry.h"
#include "base/settings.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ablate {

/// A class of Transformers that computes from text alone what its language model does. Each registers itself in its own file.
struct TextPart {
  std::string model_type;
  /// The model_type of the language model where text_config says none.
  std::string usual_text;
  /// What the names of the language model's tensors begin with, and what they begin with in a file of their own. The first that fits counts.
  std::vector<std::pair<std::string, std::string>> prefixes = {
      {"model.language_model.", "model."}, {"language_model.", ""}, {"lm_head.", "lm_head."}};
  /// The head belongs to the whole model, and so does tie_word_embeddings where both places say it: or it is tied where either of them says so.
  bool tied_by_either = false;

  /// The tensor's name in a file of the language model's own; "" for one that is no part of it.
  std::string own_name(std::string_view tensor) const;
};
using TextParts = Registry<TextPart>;  ///< by the name of the class

/// The class of a config.json that has a text_config; null if it has none. Throws InputError for one that nobody has registered.
const TextPart* find_text_part(Settings& json);

/// The text_config as a config.json of its own: with the keys of the whole model that are the language model's too. `nulls`: keys without a value, those of
/// text_config as "text_config.KEY"; they become its own. Notes say what is left out, and what counts where the two places contradict each other.
Settings text_settings(Settings& json, const TextPart& part, std::string_view where, std::vector<std::string>& nulls,
                       std::vector<std::string>& notes);

}  // namespace ablate
