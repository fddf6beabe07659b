// Ids of texts of any length, as of the whole text: on all cores, and without all of it in memory.
//
// Added tokens separate a text; what lies between two of them is encoded by itself. Where that is long, it is normalized in parts, cut
// where no
// step of the normalizer reaches across, and the whole of it is read by the pre-tokenizer: every core starts somewhere in it as if a word
// began there. What it finds counts from the first place on where the core before it agrees that a word begins: from there on both would
// find
// the same. Nothing is guessed: where the two do not agree, the text is gone through again from where a word is known to begin.
#pragma once

#include "model/tokenizer/parts.h"

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace ablate {

class LongText {
 public:
  using Ids = std::vector<std::int32_t>;
  using Sink = std::function<void(std::span<const std::int32_t>)>;

  LongText(const TokenizerParts& parts, const LongTextOptions& options, const Sink& sink);

  /// `text` is valid UTF-8. The sink gets the ids, without those of the post-processor, in order.
  void encode(std::string_view text);

 private:
  /// An added token that was found, or text between two.
  struct Element {
    std::int32_t token = -1;
    Piece piece = {};
    bool normalized = false;
  };
  struct Group {
    std::vector<Element> elements;
    std::size_t size = 0;
  };
  using EncodePart = std::function<void(Piece part, Bpe::Cache& cache, Ids& ids)>;
  using LongPart = std::function<void(Piece part)>;

  /// What was found in a window of the text: parts that begin in it.
  struct Found {
    struct Start {
      std::size_t begin, ids;  // a part begins here, and so many ids were found before it
    };
    std::vector<Start> starts;
    Ids ids;
    std::optional<Piece> long_part;  // the last one, if it is too long for a window
    std::size_t next = 0;            // where the first part begins that was left
  };

  void add(Element element);
  void flush();
  void normalize(Piece piece);
  void split(Piece piece, std::size_t step);
  void join(Piece word);
  void cut(Piece piece, const Cutter& cutter, const EncodePart& encode, const LongPart& encode_long);
  void cut_in_order(Piece piece, const Cutter& cutter, const EncodePart& encode, const LongPart& encode_long);
  Found search(Piece piece, const Cutter& cutter, std::size_t from, std::size_t until, const EncodePart& encode, std::size_t thread);
  void encode_group(const Group& group, Bpe::Cache& cache, Ids& ids) const;
  void encode_words(Piece piece, std::size_t step, Bpe::Cache& cache, Ids& ids) const;
  std::size_t part_end(std::string_view text, std::size_t begin, const Normalizer& normalizer) const;
  template <class Use>
  void rewritten(Piece piece, const Normalizer* normalizer, const Use& use);
  void in_parallel(std::size_t count, const std::function<void(std::size_t)>& run) const;

  const TokenizerParts& parts_;
  const LongTextOptions& options_;
  const Sink& sink_;
  std::vector<Bpe::Cache> caches_;  // one for each thread
  Group group_;
  std::vector<Group> groups_;
};

}  // namespace ablate
