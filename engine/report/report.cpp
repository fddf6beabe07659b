#include "report/report.h"

#include "base/file.h"
#include "report/sections.h"
#include "report/text.h"

#include <fmt/core.h>

#include <algorithm>

namespace ablate::report {
namespace {

/// The run's title; for several "Title: one, other", or their labels where the titles differ.
std::string title_of(std::span<const Run> runs) {
  std::string labels;
  bool same_title = true;
  for (const Run& run : runs) {
    labels.append(labels.empty() ? "" : " · ").append(run.label);
    same_title = same_title && run.title == runs[0].title;
  }
  return runs.size() == 1 ? runs[0].title : same_title ? runs[0].title + " — " + labels : labels;
}

/// "24 of 24 points done on NVIDIA H200".
std::string progress_of(std::span<const Run> runs) {
  std::string text;
  for (const Run& run : runs) {
    const auto done = std::count_if(run.rows.begin(), run.rows.end(), [](const Row& row) { return row.state == Row::State::done; });
    text.append(text.empty() ? "" : " · ").append(run.label).append(run.label.empty() ? "" : ": ");
    text += fmt::format("{} of {} {} done", done, run.rows.size(), run.rows.size() == 1 ? "point" : "points");
    for (const auto& [name, value] : run.facts)
      if (name == "Device") text += " on " + value;
  }
  return text;
}

/// Loads the page again; a browser that runs scripts stays where it was read.
constexpr const char* loads_again =
    "<script>setTimeout(function () { location.reload(); }, 10000);</script>\n<noscript><meta http-equiv=\"refresh\" "
    "content=\"10\"></noscript>\n";

std::string header(const Document& document, bool live) {
  const char* going_on = live ? " · still running, this page follows" : "";
  std::string text = element("p", {{"class", "over"}}, escape("Ablate · " + progress_of(document.runs) + going_on));
  text += element("h1", {}, escape(title_of(document.runs)));
  for (const Run& run : document.runs)
    if (!run.description.empty() &&
        (document.runs.size() == 1 || &run == &document.runs.front() || run.description != document.runs.front().description))
      text += element("p", {{"class", "summary"}}, escape(run.description));
  for (const Family& family : document.families) {
    const std::string found = finding(family.headline);
    const std::string name = family.name.empty() ? "" : family.name + ": ";
    if (!found.empty()) text += element("p", {{"class", "finding"}}, escape(name + found));
  }
  return text;
}

/// Links to the sections that are there.
std::string navigation(const std::string& content) {
  struct Entry {
    const char *id, *name;
  };
  constexpr Entry entries[] = {{"claims", "Claims"},   {"results", "Results"},       {"effects", "Effects"},
                               {"curves", "Training"}, {"life-cycle", "Life cycle"}, {"heads", "Sink heads"},
                               {"figures", "Figures"}, {"numbers", "All numbers"},   {"made", "How it was made"}};
  std::string links;
  for (const Entry& entry : entries)
    if (content.find(fmt::format("<section id=\"{}\">", entry.id)) != std::string::npos)
      links += fmt::format("<a href=\"#{}\">{}</a>", entry.id, entry.name);
  return element("nav", {{"aria-label", "On this page"}}, links);
}

}  // namespace

std::string report_html(std::span<const Run> runs, bool live) {
  const Document document(runs);
  std::string content = scoreboard(document) + missing_notice(document);
  for (const auto part : {sweep_table, effects, training_curves, life_cycle, sink_heads, probe_figures, all_numbers, run_card})
    content += part(document);
  const std::string head = fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, "
      "initial-scale=1\">\n"
      "<title>{}</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>{}</style>\n{}</head>\n",
      escape(title_of(runs)), style(), live ? loads_again : "");
  return head + "<body>\n<main>\n<header>" + header(document, live) + navigation(content) + "</header>\n" + content + "</main>\n<script>" +
         std::string(script()) + "</script>\n</body>\n</html>\n";
}

void write_report(const std::filesystem::path& folder, bool live) {
  Run run = read_run(folder);
  tell_what_is_missing(run);
  write_atomically(folder / "report.html", report_html({&run, 1}, live));
}

}  // namespace ablate::report
