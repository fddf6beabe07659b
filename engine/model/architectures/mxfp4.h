// MXFP4 as gpt-oss publishes it: blocks of 32 values of four bits that share a power of two (OCP Microscaling Formats 1.0).
#pragma once

#include "model/safetensors.h"

#include <cstdint>
#include <functional>
#include <span>

namespace ablate {

/// The shapes that blocks and scales have: (matrices, rows, columns / 32, 16) and (matrices, rows, columns / 32), both U8. Throws InputError.
void check_mxfp4(const TensorView& blocks, const TensorView& scales, std::int64_t matrices, std::int64_t rows, std::int64_t columns);

/// Elements first .. first + out.size() - 1 of a matrix of so many columns whose row r is row row_of(r) of all the blocks' rows.
void read_mxfp4_rows(const TensorView& blocks, const TensorView& scales, std::int64_t columns, std::span<float> out, std::int64_t first,
                     const std::function<std::int64_t(std::int64_t row)>& row_of);

}  // namespace ablate
