// Windows of a long row of tokens, and the options that change a window's first tokens.
#pragma once

#include "train/data/source.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ablate {

/// What every window gets, after it is cut: a beginning-of-sequence id in front, and more ids of their own behind it (register tokens: learned vectors that
/// stand for no text; Darcet et al. 2024, arXiv 2309.16588; the sink token of Xiao et al. 2024, arXiv 2309.17453), and the data positions of Gu et al. 2025 (section 2.3 of
/// the field's tables): the first tokens drawn uniformly from the vocabulary, or one fixed token at a fixed position.
struct WindowOptions {
  bool bos = false;
  std::int32_t bos_id = -1;         ///< -1: the model's; for a model made from its parts that names none, one more than the tokens have
  std::int64_t registers = 0;       ///< so many ids follow, from bos_id + 1 on
  std::int64_t random_first = 0;    ///< so many first tokens are random
  std::int64_t fixed_position = 0;  ///< 1 is the first token; 0: none
  std::int32_t fixed_id = 0;
  std::string where = "data.bos";  ///< of `bos`, for messages
  bool epochs = false;             ///< training goes through all windows, in an order of its own each time; else each is drawn by itself

  static WindowOptions from(Settings& data);
};

/// The id that a window of a checkpoint's starts with: `given` if it is 0 or more, else the model's; -1 where a model made from its parts
/// names none. Throws InputError "where: ..." where a checkpoint names none: an id made up would be a token that it has never seen.
std::int32_t bos_id(std::int32_t given, const DataContext& context, const std::string& where);

/// WindowOptions with the ids settled.
class WindowRule {
 public:
  /// `tokens` is the number of ids that the tokens have. Throws InputError for an id that the model does not have, or for want of one.
  WindowRule(const WindowOptions& options, std::int64_t tokens, const DataContext& context);

  std::int64_t vocabulary_size() const { return vocabulary_; }
  std::int32_t bos() const { return options_.bos ? options_.bos_id : -1; }
  std::uint64_t seed() const { return seed_; }

  bool epochs() const { return options_.epochs; }

  /// Rewrites the first tokens of a window; `draw` numbers it.
  void apply(std::span<std::int32_t> window, std::uint64_t draw) const;

 private:
  void settle_bos(const DataContext& context);

  WindowOptions options_;
  std::int64_t tokens_, vocabulary_;
  std::uint64_t seed_;
};

/// Little-endian ids of `width` bytes (1, 2 or 4) in memory that someone else holds.
struct TokenSpan {
  std::span<const std::byte> bytes;
  int width = 2;

  std::int64_t size() const { return static_cast<std::int64_t>(bytes.size()) / width; }
  std::int32_t operator[](std::int64_t i) const;
  TokenSpan part(std::int64_t begin, std::int64_t end) const;
  void copy(std::int64_t begin, std::span<std::int32_t> out) const;
};

/// Several rows of ids, one behind the other.
class TokenRow {
 public:
  TokenRow() = default;
  TokenRow(const TokenSpan& tokens) : TokenRow(std::vector{tokens}) {}
  explicit TokenRow(std::vector<TokenSpan> parts);

  std::int64_t size() const { return ends_.empty() ? 0 : ends_.back(); }
  TokenRow part(std::int64_t begin, std::int64_t end) const;
  void copy(std::int64_t begin, std::span<std::int32_t> out) const;

 private:
  std::vector<TokenSpan> parts_;
  std::vector<std::int64_t> ends_;  // of each part, in the row
};

/// The windows of a training step: each starts anywhere, drawn from (seed, step, row); or, by epochs, the windows of `columns` ids at 0,
/// columns - 1, 2 (columns - 1), ... (so that each id but the first is predicted once) in an order drawn from (seed, epoch), of which a step
/// takes the next `rows`. Throws InputError naming `where` if there are too few tokens for one.
Batch training_windows(const TokenRow& tokens, const WindowRule& rule, std::uint64_t step, std::int64_t rows, std::int64_t columns,
                       const std::string& where);

enum class Spread { evenly, first };  ///< over the whole row of tokens, or one after another from its start

/// At most `rows` windows (0: all) that do not overlap.
Batch fixed_windows(const TokenRow& tokens, const WindowRule& rule, std::int64_t rows, std::int64_t columns, Spread spread,
                    const std::string& where);

}  // namespace ablate
