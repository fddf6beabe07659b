// What an experiment says it shows, and whether its results bear it out.
//
//   [[claim]]
//   text = "Sandwich norms lower the spike at least threefold"
//   holds = "spike('sandwich') < spike('pre-norm') / 3"      # a formula (formula.h) over metrics of rows
//   paper = "arXiv 2603.05498, Table 5"                      # optional: who says so
//   model = "planted"                                        # optional: made of this model only, a preset or "checkpoint"
//   optional = true                                          # made only where the experiment has all its rows: of checkpoints that the user chooses
//
// A metric that is a list is asked for one of its numbers, the first is 0: spike_per_state[2]('pre-norm'), sink_score[0][3]('pre-norm').
// A row is called by its variant's name, or by its label without the seed ("sandwich, lr=0.001").
//
// The rule. Each comparison is made per seed, over the seeds that all its rows have; the margin is how far the two sides are apart in the
// claimed direction. One seed: it holds when the margin is positive (or zero, for <= and >=), else it fails. Two seeds: it holds when it
// does for both, fails when it does for neither, else it is open. More: it holds when the mean margin exceeds two standard errors of the
// mean, fails when it does so the other way, else it is open. "and" and "or" combine these as they do truth values of which some are unknown.
// Whatever cannot be computed (a row that failed or was not run, for any of the seeds that the plan has; several rows of one name and seed; a
// metric that a row does not have or that is not finite; a result on the way that is not finite, a division by zero) makes the whole claim
// open.
#pragma once

#include "base/formula.h"
#include "base/settings.h"

#include <span>
#include <string>
#include <utility>
#include <vector>

namespace ablate {

struct Row;
struct Value;

struct Claim {
  std::string text, holds, paper;
  std::string where;                    ///< place in the file of `holds`
  std::vector<std::string> needs = {};  ///< labels of all rows that it speaks of, those of every seed; empty where the plan is not known
  std::string model = "";               ///< the only one that it is about: a preset, or "checkpoint"; empty: whatever its rows have
  std::string model_where = "";         ///< place in the file of `model`
  bool optional = false;                ///< left out where the plan lacks one of its rows
};

enum class Verdict { holds, fails, open };
std::string to_text(Verdict verdict);  ///< "holds", "fails", "open"

struct Judgement {
  Verdict verdict = Verdict::open;
  std::string reason;      ///< why it is open
  int seeds = 0;           ///< that decided it; 0 when nothing could be compared
  std::string comparison;  ///< the one that decided: "spike('sandwich') < spike('pre-norm') / 3"
  double left, right;      ///< its sides, means over seeds; NaN when they cannot be computed
};

/// The [[claim]] tables of an experiment's top level. Throws InputError for wrong keys, types and grammar, and for comparisons that come out
/// the same whatever the rows say.
std::vector<Claim> read_claims(const Value& experiment);

/// The keys of one [[claim]], taken as they are.
Claim read_claim(Settings& table);

/// `rows` may be fewer than the plan's.
Judgement judge(const Claim& claim, std::span<const Row> rows);

/// Whether a claim that says `called` means the row, or point, of this variant and label.
bool is_called(const std::string& called, const std::string& name, const std::string& label,
               const std::vector<std::pair<std::string, Value>>& swept);

/// The metrics that a claim speaks of, each with its row, in the order written.
std::vector<Formula> metrics_of(const Claim& claim);

/// The names of the rows that a claim speaks of, as it writes them.
std::vector<std::string> rows_of(const Claim& claim);

/// "spike('sandwich') < spike('pre-norm') / 3: 12.1 against 24, 3 seeds", or why nothing could be compared.
std::string sides_of(const Judgement& judgement);

/// "21 of 24 claims hold, 1 fails, 2 open"
std::string score_of(std::span<const Verdict> verdicts);

/// For the terminal: two lines for each, with verdict, text, sides and seeds, and at the end the score. Empty without claims.
std::string format_claims(const std::vector<Claim>& claims, std::span<const Row> rows);

}  // namespace ablate
