// Values by pairs of ids, for many look-ups of pairs that mostly are not there: one read from memory each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace ablate {

/// A hash table with linear probing; less than half of it is full.
template <class Value>
class PairTable {
 public:
  static constexpr std::uint64_t none = ~std::uint64_t{0};
  using Entry = std::pair<std::uint64_t, Value>;

  /// In place of what `key` had before. Any key but `none`.
  void set(std::uint64_t key, const Value& value) {
    if (2 * (count_ + 1) > entries_.size()) grow();
    Entry& entry = entries_[slot_of(key)];
    if (entry.first == none) ++count_;
    entry = {key, value};
  }

  /// Nothing where the pair has none.
  const Value* find(std::uint64_t key) const {
    if (entries_.empty()) return nullptr;
    const Entry& entry = entries_[slot_of(key)];
    return entry.first == none ? nullptr : &entry.second;
  }

  /// In no order, with entries whose key is `none` between them.
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::size_t slot_of(std::uint64_t key) const {
    const std::size_t mask = entries_.size() - 1;
    std::size_t slot = static_cast<std::size_t>((key * 0x9e3779b97f4a7c15ull) >> 32) & mask;  // Knuth's multiplicative hashing
    while (entries_[slot].first != none && entries_[slot].first != key) slot = (slot + 1) & mask;
    return slot;
  }

  void grow() {
    std::vector<Entry> old(entries_.empty() ? 16 : 2 * entries_.size(), Entry{none, Value{}});
    old.swap(entries_);
    for (const Entry& entry : old) {
      if (entry.first != none) entries_[slot_of(entry.first)] = entry;
    }
  }

  std::vector<Entry> entries_;
  std::size_t count_ = 0;
};

}  // namespace ablate
