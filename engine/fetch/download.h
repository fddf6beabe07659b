// One file of the Hub into the cache.
#pragma once

#include "fetch/hub.h"
#include "fetch/progress.h"

#include <filesystem>

namespace ablate {

/// Where a file lies while it is not whole. What is there of an earlier download that was stopped is gone on from.
std::filesystem::path incomplete_of(const std::filesystem::path& blob);

/// Downloads `file` to `blob`, which appears there when it is whole and its digest is right. An answer that breaks off is asked for the rest, three times. Throws FetchError, WriteError, and
/// Interrupted when a signal asks to stop; what has arrived stays for the next time, except where its digest is wrong.
void download(Hub& hub, const HubRevision& revision, const HubFile& file, const std::filesystem::path& blob, DownloadProgress& progress);

}  // namespace ablate
