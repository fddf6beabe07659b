// The ids of a batch of documents, on all cores.
#pragma once

#include "train/data/corpus.h"

#include <filesystem>
#include <vector>

namespace ablate {

/// Ids in order, in pieces of packed bytes; what they add to a record.
struct EncodedBatch {
  std::vector<std::vector<std::byte>> ids;
  BatchRecord record;
};

/// Throws InputError for the first document, in their order, that cannot be read.
EncodedBatch encode_batch(const DocumentBatch& batch, const std::vector<std::filesystem::path>& files, const TextEncoder& encoder,
                          int width, const TextRules& rules);

}  // namespace ablate
