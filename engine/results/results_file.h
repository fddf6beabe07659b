// results.json and results.csv: a row per point, and what the rows say of the claims.
#pragma once

#include "results/claim.h"
#include "results/fingerprint.h"
#include "results/row.h"

#include <filesystem>

namespace ablate {

/// The rows of a results.json. Throws InputError naming the file.
struct Results {
  std::string experiment;
  std::vector<Row> rows;
  std::vector<Claim> claims = {};
};
Results read_results(const std::filesystem::path& path);
/// Writes results.json and results.csv into `folder`; the claims with what the rows say of them.
void write_results(const std::filesystem::path& folder, const Results& results);

/// A point's own row.json: its row, with the settings that made it.
void write_row(const std::filesystem::path& file, const Row& row, const Fingerprint& settings);
std::pair<Row, Fingerprint> read_row(const std::filesystem::path& file);
/// The row alone, whatever made it. All throw InputError naming the file.
Row read_row_only(const std::filesystem::path& file);

/// JSON text of a table or of metrics: one line if `indent` is negative.
std::string to_json(const Value& value, int indent = 2);
std::string to_json(const Metrics& metrics, int indent = -1);

}  // namespace ablate
