// Parts of a sweep: --points and --shard.
#include "base/error.h"
#include "experiment/plan.h"
#include "experiment/shared_points.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

namespace ablate {
namespace {

std::string trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(' '), last = text.find_last_not_of(' ');
  return first == text.npos ? "" : text.substr(first, last - first + 1);
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> pieces(1);
  for (const char c : text) {
    if (c == ',') pieces.emplace_back();
    else pieces.back() += c;
  }
  return pieces;
}

std::optional<std::size_t> number_in(std::string_view text) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// What points are called.
class Names {
 public:
  explicit Names(const Plan& plan) : count_(plan.points.size()) {
    for (std::size_t i = 0; i < count_; ++i) {
      const Point& point = plan.points[i];
      for (const std::string& name : {point.id, point.name, point.label}) {
        called_[name].push_back(i);
        most_commas_ = std::max(most_commas_, static_cast<std::size_t>(std::count(name.begin(), name.end(), ',')));
      }
    }
  }

  /// Marks the points of a list such as "2,7-9,lr / 2, steps x 2": a name may hold commas, so the longest one is looked for first.
  void choose(const std::string& list, std::vector<bool>& chosen) const {
    const std::vector<std::string> pieces = split(list);
    for (std::size_t i = 0; i < pieces.size();) {
      std::size_t end = std::min(pieces.size(), i + most_commas_ + 1);
      while (end > i && !mark(joined(pieces, i, end), chosen)) --end;
      require(end > i,
              "--points {}: no such point; expected numbers from 1 to {}, ranges such as 2-5, ids or names (`ablate check` lists them)",
              trimmed(pieces[i]), count_);
      i = end;
    }
  }

 private:
  static std::string joined(const std::vector<std::string>& pieces, std::size_t begin, std::size_t end) {
    const auto at = [&](std::size_t i) { return pieces.begin() + static_cast<std::ptrdiff_t>(i); };
    return trimmed(fmt::format("{}", fmt::join(at(begin), at(end), ",")));
  }

  // Whether `word` means any. A number is a place, whatever a variant may be called; a range gives way to a name.
  bool mark(const std::string& word, std::vector<bool>& chosen) const {
    if (const auto number = number_in(word)) return mark(*number, *number, chosen);
    if (const auto named = called_.find(word); named != called_.end() && !word.empty()) {
      for (const std::size_t i : named->second) chosen[i] = true;
      return true;
    }
    const std::size_t dash = word.find('-');
    if (dash == word.npos) return false;
    const auto first = number_in(std::string_view(word).substr(0, dash)), last = number_in(std::string_view(word).substr(dash + 1));
    return first && last && mark(*first, *last, chosen);
  }

  bool mark(std::size_t first, std::size_t last, std::vector<bool>& chosen) const {
    if (first < 1 || last > count_ || first > last) return false;
    for (std::size_t i = first; i <= last; ++i) chosen[i - 1] = true;
    return true;
  }

  std::size_t count_, most_commas_ = 0;
  std::map<std::string, std::vector<std::size_t>> called_;
};

}  // namespace

std::vector<std::size_t> select(const Plan& plan, const Selection& selection) {
  require(selection.shards >= 1 && selection.shard >= 1 && selection.shard <= selection.shards,
          "--shard {}/{}: expected k/n with 1 <= k <= n", selection.shard, selection.shards);
  std::vector<bool> chosen(plan.points.size(), selection.points.empty());
  if (!selection.points.empty()) {
    const Names names(plan);
    for (const std::string& list : selection.points) names.choose(list, chosen);
  }
  // Points that come to the same thing are in the same shard.
  const std::vector<std::size_t> alike = selection.shards > 1 ? first_alike(plan) : std::vector<std::size_t>();
  std::map<std::size_t, int> shards;
  std::vector<std::size_t> indices;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    if (!chosen[i]) continue;
    const int next = 1 + static_cast<int>(shards.size()) % selection.shards;
    if (selection.shards == 1 || shards.emplace(alike[i], next).first->second == selection.shard) indices.push_back(i);
  }
  return indices;
}

}  // namespace ablate
