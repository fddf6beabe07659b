#include "model/tokenizer/decoder.h"

#include "base/error.h"
#include "model/tokenizer/byte_alphabet.h"
#include "model/tokenizer/metaspace.h"
#include "model/tokenizer/replacement.h"
#include "model/tokenizer/unicode.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace ablate {

namespace {

std::string joined(const std::vector<std::string>& tokens) {
  std::string text;
  for (const std::string& token : tokens) text += token;
  return text;
}

class ByteLevel : public Decoder {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    std::string bytes;
    for (const std::string& token : tokens) bytes += bytes_of(token);
    tokens = {repair_utf8(bytes)};
  }
};

/// Tokens like <0x61> are bytes. A run of them that is no UTF-8 becomes one U+FFFD for each.
class ByteFallback : public Decoder {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    std::vector<std::string> decoded;
    std::string run;
    const auto end_run = [&] {
      if (is_valid_utf8(run)) {
        if (!run.empty()) decoded.push_back(run);
      } else {
        decoded.insert(decoded.end(), run.size(), "\uFFFD");
      }
      run.clear();
    };
    for (std::string& token : tokens) {
      if (const auto byte = byte_of(token)) {
        run += *byte;
      } else {
        end_run();
        decoded.push_back(std::move(token));
      }
    }
    end_run();
    tokens = std::move(decoded);
  }

 private:
  static std::optional<char> byte_of(const std::string& token) {
    if (token.size() != 6 || !token.starts_with("<0x") || !token.ends_with('>')) return std::nullopt;
    unsigned char byte = 0;
    const char* end = token.data() + 5;
    const auto result = std::from_chars(token.data() + 3, end, byte, 16);
    return result.ec == std::errc() && result.ptr == end ? std::optional(static_cast<char>(byte)) : std::nullopt;
  }
};

class Fuse : public Decoder {
 public:
  void apply(std::vector<std::string>& tokens) const override { tokens = {joined(tokens)}; }
};

class Replace : public Decoder {
 public:
  explicit Replace(Replacement replacement) : replacement_(std::move(replacement)) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) token = replacement_.apply(token);
  }

 private:
  Replacement replacement_;
};

/// Removes a character from the ends of every token, at most so many times.
class Strip : public Decoder {
 public:
  Strip(std::string character, std::int64_t start, std::int64_t stop) : character_(std::move(character)), start_(start), stop_(stop) {}

  void apply(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) {
      std::string_view left = token;
      for (std::int64_t i = 0; i < start_ && left.starts_with(character_); ++i) left.remove_prefix(character_.size());
      for (std::int64_t i = 0; i < stop_ && left.ends_with(character_); ++i) left.remove_suffix(character_.size());
      token = std::string(left);
    }
  }

 private:
  std::string character_;
  std::int64_t start_, stop_;
};

/// The visible spaces become spaces again, and those of the first token, which the pre-tokenizer may have put there, nothing.
class MetaspaceText : public Decoder {
 public:
  explicit MetaspaceText(const Metaspace& settings)
      : spaces_(settings.replacement, " "), nothing_(settings.replacement, ""), never_(settings.scheme == Metaspace::Scheme::never) {}

  void apply(std::vector<std::string>& tokens) const override {
    for (std::size_t i = 0; i < tokens.size(); ++i) replace(tokens[i], i == 0 && !never_ ? nothing_ : spaces_);
  }

 private:
  using Change = std::pair<std::string, std::string>;

  static void replace(std::string& token, const Change& change) {
    for (std::size_t at = token.find(change.first); at != token.npos; at = token.find(change.first, at + change.second.size())) {
      token.replace(at, change.first.size(), change.second);
    }
  }

  Change spaces_, nothing_;
  bool never_;
};

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  if (from.empty()) return;
  for (std::size_t at = text.find(from); at != text.npos; at = text.find(from, at + to.size())) text.replace(at, from.size(), to);
}

/// Takes back the spaces that stand before punctuation and parts of English words.
void clean_up(std::string& text) {
  constexpr std::pair<std::string_view, std::string_view> changes[] = {
      {" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},    {" n't", "n't"},
      {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
  };
  for (const auto& [from, to] : changes) replace_all(text, from, to);
}

/// Tokens without the prefix of continued words start words.
class WordPiece : public Decoder {
 public:
  WordPiece(std::string prefix, bool cleanup) : prefix_(std::move(prefix)), cleanup_(cleanup) {}

  void apply(std::vector<std::string>& tokens) const override {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (i > 0 && tokens[i].starts_with(prefix_)) {
        tokens[i].erase(0, prefix_.size());
      } else if (i > 0) {
        tokens[i].insert(0, 1, ' ');
      }
      if (cleanup_) clean_up(tokens[i]);
    }
  }

 private:
  std::string prefix_;
  bool cleanup_;
};

/// The suffix that ends words becomes a space.
class WordEnds : public Decoder {
 public:
  explicit WordEnds(std::string suffix) : suffix_(std::move(suffix)) {}

  void apply(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) token = with(token, &token == &tokens.back() ? "" : " ");
  }

 private:
  /// An empty suffix stands between all characters, as in Rust.
  std::string with(const std::string& token, std::string_view space) const {
    if (!suffix_.empty()) {
      std::string text = token;
      replace_all(text, suffix_, space);
      return text;
    }
    std::string text(space);
    for (std::size_t at = 0; at < token.size();) {
      const std::size_t begin = at;
      next_code_point(token, at);
      text.append(token, begin, at - begin).append(space);
    }
    return text;
  }

  std::string suffix_;
};

/// What connectionist temporal classification (Graves et al. 2006) says: repeated tokens are one, padding nothing.
class Ctc : public Decoder {
 public:
  Ctc(std::string pad, std::string delimiter, bool cleanup) : pad_(std::move(pad)), delimiter_(std::move(delimiter)), cleanup_(cleanup) {}

  void apply(std::vector<std::string>& tokens) const override {
    tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
    for (std::string& token : tokens) {
      replace_all(token, pad_, "");
      if (cleanup_) clean_up(token);
      if (cleanup_) replace_all(token, delimiter_, " ");
    }
    std::erase(tokens, "");
  }

 private:
  std::string pad_, delimiter_;
  bool cleanup_;
};

/// A decoder that is not known, or not well-formed: encoding does without it.
class Unknown : public Decoder {
 public:
  explicit Unknown(std::string message) : message_(std::move(message)) {}
  void apply(std::vector<std::string>&) const override { bad_input("{}", message_); }

 private:
  std::string message_;
};

class Sequence : public Decoder {
 public:
  explicit Sequence(std::vector<std::unique_ptr<Decoder>> steps) : steps_(std::move(steps)) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (const auto& step : steps_) step->apply(tokens);
  }

 private:
  std::vector<std::unique_ptr<Decoder>> steps_;
};

std::unique_ptr<Decoder> read(const JsonNode& node, int depth) {
  const JsonNode type = node.at("type");
  const std::string& name = type.string();
  if (name == "Sequence") {
    node.allow_only({"type", "decoders"});
    require_depth(node, depth);
    std::vector<std::unique_ptr<Decoder>> steps;
    for (const JsonNode& step : node.at("decoders").elements()) steps.push_back(read(step, depth + 1));
    return std::make_unique<Sequence>(std::move(steps));
  }
  if (name == "ByteLevel") {
    node.allow_only({"type", "add_prefix_space", "trim_offsets", "use_regex"});
    return std::make_unique<ByteLevel>();
  }
  if (name == "ByteFallback") {
    node.allow_only({"type"});
    return std::make_unique<ByteFallback>();
  }
  if (name == "Fuse") {
    node.allow_only({"type"});
    return std::make_unique<Fuse>();
  }
  if (name == "Replace") return std::make_unique<Replace>(read_replacement(node));
  if (name == "Strip") {
    node.allow_only({"type", "content", "start", "stop"});
    return std::make_unique<Strip>(node.at("content").character(), node.at("start").integer(0, INT64_MAX),
                                   node.at("stop").integer(0, INT64_MAX));
  }
  if (name == "Metaspace") return std::make_unique<MetaspaceText>(read_metaspace(node));
  if (name == "WordPiece") {
    node.allow_only({"type", "prefix", "cleanup"});
    return std::make_unique<WordPiece>(node.at("prefix").string(), node.at("cleanup").boolean());
  }
  if (name == "BPEDecoder") {
    node.allow_only({"type", "suffix"});
    return std::make_unique<WordEnds>(node.at("suffix").string());
  }
  if (name == "CTC") {
    node.allow_only({"type", "pad_token", "word_delimiter_token", "cleanup"});
    return std::make_unique<Ctc>(node.at("pad_token").string(), node.at("word_delimiter_token").string(), node.at("cleanup").boolean());
  }
  type.refuse_name("ByteLevel, ByteFallback, Fuse, Replace, Strip, Metaspace, WordPiece, BPEDecoder, CTC or Sequence");
}

}  // namespace

std::unique_ptr<Decoder> read_decoder(const JsonNode& node) {
  try {
    return read(node, 0);
  } catch (const InputError& error) {
    return std::make_unique<Unknown>(error.what());
  }
}

}  // namespace ablate
