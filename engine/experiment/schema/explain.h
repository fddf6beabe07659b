// What a key of an experiment file is, in words.
#pragma once

#include "experiment/schema/known_keys.h"

namespace ablate {

/// The name under which a dotted name of a file is known: with NAME wherever the file makes names up ("shaders.NAME.kind").
std::string known_name(const std::map<std::string, KnownKey>& keys, const std::string& name);

/// "an integer from 0 up", "one of adamw, sgd", "a list of strings", ...
std::string describe_type(const KnownKey& key);

/// Everything known of the key `name`; of a table, its keys with a line each; of "", all tables. "data.NAME"-like names stand for those that a
/// file makes up: "shaders.mine.kind" is found too. Throws InputError naming the nearest key.
std::string explain(const std::map<std::string, KnownKey>& keys, const std::string& name);

}  // namespace ablate
