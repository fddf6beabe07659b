// The fingerprints (results/fingerprint.h) of points that are to be run.
#pragma once

#include "experiment/plan.h"
#include "results/fingerprint.h"

namespace ablate {

/// Whether files are read, or only known where they were read before (what they hold is then left open, and is like any content).
enum class FileContents { read, if_known };

/// Of a point of `plan` (whose other points it may refer to). Throws InputError when the point cannot be read, or a file.
Fingerprint fingerprint_of(const Plan& plan, const Point& point, FileContents files = FileContents::read);
/// Of a resolved table.
Fingerprint fingerprint_of_table(const Value& resolved, FileContents files = FileContents::read);

/// Of all points that can be read; files only as far as they were read before.
SweepFingerprints sweep_fingerprints(const Plan& plan);

}  // namespace ablate
