#include "train/data/windows.h"

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "base/settings.h"
#include "train/data/shuffle.h"

#include <algorithm>
#include <cstring>

namespace ablate {

WindowOptions WindowOptions::from(Settings& data) {
  WindowOptions o;
  o.bos = data.get<bool>({"bos", "start every window with the beginning-of-sequence token"}, o.bos);
  o.where = data.where("bos");
  if (data.has("bos_id")) o.bos_id = data.number<int>({"bos_id", "its id, where the model does not say it"}, 0, 0);
  o.registers = data.number<std::int64_t>({"registers", "tokens without content in front of every window"}, o.registers, 0, 1 << 20);
  o.random_first = data.number<std::int64_t>({"random_first", "so many first tokens of a window are drawn at random"}, o.random_first, 0);
  o.fixed_position = data.number<std::int64_t>(
      {"fixed_position", "position, counted from 1, at which every window has the token fixed_id; 0: none"}, o.fixed_position, 0);
  o.epochs = data.choice({"order", "of training windows: each drawn anywhere, or all of them in a drawn order, again and again"}, "random",
                         {"random", "epochs"}) == "epochs";
  if (data.has("fixed_id")) o.fixed_id = data.number<int>({"fixed_id", "the token at fixed_position"}, 0, 0);
  require(o.bos || o.bos_id < 0, "{}: needs bos = true", data.where("bos_id"));
  require(o.bos || o.registers == 0, "{}: register tokens follow the one of bos: needs bos = true", data.where("registers"));
  require(!o.bos || o.random_first == 0, "{}: the first token is either random or the one of bos", data.where("random_first"));
  return o;
}

std::int32_t bos_id(std::int32_t given, const DataContext& context, const std::string& where) {
  const std::int32_t id = given >= 0 ? given : context.bos_id;
  require(id >= 0 || context.why_no_bos.empty(), "{}: {}; give data.bos_id", where, context.why_no_bos);
  return id;
}

WindowRule::WindowRule(const WindowOptions& options, std::int64_t tokens, const DataContext& context)
    : options_(options), tokens_(tokens), vocabulary_(tokens), seed_(context.seed) {
  if (options_.bos) settle_bos(context);
  if (options_.fixed_position > 0) vocabulary_ = std::max<std::int64_t>(vocabulary_, options_.fixed_id + std::int64_t{1});
}

void WindowRule::settle_bos(const DataContext& context) {
  options_.bos_id = bos_id(options_.bos_id, context, options_.where);
  const bool made_up = options_.bos_id < 0;
  if (made_up) options_.bos_id = static_cast<std::int32_t>(tokens_);
  const char* origin = made_up ? ", one more than the data has" : "";
  const std::int64_t last = options_.bos_id + options_.registers;
  require(context.vocabulary == 0 || last < context.vocabulary,
          "{}: every window would start with id {}{}, which a vocabulary of {} does not have: give data.bos_id, or a larger vocab_size",
          options_.where, last, origin, context.vocabulary);
  if (made_up && context.note) context.note(fmt::format("{}: every window starts with id {}{}", options_.where, options_.bos_id, origin));
  vocabulary_ = std::max<std::int64_t>(vocabulary_, last + 1);
}

void WindowRule::apply(std::span<std::int32_t> window, std::uint64_t draw) const {
  const CounterRandom random(seed_, hash_text("first tokens") + draw);
  const auto randoms = std::min(window.size(), static_cast<std::size_t>(options_.random_first));
  for (std::size_t i = 0; i < randoms; ++i) window[i] = static_cast<std::int32_t>(random.below(i, static_cast<std::uint64_t>(tokens_)));
  if (options_.fixed_position > 0 && options_.fixed_position <= std::ssize(window))
    window[static_cast<std::size_t>(options_.fixed_position) - 1] = options_.fixed_id;
  if (!options_.bos) return;
  const auto own = std::min(window.size(), static_cast<std::size_t>(options_.registers) + 1);
  for (std::size_t i = 0; i < own; ++i) window[i] = options_.bos_id + static_cast<std::int32_t>(i);
}

std::int32_t TokenSpan::operator[](std::int64_t i) const {
  std::int32_t id = 0;
  std::memcpy(&id, bytes.data() + i * width, static_cast<std::size_t>(width));
  return id;
}

TokenSpan TokenSpan::part(std::int64_t begin, std::int64_t end) const {
  return {bytes.subspan(static_cast<std::size_t>(begin * width), static_cast<std::size_t>((end - begin) * width)), width};
}

void TokenSpan::copy(std::int64_t begin, std::span<std::int32_t> out) const {
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = (*this)[begin + static_cast<std::int64_t>(i)];
}

TokenRow::TokenRow(std::vector<TokenSpan> parts) : parts_(std::move(parts)) {
  std::erase_if(parts_, [](const TokenSpan& part) { return part.size() == 0; });
  for (const TokenSpan& part : parts_) ends_.push_back(size() + part.size());
}

TokenRow TokenRow::part(std::int64_t begin, std::int64_t end) const {
  std::vector<TokenSpan> inside;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const std::int64_t first = ends_[i] - parts_[i].size(), from = std::max(begin, first), to = std::min(end, ends_[i]);
    if (from < to) inside.push_back(parts_[i].part(from - first, to - first));
  }
  return TokenRow(std::move(inside));
}

void TokenRow::copy(std::int64_t begin, std::span<std::int32_t> out) const {
  for (auto i = static_cast<std::size_t>(std::upper_bound(ends_.begin(), ends_.end(), begin) - ends_.begin()); !out.empty(); ++i) {
    const auto count = static_cast<std::size_t>(std::min<std::int64_t>(std::ssize(out), ends_[i] - begin));
    parts_[i].copy(begin - (ends_[i] - parts_[i].size()), out.first(count));
    begin += static_cast<std::int64_t>(count);
    out = out.subspan(count);
  }
}

namespace {

void require_window(const TokenRow& tokens, std::int64_t columns, const std::string& where) {
  require(columns >= 1, "{}: the length of a window has to be said (seq_len)", where);
  require(tokens.size() >= columns, "{}: {} tokens are too few for windows of {}", where, tokens.size(), columns);
}

}  // namespace

Batch training_windows(const TokenRow& tokens, const WindowRule& rule, std::uint64_t step, std::int64_t rows, std::int64_t columns,
                       const std::string& where) {
  require_window(tokens, columns, where);
  const CounterRandom random(rule.seed(), hash_text("windows") + step);
  const std::int64_t stride = std::max<std::int64_t>(columns - 1, 1), windows = (tokens.size() - columns) / stride + 1;
  Batch batch = make_batch(rows, columns);
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::span window(batch.row(r), static_cast<std::size_t>(columns));
    const auto place = step * static_cast<std::uint64_t>(rows) + static_cast<std::uint64_t>(r), count = static_cast<std::uint64_t>(windows);
    const std::uint64_t start = rule.epochs()
                                    ? shuffled(place % count, count, rule.seed(), place / count) * static_cast<std::uint64_t>(stride)
                                    : random.below(static_cast<std::uint64_t>(r), static_cast<std::uint64_t>(tokens.size() - columns + 1));
    tokens.copy(static_cast<std::int64_t>(start), window);
    rule.apply(window, (step << 24) + static_cast<std::uint64_t>(r));
  }
  return batch;
}

Batch fixed_windows(const TokenRow& tokens, const WindowRule& rule, std::int64_t rows, std::int64_t columns, Spread spread,
                    const std::string& where) {
  require_window(tokens, columns, where);
  const std::int64_t available = tokens.size() / columns, count = rows == 0 ? available : std::min(rows, available);
  Batch batch = make_batch(count, columns);
  for (std::int64_t r = 0; r < count; ++r) {
    const std::int64_t index = spread == Spread::first ? r : r * available / count;
    const std::span window(batch.row(r), static_cast<std::size_t>(columns));
    tokens.copy(index * columns, window);
    rule.apply(window, ~static_cast<std::uint64_t>(r));  // far from any step's
  }
  return batch;
}

}  // namespace ablate
