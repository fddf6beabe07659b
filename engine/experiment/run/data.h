#pragma once

#include "experiment/run/kind.h"
#include "train/data/source.h"

namespace ablate {

/// Opens the point's `[data]` for a model. `checkpoint` is the folder of the model under study, or empty. run.data says
/// whether random tokens may stand in.
std::unique_ptr<DataSource> open_point_data(PointRun& run, const TransformerConfig& config, const std::filesystem::path& checkpoint);

}  // namespace ablate
