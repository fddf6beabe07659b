// `ablate fetch`: the only thing of the engine that uses a network.
#pragma once

#include "base/huggingface_cache.h"
#include "fetch/hub.h"

#include <filesystem>

namespace ablate {

/// Downloads what a model needs to be read (config.json, the tokenizer's files, model.safetensors or its shards with their index) into the Hugging Face
/// cache, laid out as that of its own tools, and returns the snapshot's folder. Files that are there are not downloaded again; a revision's name stands for
/// the new commit once all of its files are there. Throws FetchError, WriteError, Interrupted.
std::filesystem::path fetch_model(const HubServer& server, const HubName& name);

}  // namespace ablate
