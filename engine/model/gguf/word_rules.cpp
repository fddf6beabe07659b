// How byte-level tokenizers cut text into words, by the names that llama.cpp gives the rules; as the tokenizer.json of those models says.
#include "model/gguf/tokenizer_kinds.h"

namespace ablate {
namespace {

constexpr const char* gpt2 = R"({"type": "ByteLevel", "use_regex": true})";
constexpr const char* digits_apart = R"({"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": true},
  {"type": "ByteLevel", "use_regex": true}]})";
constexpr const char* llama3 =
    R"({"type": "Sequence", "pretokenizers": [{"type": "Split", "behavior": "Isolated", "invert": false, "pattern": {"Regex":
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}},
  {"type": "ByteLevel", "use_regex": false}]})";
constexpr const char* qwen2 =
    R"({"type": "Sequence", "pretokenizers": [{"type": "Split", "behavior": "Isolated", "invert": false, "pattern": {"Regex":
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}},
  {"type": "ByteLevel", "use_regex": false}]})";
constexpr const char* nfc = R"({"type": "NFC"})";

const GgufWordRules::Registration rules[] = {
    {"gpt-2", {gpt2}},
    {"phi-2", {gpt2}},
    {"olmo", {gpt2, nfc}},
    {"smollm", {digits_apart}},
    {"starcoder", {digits_apart}},
    {"refact", {digits_apart}},
    {"llama-bpe", {.pre_tokenizer = llama3, .ignore_merges = true, .bos = true}},
    {"llama3", {.pre_tokenizer = llama3, .ignore_merges = true, .bos = true}},
    {"qwen2", {qwen2, nfc}},
};

}  // namespace
}  // namespace ablate
