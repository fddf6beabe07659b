// Every key that an experiment file can have, as those who read them say.
#pragma once

#include "base/key_facts.h"

#include <set>

namespace ablate {

struct KnownKey : KeyFacts {
  std::set<std::string> kinds;  ///< of experiments that read it
  /// What else has to be said for it to be read, each one line ("data.source = \"text\""); empty where it always is.
  std::set<std::string> where;
};

/// By dotted name ("train.lr"; "shaders.NAME.kind", where NAME is for the file to choose). Tables are there too. Found by reading experiments of
/// every kind that lack everything, and then with every choice that a reader offered, until no reader asks for anything new. Opens no file.
std::map<std::string, KnownKey> known_keys();

}  // namespace ablate
