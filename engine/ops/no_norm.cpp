// `[model] final_norm = "none"`: what comes in goes out.
#include "ops/norm.h"

namespace ablate {

static const Norms::Registration registration("none", {[](Graph&, const NormArgs& a) { return a.x; }});

}  // namespace ablate
