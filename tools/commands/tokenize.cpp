// ablate tokenize: text to token ids and back with a tokenizer.json.
#include "command.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "model/checkpoint_names.h"
#include "model/tokenizer.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <memory>
#include <sstream>

namespace ablate {
namespace {

using nlohmann::json;
using Ids = std::vector<std::int32_t>;

struct Options {
  std::string tokenizer;
  std::string text;
  std::string file;
  bool is_file = false;
  bool decode = false;
  bool no_special = false;
  bool keep_special = false;
};

template <class T>
T as(const json& value, const std::string& name, const char* expected) {
  try {
    return value.get<T>();
  } catch (const json::exception&) {
    bad_input("{}: expected {}", name, expected);
  }
}

/// "1 2 3", "1,2,3" or "[1, 2, 3]".
Ids ids_of(std::string text) {
  for (char& c : text) {
    if (c == ',' || c == '[' || c == ']') c = ' ';
  }
  Ids ids;
  std::istringstream words(text);
  for (std::int32_t id = 0; words >> id;) ids.push_back(id);
  require(words.eof(), "--text: expected token ids, as in \"1, 2, 3\"");
  return ids;
}

json run_file(const Tokenizer& tokenizer, const Options& options) {
  const json items = parse_json<json>(read_text(options.file), options.file);
  require(items.is_array(), "{}: expected an array of {}", options.file, options.decode ? "arrays of token ids" : "strings");
  json results = json::array();
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string name = fmt::format("{}: [{}]", options.file, i);
    if (options.decode) {
      results.push_back(tokenizer.decode(as<Ids>(items[i], name, "an array of token ids"), !options.keep_special));
    } else {
      results.push_back(tokenizer.encode(as<std::string>(items[i], name, "a string"), !options.no_special));
    }
  }
  return results;
}

int tokenize(const Options& options) {
  const Tokenizer tokenizer = Tokenizer::load(find_tokenizer(options.tokenizer, options.tokenizer, "--tokenizer"));
  if (options.is_file) {
    fmt::print("{}\n", run_file(tokenizer, options).dump());
  } else if (options.decode) {
    fmt::print("{}\n", tokenizer.decode(ids_of(options.text), !options.keep_special));
  } else {
    fmt::print("{}\n", json(tokenizer.encode(options.text, !options.no_special)).dump());
  }
  return 0;
}

const CommandRegistration registration{
    {"tokenize", "Turn text into token ids, or back", [](CLI::App& app) {
       const auto options = std::make_shared<Options>();
       app.add_option("--tokenizer", options->tokenizer,
                      "A tokenizer.json, a GGUF file, a model's folder, or its name in the Hugging Face cache")
           ->required();
       auto* input = app.add_option_group("input", "What to turn");
       input->add_option("--text", options->text, "One text; with --decode, token ids");
       auto* file = input->add_option("--json", options->file, "A JSON file with an array of texts; with --decode, of arrays of token ids");
       input->require_option(1);
       auto* decode = app.add_flag("--decode", options->decode, "Turn token ids into text");
       app.add_flag("--no-special", options->no_special, "Do not add the post-processor's special tokens")->excludes(decode);
       app.add_flag("--keep-special", options->keep_special, "Keep special tokens in decoded text")->needs(decode);
       return [options, file] {
         options->is_file = file->count() > 0;
         return tokenize(*options);
       };
     }}};

}  // namespace
}  // namespace ablate
