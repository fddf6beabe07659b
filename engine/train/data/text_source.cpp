// [data] source = "text": windows of text files.
//   files = "FILE" | ["FILE", ...]: names, patterns and folders (data_files.h) of .txt and .jsonl, also .gz and .zst (documents.h)
//   field = "text": of a line of JSON
//   document_start_id, document_end_id: before and behind every document
//   tokenizer = "bytes" | "tokenizer.json"; the checkpoint's own if there is one
//   validation = as files; or validation_share = 0.01 of the tokens, from the end
//   order = "random" | "epochs"; bos, bos_id, registers, random_first, fixed_position, fixed_id: the first tokens of a window (windows.h)
#include "base/error.h"
#include "base/settings.h"
#include "model/checkpoint_files.h"
#include "model/checkpoint_names.h"
#include "train/data/data_files.h"
#include "train/data/documents.h"
#include "train/data/text_tokens.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace ablate {
namespace {

namespace fs = std::filesystem;

struct TextOptions {
  DataFiles files, validation;
  TextRules rules;
  fs::path tokenizer;
  double validation_share = 0.01;  ///< of the tokens, from the end, when no validation files are given
  WindowOptions windows;
};

/// Those of the tokenizer, and the marks of documents.
std::int64_t ids_of_text(const TextEncoder& encoder, const TextRules& rules) {
  return std::max<std::int64_t>({encoder.vocabulary, rules.start_id + std::int64_t{1}, rules.end_id + std::int64_t{1}});
}

/// The ids that the text may have and the model too. Tokenizers may have more: a padding token that no text holds.
std::int64_t ids_of_both(std::int64_t ids, const DataContext& context) {
  return context.vocabulary > 0 ? std::min(ids, context.vocabulary) : ids;
}

/// Throws InputError naming the first token of the text that the model does not have.
void require_ids(const TextTokens& text, const TextEncoder& encoder, const DataContext& context, const std::string& where) {
  const std::int64_t known = ids_of_both(encoder.vocabulary, context);
  if (known == encoder.vocabulary || text.greatest().value_or(std::numeric_limits<std::int32_t>::max()) < known) return;
  const TokenSpan tokens = text.tokens();
  for (std::int64_t i = 0; i < tokens.size(); ++i)
    require(tokens[i] < known, "{}: token {} is \"{}\", id {}, which a model with vocab_size = {} does not have (its tokenizer has {} ids)",
            where, i, encoder.spelling ? encoder.spelling(tokens[i]) : "", tokens[i], context.vocabulary, encoder.vocabulary);
}

class TextSource : public DataSource {
 public:
  TextSource(const TextOptions& options, const TextEncoder& encoder, const DataContext& context)
      : rule_(options.windows, ids_of_both(ids_of_text(encoder, options.rules), context), context),
        name_(fmt::format("data: {}", options.files.files.front().string())),
        text_(options.files.files, encoder, options.rules) {
    all_ = train_ = text_.tokens();
    require_ids(text_, encoder, context, name_);
    if (!options.validation.files.empty()) {
      validation_name_ = fmt::format("data: {}", options.validation.files.front().string());
      validation_text_.emplace(options.validation.files, encoder, options.rules);
      validation_ = validation_text_->tokens();
      require_ids(*validation_text_, encoder, context, validation_name_);
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
    return training_windows(train_, rule_, step, rows, columns, name_);
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

/// A folder's Parquet is not left out but refused.
bool is_text_or_refused(const fs::path& file) { return is_text_file(file) || file.extension() == ".parquet"; }

/// Says what of a folder is left out, and how to convert what is no text.
void check_files(const DataFiles& files, const DataContext& context) {
  for (const std::string& line : files.notes)
    if (context.note) context.note(line);
  std::error_code none;
  for (const fs::path& file : files.files) {
    require(!fs::is_directory(file, none), "{}: holds no .txt or .jsonl file, nor one of those with .gz or .zst behind its name",
            file.string());
    require(file.extension() != ".parquet",
            "{0}: Parquet is not read; convert it: python3 -c \"import pandas; pandas.read_parquet('{0}').to_json('{1}', orient='records', "
            "lines=True)\"",
            file.string(), fs::path(file).replace_extension(".jsonl").string());
  }
}

DataOpener read(Settings& data) {
  TextOptions options;
  options.files = read_data_files(data, is_text_or_refused);
  options.validation = read_data_files(data, {"validation", "files held out for validation, as files"}, is_text_or_refused);
  options.rules.field =
      data.get({"field", "of a line of a .jsonl file: which of its strings is the document"}, options.rules.field.c_str());
  if (data.has("document_start_id")) options.rules.start_id = data.number<int>({"document_start_id", "id before every document"}, 0, 0);
  if (data.has("document_end_id")) options.rules.end_id = data.number<int>({"document_end_id", "id behind every document"}, 0, 0);
  const std::string where_marks = data.where(data.has("document_end_id") ? "document_end_id" : "document_start_id");
  if (options.validation.files.empty())
    options.validation_share = data.number<double>(
        {"validation_share", "share of the tokens, from the end, that is held out for validation"}, options.validation_share, 0.0, 0.9);
  options.tokenizer =
      data.get({"tokenizer", "\"bytes\", or the path or name of a tokenizer.json; the checkpoint's own if absent"}, "") == "bytes"
          ? fs::path("bytes")
          : read_tokenizer_path(data, {"tokenizer", "\"bytes\", or the path or name of a tokenizer.json; the checkpoint's own if absent"});
  options.windows = WindowOptions::from(data);
  const std::string where = data.where("tokenizer");
  return [options, where, where_marks](const DataContext& context) {
    for (const DataFiles* files : {&options.files, &options.validation}) check_files(*files, context);
    const fs::path tokenizer = options.tokenizer.empty() ? context.tokenizer : options.tokenizer;
    require(!tokenizer.empty(), "{}: expected \"bytes\" or the path of a tokenizer.json", where);
    const bool own = options.tokenizer.empty();
    std::error_code none;
    require(!own || fs::exists(fs::symlink_status(tokenizer, none)),
            "{}: expected \"bytes\" or the path of a tokenizer.json; {} has none: {}", where, tokenizer.parent_path().string(),
            own ? describe_tokenizer_files(tokenizer.parent_path()) : "");
    const TextEncoder encoder = text_encoder(tokenizer);
    TextOptions settled = options;
    settled.rules.note = context.note, settled.rules.tell = context.tell;
    const std::int32_t mark = std::max(options.rules.start_id, options.rules.end_id);
    require(context.vocabulary == 0 || mark < context.vocabulary, "{}: a vocabulary of {} does not have the id {}", where_marks,
            context.vocabulary, mark);
    return std::make_unique<TextSource>(settled, encoder, context);
  };
}

const DataSourceRegistration registration{"text", read};

}  // namespace
}  // namespace ablate
