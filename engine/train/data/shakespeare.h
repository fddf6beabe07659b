// Built-in statistics for the bigram-backcopy task.
#pragma once

#include "train/data/bigram_task.h"

namespace ablate {

/// What bigram_statistics gives for "tiny Shakespeare", the text of the published runs (65 characters). The copy that was counted lacks six
/// line ends of the original's 1,115,394 characters.
BigramStatistics shakespeare();

}  // namespace ablate
