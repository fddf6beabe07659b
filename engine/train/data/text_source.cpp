// [data] source = "text": windows of text files.
//   files = "FILE" | ["FILE", ...]
//   tokenizer = "bytes" | "tokenizer.json"; the checkpoint's own if there is one
//   validation = as files; or validation_share = 0.01 of the tokens, from the end
//   bos, bos_id, registers, random_first, fixed_position, fixed_id: the first tokens of a window (windows.h)
#include "base/error.h"
#include "base/settings.h"
#include "model/checkpoint_files.h"
#include "model/checkpoint_names.h"
#include "train/data/paths.h"
#include "train/data/text_files.h"
#include "train/data/text_tokens.h"

#include <fmt/format.h>

#include <algorithm>

namespace ablate {
namespace {

namespace fs = std::filesystem;

struct TextOptions {
  std::vector<fs::path> files, validation;
  fs::path tokenizer;
  double validation_share = 0.01;  ///< of the tokens, from the end, when no validation files are given
  WindowOptions windows;
};

/// The ids that the tokenizer has and the model too. Tokenizers may have more: a padding token that no text holds.
std::int64_t ids_of_both(const TextEncoder& encoder, const DataContext& context) {
  return context.vocabulary > 0 ? std::min(encoder.vocabulary, context.vocabulary) : encoder.vocabulary;
}

/// Throws InputError naming the first token of the text that the model does not have.
void require_ids(const TokenSpan& tokens, const TextEncoder& encoder, const DataContext& context, const std::string& where) {
  const std::int64_t known = ids_of_both(encoder, context);
  if (known == encoder.vocabulary) return;
  for (std::int64_t i = 0; i < tokens.size(); ++i)
    require(tokens[i] < known, "{}: token {} is \"{}\", id {}, which a model with vocab_size = {} does not have (its tokenizer has {} ids)",
            where, i, encoder.spelling ? encoder.spelling(tokens[i]) : "", tokens[i], context.vocabulary, encoder.vocabulary);
}

class TextSource : public DataSource {
 public:
  TextSource(const TextOptions& options, const TextEncoder& encoder, const DataContext& context)
      : rule_(options.windows, ids_of_both(encoder, context), context),
        name_(fmt::format("data: {}", options.files.front().string())),
        text_(options.files, encoder, context.note) {
    all_ = train_ = text_.tokens();
    require_ids(all_, encoder, context, name_);
    if (!options.validation.empty()) {
      validation_name_ = fmt::format("data: {}", options.validation.front().string());
      validation_text_.emplace(options.validation, encoder, context.note);
      validation_ = validation_text_->tokens();
      require_ids(validation_, encoder, context, validation_name_);
      return;
    }
    validation_name_ = fmt::format("{} (held-out share of {})", name_, options.validation_share);
    const auto held_out = static_cast<std::int64_t>(static_cast<double>(all_.size()) * options.validation_share);
    train_ = all_.part(0, all_.size() - held_out);
    validation_ = held_out > 0 ? all_.part(all_.size() - held_out, all_.size()) : all_;
  }

  std::int64_t vocabulary_size() const override { return rule_.vocabulary_size(); }
  std::int32_t bos() const override { return rule_.bos(); }

  Batch batch(std::uint64_t step, std::int64_t rows, std::int64_t columns) const override {
    return random_windows(train_, rule_, step, rows, columns, name_);
  }
  Batch validation(std::int64_t rows, std::int64_t columns) const override {
    return fixed_windows(validation_, rule_, rows, columns, Spread::evenly, validation_name_);
  }
  Batch probe(std::int64_t rows, std::int64_t columns) const override {
    return fixed_windows(all_, rule_, rows, columns, Spread::first, name_);
  }

 private:
  WindowRule rule_;
  std::string name_, validation_name_;
  TextTokens text_;
  std::optional<TextTokens> validation_text_;
  TokenSpan all_, train_, validation_;
};

DataOpener read(Settings& data) {
  TextOptions options;
  options.files = read_files(data);
  options.validation = read_paths(data, {"validation", "files held out for validation, one or a list"});
  if (options.validation.empty())
    options.validation_share = data.number<double>(
        {"validation_share", "share of the tokens, from the end, that is held out for validation"}, options.validation_share, 0.0, 0.9);
  options.tokenizer =
      data.get({"tokenizer", "\"bytes\", or the path or name of a tokenizer.json; the checkpoint's own if absent"}, "") == "bytes"
          ? fs::path("bytes")
          : read_tokenizer_path(data, {"tokenizer", "\"bytes\", or the path or name of a tokenizer.json; the checkpoint's own if absent"});
  options.windows = WindowOptions::from(data);
  const std::string where = data.where("tokenizer");
  return [options, where](const DataContext& context) {
    const fs::path tokenizer = options.tokenizer.empty() ? context.tokenizer : options.tokenizer;
    require(!tokenizer.empty(), "{}: expected \"bytes\" or the path of a tokenizer.json", where);
    const bool own = options.tokenizer.empty();
    std::error_code none;
    require(!own || fs::exists(fs::symlink_status(tokenizer, none)),
            "{}: expected \"bytes\" or the path of a tokenizer.json; {} has none: {}", where, tokenizer.parent_path().string(),
            own ? describe_tokenizer_files(tokenizer.parent_path()) : "");
    const TextEncoder encoder = text_encoder(tokenizer);
    for (const auto* files : {&options.files, &options.validation}) check_text_files(*files, encoder.decodes, context.note);
    return std::make_unique<TextSource>(options, encoder, context);
  };
}

const DataSourceRegistration registration{"text", read};

}  // namespace
}  // namespace ablate
