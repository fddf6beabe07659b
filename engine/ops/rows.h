// How kernels that walk rows or elements in groups of four are launched (shaders/common/{rows,team,elementwise}.glsl).
#pragma once

#include "ops/op.h"

#include <initializer_list>

namespace ablate {

/// Whether every tensor (empty ones aside) starts at a multiple of four of its elements, so that four can be accessed at once. Slices need
/// not.
bool starts_in_quads(std::initializer_list<Tensor> tensors);

/// Constants of a kernel for the elements of x, whose other tensors are `others`: DTYPE and QUADS.
Specialization for_elements(const Tensor& x, std::initializer_list<Tensor> others = {});

/// Constants of a kernel for rows of `dim` elements: DTYPE and QUADS.
Specialization for_rows(const Tensor& x, std::uint64_t dim, std::initializer_list<Tensor> others = {});

/// Groups of four that hold a row, or all elements of a flat kernel.
inline std::uint64_t groups_in(std::uint64_t dim) { return dim / 4 + (dim % 4 != 0 ? 1 : 0); }
/// Invocations of a kernel with one for every group of four of a row.
inline std::uint64_t groups_of(std::uint64_t rows, std::uint64_t dim) { return rows * groups_in(dim); }

/// Rows of each of `chunks` chunks, as the kernels divide them.
inline std::uint64_t chunk_of(std::uint64_t rows, std::uint64_t chunks) { return rows / chunks + (rows % chunks != 0 ? 1 : 0); }

/// Teams of lanes, one for each row of `dim` elements: a lane for very short rows, a subgroup for short ones, a workgroup for long ones.
struct Team {
  enum Kind : std::uint32_t { workgroup, subgroup, lane };  ///< as in shaders/common/team.glsl
  Kind kind = workgroup;
  std::uint32_t lanes = 1;     ///< invocations to launch for each team
  Specialization constants{};  ///< TEAM, KEPT and, for very long rows, LANES
};
Team team_for(const Caps& caps, std::uint32_t dim);

/// a followed by b.
Specialization operator+(Specialization a, const Specialization& b);

}  // namespace ablate
