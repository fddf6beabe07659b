// Writes GGUF files for tests: a Llama of any storage format.
#pragma once

#include "support/block_reference.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace ablate::test {

class GgufFileWriter {
 public:
  void text(std::string_view key, std::string_view value) { put_key(key, 8), put_text(metadata_, value); }
  void number(std::string_view key, std::uint32_t value) { put_key(key, 4), put(metadata_, value); }
  void real(std::string_view key, float value) { put_key(key, 6), put(metadata_, value); }
  /// `dims`: innermost first.
  void tensor(std::string_view name, const std::vector<std::uint64_t>& dims, std::uint32_t type, const std::vector<std::uint8_t>& bytes) {
    put_text(table_, name);
    put(table_, static_cast<std::uint32_t>(dims.size()));
    for (const std::uint64_t dim : dims) put(table_, dim);
    put(table_, type);
    put(table_, static_cast<std::uint64_t>(data_.size()));
    data_.insert(data_.end(), bytes.begin(), bytes.end());
    data_.resize((data_.size() + 31) / 32 * 32);
    ++tensors_;
  }

  void write(const std::filesystem::path& path) const {
    std::string head = "GGUF";
    put(head, std::uint32_t{3}), put(head, tensors_), put(head, entries_);
    head += metadata_ + table_;
    head.resize((head.size() + 31) / 32 * 32);
    std::ofstream out(path, std::ios::binary);
    out << head;
    out.write(reinterpret_cast<const char*>(data_.data()), static_cast<std::streamsize>(data_.size()));
  }

 private:
  template <class T>
  static void put(std::string& to, T value) {
    char bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    to.append(bytes, sizeof(T));
  }
  static void put_text(std::string& to, std::string_view text) { put(to, static_cast<std::uint64_t>(text.size())), to += text; }
  void put_key(std::string_view key, std::uint32_t type) { put_text(metadata_, key), put(metadata_, type), ++entries_; }

  std::string metadata_, table_;
  std::vector<std::uint8_t> data_;
  std::uint64_t tensors_ = 0, entries_ = 0;
};

/// A Llama of one layer whose matrices are all in one format: 256 channels, 4 heads (2 of keys and values), 512 feed-forward channels, 96 tokens, head and embedding
/// the same. `change` may spoil the blocks of a tensor.
inline void write_stored_llama(const std::filesystem::path& path, const BlockReference& format,
                               const std::function<void(const std::string& tensor, std::vector<Block>& blocks)>& change = {}) {
  GgufFileWriter file;
  file.text("general.architecture", "llama");
  file.number("general.quantization_version", 2);
  for (const auto& [key, value] : std::vector<std::pair<const char*, std::uint32_t>>{{"block_count", 1},
                                                                                     {"context_length", 64},
                                                                                     {"embedding_length", 256},
                                                                                     {"feed_forward_length", 512},
                                                                                     {"attention.head_count", 4},
                                                                                     {"attention.head_count_kv", 2}})
    file.number(std::string("llama.") + key, value);
  file.real("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  unsigned seed = 1;
  const auto matrix = [&](const std::string& name, std::uint64_t rows, std::uint64_t columns) {
    std::vector<Block> blocks = usual_blocks(format, rows * columns / format.values, ++seed);
    if (change) change(name, blocks);
    file.tensor(name, {columns, rows}, format.number, joined(blocks));
  };
  const auto norm = [&](const std::string& name) {
    std::vector<std::uint8_t> bytes(1024);
    for (std::size_t i = 0; i < 256; ++i) {
      const float value = 1 + static_cast<float>(i % 7) / 16;
      std::memcpy(&bytes[4 * i], &value, 4);
    }
    file.tensor(name, {256}, 0, bytes);
  };
  matrix("token_embd.weight", 96, 256);
  norm("output_norm.weight"), norm("blk.0.attn_norm.weight"), norm("blk.0.ffn_norm.weight");
  matrix("blk.0.attn_q.weight", 256, 256), matrix("blk.0.attn_k.weight", 128, 256), matrix("blk.0.attn_v.weight", 128, 256);
  matrix("blk.0.attn_output.weight", 256, 256);
  matrix("blk.0.ffn_gate.weight", 512, 256), matrix("blk.0.ffn_up.weight", 512, 256), matrix("blk.0.ffn_down.weight", 256, 512);
  file.write(path);
}

}  // namespace ablate::test
