#include "graph/cut.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ablate {
namespace {

constexpr std::uint64_t most_count = std::numeric_limits<std::uint32_t>::max();

std::uint64_t size_of(const PushValue& value) { return value.kind != 'p' ? value.bits : value.tensor ? value.tensor.size() : 0; }
std::uint64_t limit_of(const PushValue& value, std::uint64_t most) { return value.kind == 'p' ? most : std::min(most, most_count); }

bool fits(const PushValue& value, std::uint64_t most) { return size_of(value) <= (value.kind == 'p' ? most : most_count); }

void require_fits(const Dispatch& dispatch, std::uint64_t most) {
  for (const PushValue& value : dispatch.push) {
    if (fits(value, most)) continue;
    if (value.kind != 'p') bad_input("{}: a count of {} does not fit a kernel's 32 bits", dispatch.label, value.bits);
    bad_input("{}: {} {} has {} elements, a kernel can index {}", dispatch.label, name_of(value.tensor.dtype),
              to_string(value.tensor.shape), value.tensor.size(), most);
  }
}

/// How many times `most` the launch does.
double times_too_much(const Cost& cost, const Cost& most) { return std::max(cost.flop / most.flop, cost.bytes / most.bytes); }

std::uint64_t units_of_a_piece(const Dispatch& dispatch, std::uint64_t most, const Cost& cost) {
  const Cut& cut = dispatch.cut;
  std::uint64_t units = cut.units;
  if (const double times = times_too_much(dispatch.cost, cost); times > 1)
    units = std::max(static_cast<std::uint64_t>(static_cast<double>(units) / times), cut.step);
  for (const Cut::Share& share : cut.shares)
    if (size_of(dispatch.push.at(share.push)) > 0)
      units = std::min(units, limit_of(dispatch.push[share.push], most) / std::max<std::uint64_t>(share.each, 1));
  return units / cut.step * cut.step;
}

// Units [first, first + count) of the launch.
Dispatch piece_of(const Dispatch& whole, std::uint64_t first, std::uint64_t count) {
  Dispatch piece = whole;
  for (const auto& [push, each] : whole.cut.shares) {
    PushValue& value = piece.push[push];
    const std::uint64_t size = size_of(value), begin = std::min(first * each, size), end = std::min((first + count) * each, size);
    if (value.kind != 'p') value.bits = end - begin;
    else if (value.tensor) value.tensor = value.tensor.elements(begin, end - begin);
  }
  const double share = static_cast<double>(count) / static_cast<double>(whole.cut.units);
  const auto part = [&](std::uint64_t x) { return static_cast<std::uint64_t>(std::ceil(static_cast<double>(x) * share)); };
  piece.rows = part(whole.rows);  // kernels loop, so any number of workgroups is right
  piece.items = part(whole.items);
  piece.cost = {whole.cost.flop * share, whole.cost.bytes * share};
  return piece;
}

}  // namespace

std::vector<Dispatch> pieces_of(Dispatch dispatch, std::uint64_t most, const Cost& cost) {
  const bool fit = std::all_of(dispatch.push.begin(), dispatch.push.end(), [&](const PushValue& value) { return fits(value, most); });
  if (fit && (dispatch.cut.units == 0 || times_too_much(dispatch.cost, cost) <= 1)) return {std::move(dispatch)};
  const std::uint64_t each = units_of_a_piece(dispatch, most, cost);
  std::vector<Dispatch> pieces;
  for (std::uint64_t first = 0; each > 0 && first < dispatch.cut.units; first += each)
    pieces.push_back(piece_of(dispatch, first, std::min(each, dispatch.cut.units - first)));
  if (pieces.empty()) pieces.push_back(std::move(dispatch));
  for (const Dispatch& piece : pieces) require_fits(piece, most);
  return pieces;
}

Cut cut_elements(std::uint64_t count, std::initializer_list<std::uint32_t> push) {
  Cut cut(count, 64, {});
  for (const std::uint32_t index : push) cut.shares.push_back({index, 1});
  return cut;
}

Cut cut_along(std::uint64_t units, std::initializer_list<Cut::Share> shares) { return {units, 1, shares}; }

}  // namespace ablate
