#include "model/tokenizer/long_text.h"

#include "base/error.h"
#include "model/tokenizer/text_buffer.h"
#include "model/tokenizer/unicode.h"

#include <algorithm>
#include <exception>
#include <future>
#include <thread>
#include <utility>

namespace ablate {

LongText::LongText(const TokenizerParts& parts, const LongTextOptions& options, const Sink& sink)
    : parts_(parts),
      options_(options),
      sink_(sink),
      caches_(options.threads > 0 ? options.threads : std::max(1u, std::thread::hardware_concurrency()), Bpe::Cache(options.window)) {}

void LongText::encode(std::string_view text) {
  parts_.added.cut_raw(
      {text, true}, [&](std::int32_t token) { add({token}); },
      [&](Piece piece) {
        if (piece.text.size() <= options_.window) return add({-1, piece, false});
        flush();
        normalize(piece);
      });
  flush();
}

void LongText::normalize(Piece piece) {
  rewritten(piece, parts_.normalizer.get(), [&](Piece normal) {
    parts_.added.cut_normalized(
        normal, [&](std::int32_t token) { add({token}); },
        [&](Piece part) {
          if (part.text.size() <= options_.window) return add({-1, part, true});
          flush();
          split(part, 0);
        });
    flush();
  });
}

void LongText::add(Element element) {
  group_.size += 1 + element.piece.text.size();
  group_.elements.push_back(element);
  if (group_.size < options_.window) return;
  groups_.push_back(std::exchange(group_, {}));
  if (groups_.size() == caches_.size()) flush();
}

void LongText::flush() {
  if (!group_.elements.empty()) groups_.push_back(std::exchange(group_, {}));
  std::vector<Ids> found(groups_.size());
  in_parallel(groups_.size(), [&](std::size_t i) { encode_group(groups_[i], caches_[i % caches_.size()], found[i]); });
  groups_.clear();
  for (const Ids& ids : found) sink_(ids);
}

void LongText::encode_group(const Group& group, Bpe::Cache& cache, Ids& ids) const {
  for (const Element& element : group.elements) {
    if (element.token >= 0) {
      ids.push_back(element.token);
    } else if (element.normalized) {
      encode_words(element.piece, 0, cache, ids);
    } else {
      parts_.encode(element.piece, cache, ids);
    }
  }
}

void LongText::encode_words(Piece piece, std::size_t step, Bpe::Cache& cache, Ids& ids) const {
  parts_.pre_tokenizer.split(
      piece, [&](Piece word) { parts_.model.encode(word.text, cache, ids); }, step);
}

/// Where a part of the text ends that can be normalized by itself: near the end of a window if possible.
std::size_t LongText::part_end(std::string_view text, std::size_t begin, const Normalizer& normalizer) const {
  constexpr std::size_t reach = 1 << 16;
  const std::size_t limit = text.size() - begin > options_.window ? character_end(text, begin + options_.window) : text.size();
  if (limit == text.size()) return limit;
  const auto splits = [&](std::size_t end) {
    std::size_t at = character_begin(text, end - 1);
    char32_t before = next_code_point(text, at);
    char32_t after = next_code_point(text, at);
    return normalizer.splits(before, after);
  };
  for (std::size_t end = limit; end > begin && limit - end < reach; end = character_begin(text, end - 1)) {
    if (splits(end)) return end;
  }
  for (std::size_t end = limit; end < text.size(); next_code_point(text, end)) {
    if (splits(end)) return end;
  }
  return text.size();
}

/// Calls `use` with the piece as the normalizer makes it.
template <class Use>
void LongText::rewritten(Piece piece, const Normalizer* normalizer, const Use& use) {
  if (!normalizer) return use(piece);
  TextBuffer buffer(options_.scratch_folder, options_.memory);
  bool same = true, at_start = piece.at_start;  // the same as in the piece, up to here
  for (std::size_t begin = 0, end = 0; begin < piece.text.size(); begin = end) {
    end = part_end(piece.text, begin, *normalizer);
    const std::string_view part = piece.text.substr(begin, end - begin);
    NormalizedText normal{std::string(part), at_start && begin == 0, begin > 0};
    normalizer->apply(normal);
    if (begin == 0) at_start = normal.at_start;
    if (same && normal.text != part) buffer.append(piece.text.substr(0, begin));
    same = same && normal.text == part;
    if (!same) buffer.append(normal.text);
  }
  const Piece whole{same ? piece.text : buffer.text(), at_start};
  if (!whole.text.empty()) use(whole);
}

void LongText::split(Piece piece, std::size_t step) {
  const auto& steps = parts_.pre_tokenizer.steps();
  if (step == steps.size()) return join(piece);
  if (steps[step].rewrite) return rewritten(piece, steps[step].rewrite.get(), [&](Piece whole) { split(whole, step + 1); });
  cut(
      piece, *steps[step].cut, [&, step](Piece part, Bpe::Cache& cache, Ids& ids) { encode_words(part, step + 1, cache, ids); },
      [&, step](Piece part) { split(part, step + 1); });
}

void LongText::join(Piece word) {
  const auto encode_whole = [&](Piece part) {
    Ids ids;
    parts_.model.encode_part(part.text, caches_.front(), ids);
    sink_(ids);
  };
  const Cutter* joints = parts_.model.joints(word.text);
  if (!joints) {
    Ids ids;
    parts_.model.encode(word.text, caches_.front(), ids);
    return sink_(ids);
  }
  cut(
      word, *joints, [&](Piece part, Bpe::Cache& cache, Ids& ids) { parts_.model.encode_part(part.text, cache, ids); }, encode_whole);
}

LongText::Found LongText::search(Piece piece, const Cutter& cutter, std::size_t from, std::size_t until, const EncodePart& encode,
                                 std::size_t thread) {
  Found found;
  found.next = cutter.cut(piece, from, until, [&](Piece part) {
    found.starts.push_back({static_cast<std::size_t>(part.text.data() - piece.text.data()), found.ids.size()});
    if (part.text.size() > options_.window) {
      found.long_part = part;  // no window holds it: it is the last one
    } else {
      encode(part, caches_[thread], found.ids);
    }
  });
  return found;
}

void LongText::cut(Piece piece, const Cutter& cutter, const EncodePart& encode, const LongPart& encode_long) {
  if (!cutter.resumes()) return cut_in_order(piece, cutter, encode, encode_long);
  const std::size_t size = piece.text.size();
  bool agree = true;     // what is found in a window that starts anywhere is of use
  std::size_t next = 0;  // no part that is left begins before
  while (next < size) {
    std::vector<std::size_t> bounds{next};
    while (bounds.back() < size && bounds.size() <= (agree ? caches_.size() : 1))
      bounds.push_back(character_end(piece.text, std::min(size, bounds.back() + options_.window)));
    std::vector<Found> windows(bounds.size() - 1);
    in_parallel(windows.size(), [&](std::size_t i) {
      try {
        windows[i] = search(piece, cutter, bounds[i], bounds[i + 1], encode, i);
      } catch (const InputError&) {
        if (i == 0) throw;  // elsewhere the text may never be read like this
      }
    });
    std::size_t missed = 0;
    for (std::size_t i = 0; i < windows.size(); ++i) {
      if (next >= bounds[i + 1]) continue;
      auto start = windows[i].starts.begin();
      if (i > 0) {
        start = std::lower_bound(start, windows[i].starts.end(), next, [](const Found::Start& s, std::size_t at) { return s.begin < at; });
        if (start == windows[i].starts.end() || start->begin != next) {
          ++missed;
          windows[i] = search(piece, cutter, next, bounds[i + 1], encode, 0);
          start = windows[i].starts.begin();
        }
      }
      const Found& found = windows[i];
      if (start != found.starts.end()) sink_(std::span(found.ids).subspan(start->ids));
      next = found.next;
      if (found.long_part) encode_long(*found.long_part);
    }
    agree = 2 * missed < windows.size();
  }
}

void LongText::cut_in_order(Piece piece, const Cutter& cutter, const EncodePart& encode, const LongPart& encode_long) {
  Ids ids;
  const auto pass_on = [&] { sink_(std::exchange(ids, {})); };
  cutter.cut(piece, [&](Piece part) {
    if (part.text.size() <= options_.window) encode(part, caches_.front(), ids);
    if (part.text.size() > options_.window || ids.size() >= options_.window) pass_on();
    if (part.text.size() > options_.window) encode_long(part);
  });
  pass_on();
}

void LongText::in_parallel(std::size_t count, const std::function<void(std::size_t)>& run) const {
  std::vector<std::future<void>> others;
  for (std::size_t i = 1; i < count; ++i) others.push_back(std::async(std::launch::async, run, i));
  std::exception_ptr error;
  try {
    if (count > 0) run(0);
  } catch (...) {
    error = std::current_exception();
  }
  for (std::future<void>& other : others) {
    try {
      other.get();
    } catch (...) {
      if (!error) error = std::current_exception();
    }
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace ablate
