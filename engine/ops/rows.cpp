#include "ops/rows.h"

#include <algorithm>
#include <bit>

namespace ablate {

bool starts_in_quads(std::initializer_list<Tensor> tensors) {
  return std::all_of(tensors.begin(), tensors.end(), [](const Tensor& x) { return x.offset % (4 * bytes_of(x.dtype)) == 0; });
}

Specialization for_elements(const Tensor& x, std::initializer_list<Tensor> others) {
  return for_type(x) + Specialization{{"QUADS", starts_in_quads({x}) && starts_in_quads(others)}};
}

Specialization for_rows(const Tensor& x, std::uint64_t dim, std::initializer_list<Tensor> others) {
  return for_type(x) + Specialization{{"QUADS", dim % 4 == 0 && starts_in_quads({x}) && starts_in_quads(others)}};
}

Team team_for(const Caps& caps, std::uint32_t dim) {
  // Four groups of four a lane keep enough loads in flight and still leave registers for other workgroups; eight spare a short row its
  // barriers.
  constexpr std::uint32_t kept_wide = 4, kept_short = 8;
  const auto groups = static_cast<std::uint32_t>(groups_in(dim));
  const auto team = [&](Team::Kind kind, std::uint32_t lanes, std::uint32_t most) {
    return Team{kind, lanes, {{"TEAM", kind}, {"KEPT", std::clamp((groups + lanes - 1) / lanes, 1u, most)}}};
  };
  if (groups <= kept_short) return team(Team::lane, 1, kept_short);
  if (caps.is_cpu()) return team(Team::workgroup, caps.subgroup_size, kept_short);
  if (caps.subgroup_arithmetic && groups <= kept_short * caps.subgroup_size) return team(Team::subgroup, caps.subgroup_size, kept_short);
  const std::uint32_t least = std::min(256u, caps.max_invocations), most = std::min(1024u, caps.max_invocations);
  const std::uint32_t lanes = std::clamp(std::bit_ceil((groups + kept_wide - 1) / kept_wide), least, most);
  Team wide = team(Team::workgroup, lanes, kept_wide);
  wide.constants.emplace_back("LANES", lanes);
  return wide;
}

Specialization operator+(Specialization a, const Specialization& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace ablate
