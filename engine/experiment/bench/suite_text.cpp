#include "base/error.h"
#include "base/file.h"
#include "experiment/bench/suite.h"
#include "results/json.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace ablate {
namespace {

std::string figure_text(double figure) {
  if (figure >= 1e6) return fmt::format("{:.2f}M", figure * 1e-6);
  if (figure >= 1e3) return fmt::format("{:.4g}k", figure * 1e-3);
  return figure >= 100 ? fmt::format("{:.0f}", figure) : fmt::format("{:.3g}", figure);
}

std::string peers_text(const std::vector<Peer>& peers) {
  std::vector<std::string> texts;
  for (const Peer& peer : peers) texts.push_back(fmt::format("{} {}", peer.name, figure_text(peer.figure)));
  return fmt::format("{}", fmt::join(texts, ", "));
}

using Line = std::vector<std::string>;

const Line head{"what", "unit", "published", "peers here", "asked", "ours", "reached", "how"};

Line line_of(const SuiteResult& r) {
  Line line{r.row.what, r.row.unit, peers_text(r.row.published), peers_text(r.measured)};
  line.push_back(r.row.asked ? (r.row.at_most ? "<= " : "") + figure_text(*r.row.asked) : "");
  line.push_back(r.failure.empty() ? figure_text(r.ours.value) : "-");
  line.push_back(!r.failure.empty() ? "not run"
                 : !r.row.asked     ? ""
                 : r.reached()      ? "yes"
                                    : fmt::format("no, {:.0f} %", 100 * r.ours.value / *r.row.asked));
  line.push_back(r.failure.empty() ? r.ours.how : r.failure);
  return line;
}

// Aligned, without the columns that hold nothing.
std::string table_of(const std::vector<Line>& lines) {
  std::vector<std::size_t> widths(head.size());
  for (const Line& line : lines)
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  std::string text;
  const auto add = [&](const Line& line) {
    std::string row;
    for (std::size_t i = 0; i < line.size(); ++i)
      if (widths[i] > 0) row += fmt::format("{:<{}}  ", line[i], std::max(widths[i], head[i].size()));
    text += row.substr(0, row.find_last_not_of(' ') + 1) + "\n";
  };
  add(head);
  for (const Line& line : lines) add(line);
  return text;
}

// A bar for every row of a suite that asks for nothing, longest for the largest figure: how speed follows from the work.
std::string bars_of(const std::vector<SuiteResult>& results) {
  double largest = 0;
  std::size_t width = 0;
  for (const SuiteResult& r : results) {
    if (r.row.asked || r.row.unit != results[0].row.unit) return "";
    largest = std::max(largest, r.ours.value), width = std::max(width, r.row.what.size());
  }
  std::string text;
  for (const SuiteResult& r : results) {
    const auto length = static_cast<std::size_t>(largest > 0 ? 60 * r.ours.value / largest : 0);
    text += fmt::format("{:<{}}  {} {}\n", r.row.what, width, std::string(length, '#'), figure_text(r.ours.value));
  }
  return "\n" + text;
}

Json peers_to_json(const std::vector<Peer>& peers) {
  Json json = Json::object();
  for (const Peer& peer : peers) json[peer.name] = peer.figure;
  return json;
}

}  // namespace

MeasuredPeers read_peers(const std::filesystem::path& file) {
  const Json json = Json::parse(read_text(file), nullptr, false);
  require(json.is_object() && json.contains("rows") && json["rows"].is_object(), "{}: expected {{\"device\": ..., \"rows\": {{...}}}}",
          file.string());
  MeasuredPeers peers{json.value("device", "an unnamed device"), {}};
  for (const auto& [id, figures] : json["rows"].items()) {
    require(figures.is_object(), "{}: rows.{}: expected an object of figures", file.string(), id);
    auto& row = peers.rows.emplace_back(id, std::vector<Peer>{}).second;
    for (const auto& [name, figure] : figures.items())
      if (figure.is_number()) row.push_back({name, figure.get<double>()});
  }
  return peers;
}

std::string format_suite(const Suite& suite, const std::vector<SuiteResult>& results, const MeasuredPeers& peers, const Caps& caps) {
  std::vector<Line> lines;
  for (const SuiteResult& result : results) lines.push_back(line_of(result));
  std::string text = fmt::format("{}\nours: {}, {} {}\n", suite.title, caps.device_name, caps.driver_name, caps.driver_info);
  if (!suite.device.empty()) text += fmt::format("published: {}\n", suite.device);
  if (!peers.rows.empty()) text += fmt::format("peers here: {}\n", peers.device);
  text += table_of(lines) + bars_of(results);
  const auto asked = std::count_if(results.begin(), results.end(), [](const SuiteResult&r) { return r.row.asked.has_value(); }),
             reached = std::count_if(results.begin(), results.end(), [](const SuiteResult&r) { return r.reached(); });
  return text + (asked > 0 ? fmt::format("{} of {} figures reached\n", reached, asked) : "");
}

std::string suite_to_json(const Suite& suite, const std::vector<SuiteResult>& results, const MeasuredPeers& peers, const Caps& caps) {
  Json file;
  file["suite"] = suite.title;
  file["device"] = {{"name", caps.device_name}, {"driver", caps.driver_name}, {"driver_info", caps.driver_info}, {"masked", caps.masked}};
  if (!suite.device.empty()) file["published_device"] = suite.device;
  if (!peers.rows.empty()) file["peers_device"] = peers.device;
  file["rows"] = Json::array();
  for (const SuiteResult& r : results) {
    Json row = {{"id", r.row.id}, {"what", r.row.what}, {"unit", r.row.unit}, {"published", peers_to_json(r.row.published)}};
    if (!peers.rows.empty()) row["peers"] = peers_to_json(r.measured);
    row["asked"] = r.row.asked ? Json(*r.row.asked) : Json();
    if (r.row.at_most) row["at_most"] = true;
    row["ours"] = r.failure.empty() ? Json(r.ours.value) : Json();
    if (r.row.asked) row["reached"] = r.reached();
    row[r.failure.empty() ? "how" : "failure"] = r.failure.empty() ? r.ours.how : r.failure;
    file["rows"].push_back(std::move(row));
  }
  return file.dump(1) + "\n";
}

}  // namespace ablate
