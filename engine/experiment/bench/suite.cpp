#include "experiment/bench/suite.h"

#include "base/registry.h"

namespace ablate {
namespace {

using Suites = Registry<std::function<Suite(const Caps&)>>;

}  // namespace

SuiteRegistration::SuiteRegistration(const std::string& name, std::function<Suite(const Caps&)> suite) {
  Suites::all()[name] = std::move(suite);
}

Suite find_suite(const std::string& name, const Caps& caps) { return Suites::find("suite", name)(caps); }

const std::vector<Peer>& MeasuredPeers::of(const std::string& id) const {
  static const std::vector<Peer> none;
  for (const auto& [row, peers] : rows)
    if (row == id) return peers;
  return none;
}

SuiteResult measure(const SuiteContext& context, const SuiteRow& row, const MeasuredPeers& peers) {
  SuiteResult result{row, {}, peers.of(row.id), ""};
  try {
    result.ours = row.measure(context);
  } catch (const std::exception& error) {
    result.failure = error.what();
  }
  return result;
}

}  // namespace ablate
