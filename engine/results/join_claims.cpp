#include "results/join_claims.h"

#include <algorithm>

namespace ablate {

void join_claims(std::vector<Claim>& claims, const std::vector<Claim>& of_part) {
  for (const Claim& claim : of_part) {
    const auto same = std::find_if(claims.begin(), claims.end(),
                                   [&](const Claim& other) { return other.text == claim.text && other.holds == claim.holds; });
    if (same == claims.end()) {
      claims.push_back(claim);
      continue;
    }
    for (const std::string& label : claim.needs)
      if (std::find(same->needs.begin(), same->needs.end(), label) == same->needs.end()) same->needs.push_back(label);
  }
}

}  // namespace ablate
