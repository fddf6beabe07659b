// The pieces of a report: text, ticks, charts, comparisons.
#include "base/error.h"
#include "report/comparison.h"
#include "report/plot.h"
#include "report/report.h"
#include "report/sections.h"
#include "report/text.h"
#include "results/figure_json.h"
#include "results/json.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using namespace ablate;
using namespace ablate::report;

namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

std::vector<std::string> labels(const Scale& scale, int count) {
  std::vector<std::string> out;
  for (const Tick& tick : scale.ticks(count))
    if (!tick.label.empty()) out.push_back(tick.label);
  return out;
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

report::Row row_of(const std::string& group, double loss, double spike, double paper_spike) {
  report::Row row;
  row.state = report::Row::State::done;
  row.id = row.group = group;
  row.metrics = {{"loss", loss}, {"spike", spike}};
  row.reference = {{"spike", paper_spike}};
  return row;
}

}  // namespace

TEST_CASE("text that means something to HTML is escaped, control characters are dropped") {
  CHECK(escape("<b a=\"x\" c='y'>&amp;\x01\x7f") == "&lt;b a=&quot;x&quot; c=&#39;y&#39;&gt;&amp;amp;");
  CHECK(escape("Größe ≥ 3\n") == "Größe ≥ 3\n");
  CHECK(element("td", {{"title", "\"><script>"}, {"class", ""}}, "x") == "<td title=\"&quot;&gt;&lt;script&gt;\">x</td>");
}

TEST_CASE("numbers read well") {
  CHECK(number(0.0) == "0");
  CHECK(number(3817.6) == "3818");
  CHECK(number(42365) == "42\u202f365");
  CHECK(number(-1234567) == "−1\u202f234\u202f567");
  CHECK(number(23.94) == "23.9");
  CHECK(number(0.0417) == "0.042");
  CHECK(number(1.5e-5) == "1.5e−5");
  CHECK(number(missing) == "–");
  CHECK(number(3.3, 3) == "3.300");
  CHECK(number(-0.0001, 1) == "−1e−4");
  CHECK(number(-0.04, 1) == "0.0");
  CHECK(number(75.46, 1) == "75.5");
  CHECK(number(1922.4, 1) == "1922");
  CHECK(number(300.2, 1) == "300");
  CHECK(number(181.27, 2) == "181.3");
  CHECK(short_number(20e6) == "20M");
  CHECK(short_number(15000) == "15k");
  CHECK(short_number(0.05) == "0.05");
  CHECK(px(1.0 / 3) == "0.33");
  CHECK(px(-0.001) == "0");
  CHECK(duration(95) == "1 min 35 s");
  CHECK(duration(7300) == "2 h 1 min");
  CHECK(shortened("größer", 4) == "grö…");
  CHECK(shortened("größer", 6) == "größer");
}

TEST_CASE("ticks stand at round values") {
  CHECK(labels(Scale({false, 0, 82e6}, 0, 1), 4) == std::vector<std::string>{"0", "20M", "40M", "60M", "80M"});
  CHECK(labels(Scale({false, -0.31, 0.42}, 0, 1), 4) == std::vector<std::string>{"−0.2", "0", "0.2", "0.4"});
  CHECK(labels(Scale({false, 0, 20000}, 0, 1), 4) == std::vector<std::string>{"0", "5k", "10k", "15k", "20k"});
  CHECK(labels(Scale({false, 0, 4000}, 0, 1), 4) == std::vector<std::string>{"0", "1000", "2000", "3000", "4000"});
  CHECK(labels(Scale({true, 0.3, 120}, 0, 1), 4) == std::vector<std::string>{"1", "10", "100"});
  CHECK(labels(Scale({true, 4, 90}, 0, 1), 4) == std::vector<std::string>{"5", "10", "20", "50"});
  CHECK(labels(Scale({true, 1e-9, 1e9}, 0, 1), 4).size() <= 6);
  CHECK(Scale({false, 0, 3}, 0, 1).ticks(8, true).size() == 4);
  CHECK(labels(Scale({true, 0.9, 1.2}, 0, 1), 4).size() >= 3);
}

TEST_CASE("a scale maps ends to ends, and survives a single value") {
  const Scale log({true, 1, 100}, 0, 200);
  CHECK(log(1) == doctest::Approx(0));
  CHECK(log(10) == doctest::Approx(100));
  CHECK(log(100) == doctest::Approx(200));
  CHECK_FALSE(log.shows(0));
  CHECK_FALSE(log.shows(missing));
  Range one;
  one.include(5);
  const Scale flat(one, 0, 100);
  CHECK(flat(5) == doctest::Approx(50));
  CHECK(std::isfinite(Scale({}, 0, 100)(0.5)));
}

TEST_CASE("a range takes what an axis can show") {
  Range range{.log = true};
  range.include({0, -1, missing, 3, INFINITY, 7});
  CHECK(range.low == 3);
  CHECK(range.high == 7);
}

TEST_CASE("a line breaks where a value is missing, and a lonely point stays visible") {
  Plot plot("t", {"x", {false, 0, 5}, {}}, {"y", {false, 0, 5}, {}});
  plot.line({0, 1, 2, 3, 4, 5}, {1, 2, missing, 3, missing, 4}, "s1", "a < b");
  const std::string svg = plot.svg();
  CHECK(count_of(svg, "M") == 1);
  CHECK(count_of(svg, "class=\"dot\"") == 2);
  CHECK(svg.find("<title>a &lt; b</title>") != std::string::npos);
}

TEST_CASE("bars start at zero and thin logs keep their mean") {
  Plot plot("t", {"x", {false, 0, 2}, {}}, {"y", {false, -1, 1}, {}});
  plot.bar(0, 1, 0.5, "s1", "");
  plot.bar(1, 2, -0.5, "s1", "");
  const double zero = plot.y()(0);
  CHECK(plot.svg().find("y=\"" + px(zero) + "\"") != std::string::npos);

  std::vector<double> x(1000), y(1000);
  for (std::size_t i = 0; i < 1000; ++i) x[i] = static_cast<double>(i), y[i] = i % 2 ? 1 : 3;
  const Points thin = thinned(x, y, 100);
  CHECK(thin.x.size() == 100);
  CHECK(thin.y[50] == doctest::Approx(2));
  CHECK(thin.x[0] == doctest::Approx(4.5));
  CHECK(thinned(x, y, 1000).y == y);
}

TEST_CASE("a heat map leaves missing cells empty") {
  const std::string svg = heat_map({"t", "head", "layer", {}, {}, {{0, missing}, {1, 0.5}}, 0, 1});
  CHECK(count_of(svg, "<rect") == 3);
  CHECK(svg.find("layer 1, head 0: 1") != std::string::npos);
  CHECK(svg.find("class=\"q0\"") != std::string::npos);
  CHECK(svg.find("class=\"q11\"") != std::string::npos);
  CHECK(heat_map({"t", "", "", {}, {}, {}, 0, 1}).empty());
}

TEST_CASE("seeds become a mean with its standard deviation, compared with the first row") {
  Run run;
  for (const double spike : {70.0, 74.0, 78.0}) run.rows.push_back(row_of("pre-norm", 3.3, spike, 3818));
  for (const double spike : {36.0, 38.0, 40.0}) run.rows.push_back(row_of("sandwich", 3.305, spike, 520));
  for (const double spike : {75.0, 80.0, 85.0}) run.rows.push_back(row_of("gelu", 3.32, spike, 3369));
  const std::vector<Run> runs{run};
  const std::vector<Group> groups = group_rows(runs);
  REQUIRE(groups.size() == 3);
  const Comparison table = compare(runs, groups, {"loss", "spike"});
  const Cell& first = table.lines[0].cells[1].ours[0];
  CHECK(first.mean == 74);
  CHECK(first.spread == doctest::Approx(4));  // sample standard deviation of 70, 74, 78
  CHECK(first.direction == Direction::unknown);

  const MetricCells& sandwich = table.lines[1].cells[1];
  CHECK(sandwich.ours[0].direction == Direction::down);
  CHECK(sandwich.ours[0].change == "−49 %");  // 38 / 74
  CHECK(sandwich.reference.change == "−86 %");
  CHECK(sandwich.agreement[0] == Agreement::agrees);
  CHECK(table.lines[1].cells[0].ours[0].direction == Direction::none);  // 0.005 nats

  const MetricCells& gelu = table.lines[2].cells[1];
  CHECK(gelu.ours[0].direction == Direction::none);  // +8 % is less than 10 %
  CHECK(gelu.agreement[0] == Agreement::unclear);
  CHECK(table.lines[2].cells[0].ours[0].direction == Direction::up);
  CHECK(table.lines[2].cells[0].ours[0].change == "+0.020");
  CHECK(finding(table) ==
        "Against “pre-norm”: the spike falls most with “sandwich” (74.0 → 38.0). Of 2 changes that the paper reports too, 1 goes its way, "
        "1 cannot be told because one of the two is small.");
}

TEST_CASE("seeds that scatter widen what counts as no change") {
  Run run;
  for (const double spike : {40.0, 100.0}) run.rows.push_back(row_of("a", 3, spike, 1));
  for (const double spike : {60.0, 120.0}) run.rows.push_back(row_of("b", 3, spike, 1));
  const std::vector<Run> runs{run};
  // +20 of 70 would be an arrow; two standard errors of the difference, 2 * sqrt(1800 * (1/2 + 1/2)) = 85, say that it is not.
  CHECK(compare(runs, group_rows(runs), {"spike"}).lines[1].cells[0].ours[0].direction == Direction::none);
}

// Means 70 and 90 of two each that are 2 d apart: two standard errors of the difference are 2 * sqrt(2 d^2 * (1/2 + 1/2)) = 2.83 d.
TEST_CASE("two standard errors of the difference are the border of what is no change") {
  for (const double d : {5.0, 7.0, 7.2, 12.0}) {
    CAPTURE(d);
    Run run;
    for (const double spike : {70 - d, 70 + d}) run.rows.push_back(row_of("a", 3, spike, 1));
    for (const double spike : {90 - d, 90 + d}) run.rows.push_back(row_of("b", 3, spike, 1));
    const std::vector<Run> runs{run};
    CHECK(compare(runs, group_rows(runs), {"spike"}).lines[1].cells[0].ours[0].direction == (d < 7.07 ? Direction::up : Direction::none));
  }
}

TEST_CASE("a row that is not finite somewhere has no share in a mean") {
  for (const char* what : {"non_finite", "non_finite_statistics"}) {
    Run run;
    for (const double spike : {70.0, 74.0, 1e9}) run.rows.push_back(row_of("a", 3, spike, 1));
    run.rows.back().metrics.emplace_back(what, 2.0);
    const std::vector<Run> runs{run};
    const Comparison table = compare(runs, group_rows(runs), {"spike"});
    CHECK(table.lines[0].cells[0].ours[0].mean == 72);
    CHECK(table.lines[0].cells[0].ours[0].count == 2);
  }
}

TEST_CASE("loss and perplexity are one quantity: one column, one change") {
  using Keys = std::vector<std::string>;
  const Keys present{"loss", "perplexity", "train_loss", "spike"};
  CHECK(headline_metrics(present, {"loss"}) == Keys{"loss", "spike"});
  CHECK(headline_metrics(present, {"perplexity"}) == Keys{"perplexity", "spike"});
  CHECK(headline_metrics(present, {"loss", "perplexity", "spike"}) == Keys{"perplexity", "spike"});
  CHECK(headline_metrics(present, {}) == Keys{"loss", "spike"});

  Run run;  // the first line's loss is published, the second's perplexity
  for (const auto& [name, loss] : {std::pair("a", 3.0), std::pair("b", 2.0)}) {
    report::Row row = row_of(name, loss, 1, 1);
    row.metrics = {{"loss", loss}, {"perplexity", std::exp(loss)}};
    run.rows.push_back(row);
  }
  run.rows[0].reference = {{"loss", std::log(20.0)}};
  run.rows[1].reference = {{"perplexity", 10.0}};
  const std::vector<Run> runs{run};
  const std::vector<Group> groups = group_rows(runs);
  const Comparison table = compare(runs, groups, headline_metrics(metrics_present(groups), metrics_with_reference(groups)));
  REQUIRE(table.metrics.size() == 1);
  CHECK(table.lines[0].cells[0].reference.mean == doctest::Approx(20));
  CHECK(table.lines[1].cells[0].agreement[0] == Agreement::agrees);
  CHECK(finding(table) == " Of 1 changes that the paper reports too, 1 goes its way.");
}

TEST_CASE("changes are told as people say them") {
  CHECK(format_change(metric_info("spike"), 100, 1270) == "×13");
  CHECK(format_change(metric_info("spike"), 100, 400) == "×4.0");
  CHECK(format_change(metric_info("sink_ratio"), 0, 3) == "+3.0");
  CHECK(format_change(metric_info("perplexity"), 10.1, 9.8) == "−3.0 %");
  CHECK(direction_of(metric_info("sink_ratio"), 20, 18.5, 0) == Direction::none);
  CHECK(direction_of(metric_info("sink_ratio"), 20, 17.5, 0) == Direction::down);
  CHECK(direction_of(metric_info("sink_ratio"), missing, 17.5, 0) == Direction::unknown);
  CHECK(metric_info("my_metric").label == "My metric");
  CHECK(metric_info("w4a4_loss").label == "W4a4: loss");
  CHECK(metric_info("w4a4_loss").unit == "nats");
  CHECK(metric_info("w4a4_sqnr").label == "W4a4: SQNR");
  CHECK(metric_info("train_loss").label == "Training loss");
}

TEST_CASE("figures keep everything through JSON") {
  Figure figure{"histogram",
                "norms",
                "one per channel",
                {"norm", true, {}},
                {"count", false, {"a"}},
                {{"s", {0, 1, 2}, {4, missing}, {"x", "y"}}},
                {{1.5, "here"}},
                {}};
  const Figure back = figure_from_json(figure_to_json(figure));
  CHECK(figure_to_json(back).dump() == figure_to_json(figure).dump());
  CHECK(back.x.log);
  CHECK(back.series[0].x == std::vector<double>{0, 1, 2});
  CHECK(std::isnan(back.series[0].y[1]));
  CHECK(back.marks[0].label == "here");

  const Metrics metrics{{"loss", 3.0}, {"figures", std::vector<Figure>{figure}}};
  const Metrics read = metrics_from_json(metrics_to_json(metrics));
  REQUIRE(read.find("figures"));
  CHECK(std::get<std::vector<Figure>>(*read.find("figures"))[0].caption == "one per channel");
}

TEST_CASE("a figure may say its axis in one word and leave out x") {
  const Figure figure = figure_from_json(Json::parse(R"({"kind": "line", "title": "t", "x": "rank", "series": [{"y": [5, 6]}]})"));
  CHECK(figure.x.label == "rank");
  CHECK(figure.series[0].x.empty());
}

TEST_CASE("a figure that cannot be drawn is refused by name") {
  const auto refused = [](const char* json, const char* message) {
    CHECK_THROWS_WITH_AS(figure_from_json(Json::parse(json)), doctest::Contains(message), InputError);
  };
  refused(R"({"kind": "pie", "title": "t", "series": [{"y": [1]}]})", "figure \"t\": kind");
  refused(R"({"kind": "scatter", "title": "t", "series": [{"x": [1, 2], "y": [1]}]})", "figure \"t\": x");
  refused(R"({"kind": "histogram", "title": "t", "series": [{"x": [1], "y": [1]}]})", "one edge more");
  refused(R"({"kind": "line", "title": "t"})", "series");
  refused(R"({"kind": "heatmap", "title": "t", "values": [["a"]]})", "values");
  refused(R"({"kind": "line", "title": "t", "series": [{"y": [1, 2], "labels": ["a"]}]})", "labels");
  refused(R"([1])", "a table");
}

TEST_CASE("rows of a group are compared with its own first row, and have charts of their own") {
  std::vector<Run> runs(1);
  runs[0].rows = {row_of("intact", 3, 900, 1000), row_of("zeroed", 3, 90, 100), row_of("baseline", 2, 10, 20), row_of("gate", 2, 5, 40)};
  for (std::size_t i = 0; i < 4; ++i) {
    runs[0].rows[i].family = i < 2 ? "Planted" : "Grown";
    runs[0].rows[i].spike_per_state = {1, 2, 3};
  }
  const Document document(runs);
  REQUIRE(document.families.size() == 2);
  const auto spike = [&](std::size_t family, std::size_t line) -> const MetricCells& {
    const Comparison& table = document.families[family].headline;
    const auto at = std::find_if(table.metrics.begin(), table.metrics.end(), [](const MetricInfo& info) { return info.key == "spike"; });
    return table.lines.at(line).cells.at(static_cast<std::size_t>(at - table.metrics.begin()));
  };
  CHECK(spike(0, 1).ours[0].change == "−90 %");
  CHECK(spike(1, 0).ours[0].change.empty());  // the first of its group, and not compared with another's
  CHECK(spike(1, 0).ours[0].direction == Direction::unknown);
  CHECK(spike(1, 1).ours[0].change == "−50 %");
  CHECK(spike(1, 1).agreement[0] == Agreement::opposite);
  CHECK(document.families[1].groups[0].classes.starts_with("s0 "));  // a baseline's colour

  const std::string page = report_html(runs);
  CHECK(count_of(page, "<h3 class=\"family\">Planted</h3>") == 3);  // results, effects, life cycle
  CHECK(count_of(page, "<h3 class=\"family\">Grown</h3>") == 3);
  CHECK(page.find("Planted: Against “intact”") != std::string::npos);
  CHECK(page.find("Grown: Against “baseline”") != std::string::npos);
}

TEST_CASE("three seeds and more have an interval, two have none") {
  std::vector<Run> runs(1);
  const auto add = [&](const std::string& group, double spike, const std::string& seed) {
    runs[0].rows.push_back(row_of(group, 3, spike, 100));
    runs[0].rows.back().id += seed, runs[0].rows.back().seed = seed;
  };
  for (const char* seed : {"1", "2"}) add("base", 100, seed);
  // Mean 50, standard deviation 10: two standard errors of four are 10.
  add("gate", 50 - std::sqrt(150.0), "1"), add("gate", 50 + std::sqrt(150.0), "2"), add("gate", 50, "3"), add("gate", 50, "4");
  const Document document(runs);
  const auto spike = [&](std::size_t line) { return document.families[0].headline.lines[line].cells.back().ours[0]; };
  CHECK(std::isnan(spike(0).reach()));
  CHECK(spike(1).spread == doctest::Approx(10));
  CHECK(spike(1).reach() == doctest::Approx(10));
  const std::string page = report_html(runs);
  CHECK(count_of(page, "two standard errors around the mean of 4 seeds") == document.families[0].headline.metrics.size());
  CHECK(page.find(">40.0 to 60.0<") != std::string::npos);
  CHECK(count_of(page, "class=\"reach\"") == 1);  // of the gate's spike, the one metric with a published value
}
