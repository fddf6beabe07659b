// The files of tools/templates, which are part of the program.
#pragma once

#include <span>

namespace ablate {

struct Template {
  const char* kind;  ///< its folder: "train"
  const char* name;  ///< "NAME.toml"
  const char* text;
};

std::span<const Template> templates();

}  // namespace ablate
