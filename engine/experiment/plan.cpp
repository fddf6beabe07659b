#include "experiment/plan.h"

#include "base/error.h"
#include "base/file.h"
#include "base/settings.h"
#include "experiment/claimed_rows.h"
#include "experiment/collection.h"
#include "experiment/expression.h"
#include "experiment/point_names.h"
#include "experiment/toml.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

namespace ablate {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_points = 20000;

const std::vector<std::string>& top_level_keys() {
  static const std::vector<std::string> keys = [] {
    std::vector<std::string> names{"seed", "report", "shaders", "device", "without"};
    for (const Section& section : sections()) names.push_back(section.name);
    for (const auto& [key, type] : file_keys())
      if (key.name != "include") names.emplace_back(key.name);
    return names;
  }();
  return keys;
}

/// Keys that hold for the whole experiment: no point has a value of its own.
constexpr std::array whole_keys{"claim",   "references", "title",  "description", "sweep",
                                "variant", "extends",    "scales", "device",      "without"};

void check_top_level(const Value& file, const std::string& prefix = "") {
  for (const auto& [key, value] : *file.as<Value::Table>()) {
    const auto& known = top_level_keys();
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    const std::string meant = nearest(key, known);
    bad_input("{}: {}{}: unknown key{}", value.where, prefix, key, meant.empty() ? "" : "; did you mean " + meant + "?");
  }
}

std::string text_at(const Value& table, const std::string& key, const std::string& fallback) {
  const Value* value = find(table, key);
  if (!value) return fallback;
  const auto* text = value->as<std::string>();
  require(text, "{}: {}: expected a string, found {}", value->where, key, type_name(*value));
  return *text;
}

/// Lays one dotted key on `table`.
void lay(Value& table, const std::string& key, const Value& value) {
  Value one{Value::Table{}, value.where, value.order};
  assign(one, key, value);
  merge(table, one);
}

bool is_prefix(std::string_view prefix, std::string_view key) {
  return key.substr(0, prefix.size()) == prefix && (key.size() == prefix.size() || key[prefix.size()] == '.');
}

/// The last name of a path, be it written with a slash at its end or not.
std::string last_part(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  return std::string(path.substr(path.rfind('/') + 1));
}

void read_reference(Point& point, const Value& metrics) {
  Settings settings(metrics, "reference");
  for (const std::string& metric : settings.keys()) {
    const auto known =
        std::find_if(point.reference.begin(), point.reference.end(), [&](const auto& entry) { return entry.first == metric; });
    if (known == point.reference.end()) point.reference.emplace_back(metric, settings.get<double>(metric));
  }
}

/// One file of the `extends` chain, without the keys that only say how files go together.
struct File {
  Value table;
  Value scales;  // a table, or nothing
};

struct Axis {
  std::string key;
  std::uint64_t order;
  Value::Array values;
  std::string where;
};

/// An experiment file with all it extends, before points are made of it.
class Source {
 public:
  /// `text` is the content of `file`.
  Source(const fs::path& file, std::string_view text, const std::vector<std::string>& sets);

  Plan plan(const fs::path& file) const;

 private:
  void load(const fs::path& file, std::string_view text);
  void find_variants();
  void find_axes(const Value& sweep, const std::string& prefix);
  void check_axes() const;
  void check_variants() const;

  using Swept = std::vector<std::pair<std::string, Value>>;

  std::string scale_of(const Value* variant, const Swept& swept) const;
  Value merged(const std::string& scale) const;
  std::vector<const Value*> lineage(const Value& variant) const;
  Point point(const Value* variant, const Swept& swept) const;
  std::string label(const Value* variant, const Swept& swept) const;

  std::vector<File> chain_;  // the base first
  std::vector<fs::path> loading_;
  std::vector<Assignment> sets_;
  Value common_;  // everything laid together at the default scale: what holds for the whole plan is read here
  Value::Array variants_;
  std::vector<Axis> axes_;
};

Source::Source(const fs::path& file, std::string_view text, const std::vector<std::string>& sets) {
  for (const std::string& set : sets) {
    Assignment assignment = parse_assignment(set);
    assignment.value.order = (std::uint64_t{1} << 62) + sets_.size();
    sets_.push_back(std::move(assignment));
  }
  load(file, text);
  common_ = merged(scale_of(nullptr, {}));
  for (const Assignment& set : sets_) lay(common_, set.key, set.value);
  check_top_level(common_);
  find_variants();
  if (const Value* sweep = find(common_, "sweep")) {
    require(sweep->as<Value::Table>(), "{}: sweep: expected a table of lists, found {}", sweep->where, type_name(*sweep));
    find_axes(*sweep, "");
    std::sort(axes_.begin(), axes_.end(), [](const Axis& a, const Axis& b) { return a.order < b.order; });
  }
  check_axes();
  check_variants();
}

void Source::load(const fs::path& file, std::string_view text) {
  std::error_code unknown;  // a file that is not there is refused when it is read
  const fs::path canonical = fs::weakly_canonical(file, unknown);
  for (const fs::path& other : loading_) require(other != canonical, "{}: extends itself", file.generic_string());
  require(loading_.size() < 32, "{}: more than 32 files extend one another", file.generic_string());
  const std::uint64_t first_order = (std::uint64_t{32} - loading_.size()) << 56;  // a base file's keys come before those of what extends it
  loading_.push_back(canonical);

  File entry{parse_toml(text, file.generic_string(), first_order), {}};
  if (const std::string base = text_at(entry.table, "extends", ""); !base.empty()) {
    const fs::path path = file.parent_path() / base;
    load(path, read_text(path));
  }
  if (const Value* scales = find(entry.table, "scales")) {
    require(scales->as<Value::Table>(), "{}: scales: expected a table of tables, found {}", scales->where, type_name(*scales));
    for (const auto& [name, scale] : *scales->as<Value::Table>()) {
      require(scale.as<Value::Table>(), "{}: scales.{}: expected a table, found {}", scale.where, name, type_name(scale));
      check_top_level(scale, "scales." + name + ".");
    }
    entry.scales = *scales;
  }
  for (const char* key : {"extends", "scales"}) erase(entry.table, key);
  chain_.push_back(std::move(entry));
}

void Source::find_variants() {
  const Value* variants = find(common_, "variant");
  if (!variants) return;
  const auto* list = variants->as<Value::Array>();
  require(list, "{}: variant: expected an array of tables ([[variant]]), found {}", variants->where, type_name(*variants));
  require(!list->empty(), "{}: variant: the list is empty", variants->where);
  for (const Value& written : *list) {
    require(written.as<Value::Table>(), "{}: variant: expected an array of tables, found {} in it", written.where, type_name(written));
    Value variant{Value::Table{}, written.where, written.order};
    for (const auto& [key, value] : *written.as<Value::Table>()) lay(variant, key, value);  // a quoted "model.norm" is a dotted name too
    variants_.push_back(std::move(variant));
  }
}

void Source::find_axes(const Value& sweep, const std::string& prefix) {
  for (const auto& [name, value] : *sweep.as<Value::Table>()) {
    const std::string key = prefix.empty() ? name : prefix + "." + name;
    if (value.as<Value::Table>()) {
      find_axes(value, key);
      continue;
    }
    const auto* values = value.as<Value::Array>();
    require(values, "{}: sweep.{}: expected a list of values, found {}", value.where, key, type_name(value));
    require(!values->empty(), "{}: sweep.{}: the list is empty", value.where, key);
    const auto fixes_it = [&](const Assignment& set) { return is_prefix(set.key, key); };
    if (std::none_of(sets_.begin(), sets_.end(), fixes_it)) axes_.push_back({key, value.order, *values, value.where});
  }
}

void Source::check_axes() const {
  std::size_t points = std::max<std::size_t>(1, variants_.size());
  for (const Axis& axis : axes_) {
    const std::string top = axis.key.substr(0, axis.key.find('.'));
    const auto& known = top_level_keys();
    require(std::find(known.begin(), known.end(), top) != known.end(), "{}: sweep.{}: unknown key{}", axis.where, axis.key,
            nearest(top, known).empty() ? "" : "; did you mean " + nearest(top, known) + "?");
    const bool whole = std::find(whole_keys.begin(), whole_keys.end(), top) != whole_keys.end();
    require(!whole && top != "name" && top != "kind" && top != "group" && top != "reference",
            "{}: sweep.{}: this key holds for the whole experiment and cannot be swept", axis.where, axis.key);
    for (std::size_t i = 0; i < axis.values.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        require(!same(axis.values[i], axis.values[j]), "{}: sweep.{}: {} is listed twice", axis.values[i].where, axis.key,
                to_text(axis.values[i]));
      }
    }
    points *= axis.values.size();
    require(points <= most_points, "{}: sweep.{}: more than {} points", axis.where, axis.key, most_points);
  }
}

void Source::check_variants() const {
  std::set<std::string> names;
  for (const Value& variant : variants_) {
    const Value* name = find(variant, "name");
    require(name, "{}: variant.name: this key is needed and missing", variant.where);
    const auto* text = name->as<std::string>();
    require(text && !text->empty(), "{}: variant.name: expected a string, found {}", name->where, text ? "an empty one" : type_name(*name));
    require(names.insert(*text).second, "{}: variant.name: another variant is called \"{}\" too", name->where, *text);
    Value own = variant;
    erase(own, "like");
    check_top_level(own, "variant.");
    for (const char* fixed : whole_keys) {
      const Value* value = find(variant, fixed);
      require(!value, "{}: variant.{}: this key holds for the whole experiment", value ? value->where : "", fixed);
    }
    for (const Axis& axis : axes_) {
      const Value* value = find(variant, axis.key);
      require(!value, "{}: variant.{}: this key is in [sweep] too", value ? value->where : "", axis.key);
    }
  }
}

std::string Source::scale_of(const Value* variant, const Swept& swept) const {
  Value table{Value::Table{}, ""};
  for (const File& file : chain_) {
    if (const Value* scale = find(file.table, "scale")) assign(table, "scale", *scale);
  }
  if (const Value* scale = variant ? find(*variant, "scale") : nullptr) assign(table, "scale", *scale);
  for (const auto& [key, value] : swept) {
    if (key == "scale") assign(table, key, value);
  }
  for (const Assignment& set : sets_) {
    if (set.key == "scale") assign(table, set.key, set.value);
  }
  const std::string scale = text_at(table, "scale", "");
  if (scale.empty()) return scale;

  std::vector<std::string> known;
  for (const File& file : chain_) {
    if (const auto* scales = file.scales.as<Value::Table>()) {
      for (const auto& [name, unused] : *scales) known.push_back(name);
    }
  }
  std::string list;
  for (const std::string& name : known) list += (list.empty() ? "" : ", ") + name;
  require(std::find(known.begin(), known.end(), scale) != known.end(), "{}: scale: there is no [scales.{}]{}{}",
          find(table, "scale")->where, scale, list.empty() ? "" : "; there is ", list);
  return scale;
}

Value Source::merged(const std::string& scale) const {
  Value table{Value::Table{}, chain_.back().table.where};
  for (const File& file : chain_) {
    merge(table, file.table);
    if (const Value* own = scale.empty() ? nullptr : find(file.scales, scale)) merge(table, *own);
  }
  return table;
}

// The variants that `like` leads to, the first ancestor first; `variant` itself last.
std::vector<const Value*> Source::lineage(const Value& variant) const {
  std::vector<const Value*> line = {&variant};
  while (const Value* like = find(*line.front(), "like")) {
    const std::string name = text_at(*line.front(), "like", "");
    const auto earlier =
        std::find_if(variants_.begin(), variants_.end(), [&](const Value& other) { return text_at(other, "name", "") == name; });
    require(earlier < variants_.end() && &*earlier < line.front(), "{}: variant.like: no earlier variant is called \"{}\"", like->where,
            name);
    line.insert(line.begin(), &*earlier);
  }
  return line;
}

/// Published values by the name of the checkpoint's folder; those of the variant itself count first.
void read_published(Point& point, const Value& references) {
  const auto* tables = references.as<Value::Table>();
  require(tables, "{}: references: expected a table of tables, by the names of checkpoints' folders, found {}", references.where,
          type_name(references));
  const Value* checkpoint = find(point.table, "model.checkpoint");
  const auto* path = checkpoint ? checkpoint->as<std::string>() : nullptr;
  for (const auto& [name, metrics] : *tables) {
    require(metrics.as<Value::Table>(), "{}: references.{}: expected a table of metrics, found {}", metrics.where, name,
            type_name(metrics));
    if (path && last_part(*path) == name) read_reference(point, metrics);
  }
}

Point Source::point(const Value* variant, const Swept& swept) const {
  Point point;
  point.table = merged(scale_of(variant, swept));
  for (const char* key : {"sweep", "variant", "claim"}) erase(point.table, key);
  if (variant) {
    for (const Value* ancestor : lineage(*variant)) {
      erase(point.table, "reference");  // published values are those of one variant, whatever is like it
      merge(point.table, *ancestor);
    }
    erase(point.table, "like");
    point.name = text_at(*variant, "name", "");
  }
  for (const auto& [key, value] : swept) lay(point.table, key, value);
  for (const Assignment& set : sets_) {
    const auto is_of_all = [&](const char* key) { return is_prefix(key, set.key); };  // read where the whole file is
    if (!is_of_all("sweep") && !is_of_all("variant") && !is_of_all("claim")) lay(point.table, set.key, set.value);
  }
  point.group = text_at(point.table, "group", "");
  erase(point.table, "group");  // where a row stands, and nothing that decides its numbers
  evaluate_expressions(point.table);
  point.kind = Settings(point.table).choice("kind", "", {"probe", "intervene", "train"});
  for (const auto& [key, value] : swept) point.swept.emplace_back(key, *find(point.table, key));

  if (const Value* own = find(point.table, "reference")) read_reference(point, *own);
  if (const Value* published = find(point.table, "references")) read_published(point, *published);
  for (const char* key : {"let", "reference", "references"}) erase(point.table, key);
  return point;
}

std::string Source::label(const Value* variant, const Swept& swept) const {
  const auto last_name = [](const std::string& key) { return key.substr(key.rfind('.') + 1); };
  // Of paths with different ends the ends.
  const auto text_of = [&](const std::string& key, const Value& value) {
    const auto axis = std::find_if(axes_.begin(), axes_.end(), [&](const Axis& one) { return one.key == key; });
    std::set<std::string> ends;
    for (const Value& each : axis->values)
      if (const auto* path = each.as<std::string>()) ends.insert(last_part(*path));
    return ends.size() == axis->values.size() && !ends.contains("") ? last_part(to_text(value)) : to_text(value);
  };
  std::string label = variant ? text_at(*variant, "name", "") : "";
  for (const auto& value : swept) {
    const auto alike = [&](const Axis& axis) { return axis.key != value.first && last_name(axis.key) == last_name(value.first); };
    const bool ambiguous = std::any_of(axes_.begin(), axes_.end(), alike);
    label += fmt::format("{}{}={}", label.empty() ? "" : ", ", ambiguous ? value.first : last_name(value.first),
                         text_of(value.first, value.second));
  }
  return label;
}

/// Points of one group stand together, groups in the order of their first points.
void gather_groups(std::vector<Point>& points) {
  std::vector<std::string> order;
  for (const Point& point : points)
    if (std::find(order.begin(), order.end(), point.group) == order.end()) order.push_back(point.group);
  const auto place = [&](const Point& point) { return std::find(order.begin(), order.end(), point.group) - order.begin(); };
  std::stable_sort(points.begin(), points.end(), [&](const Point& a, const Point& b) { return place(a) < place(b); });
}

/// A point's scale may not bring what variants and sweeps may not.
void check_whole_keys(const Plan& plan) {
  for (const char* key : {"device", "without"}) {
    const Value* first = find(plan.points.front().table, key);
    for (const Point& point : plan.points) {
      const Value* own = find(point.table, key);
      if (own ? first && same(*own, *first) : !first) continue;
      bad_input("{}: {}: this key holds for the whole experiment, and not every point's scale gives it the same value",
                (own ? own : first)->where, key);
    }
  }
}

Plan Source::plan(const fs::path& file) const {
  Plan plan;
  plan.source = file;
  plan.name = text_at(common_, "name", file.stem().string());
  check_plan_name(common_, plan.name);
  plan.title = text_at(common_, "title", plan.name);
  plan.description = text_at(common_, "description", "");
  Settings common(common_);
  common.get<std::string>("kind");
  plan.kind = common.choice("kind", "", {"probe", "intervene", "train"});

  const Value nothing;
  const std::size_t variants = std::max<std::size_t>(1, variants_.size());
  std::size_t combinations = 1;
  for (const Axis& axis : axes_) combinations *= axis.values.size();
  for (std::size_t v = 0; v < variants; ++v) {
    const Value* variant = variants_.empty() ? nullptr : &variants_[v];
    for (std::size_t c = 0; c < combinations; ++c) {
      Swept swept;
      std::size_t below = combinations;  // the first axis changes slowest
      for (const Axis& axis : axes_) {
        below /= axis.values.size();
        swept.emplace_back(axis.key, axis.values[c / below % axis.values.size()]);
      }
      plan.points.push_back(point(variant, swept));
      plan.points.back().label = label(variant, plan.points.back().swept);
    }
  }
  check_whole_keys(plan);
  gather_groups(plan.points);
  name_points(plan);
  plan.claims = read_claims(common_);
  return plan;
}

}  // namespace

const std::vector<std::pair<Key, KeyFacts::Type>>& file_keys() {
  using T = KeyFacts::Type;
  static const std::vector<std::pair<Key, T>> keys{
      {{"name", "name of the experiment, and of the folder of its results"}, T::string},
      {{"kind", "what is done with the models: train them, probe them, or intervene on them and probe"}, T::string},
      {{"title", "one line for the report"}, T::string},
      {{"description", "what the experiment looks at, for the report"}, T::string},
      {{"extends", "file that this one is laid over"}, T::string},
      {{"include", "files that are run as one experiment"}, T::strings},
      {{"scale", "which table of [scales] applies"}, T::string},
      {{"scales", "keys that apply at one scale, by its name"}, T::table},
      {{"let", "numbers that only \"= ...\" strings use"}, T::table},
      {{"references", "published values of models by name, for rows that look at them"}, T::table},
      {{"reference", "published values beside which a row's metrics are shown"}, T::table},
      {{"sweep", "lists of values for any key; every combination is a point"}, T::table},
      {{"variant", "rows of the table, each with keys of its own"}, T::tables},
      {{"claim", "what the results should show"}, T::tables},
      {{"group", "rows of one group stand together and are compared with its first"}, T::string}};
  return keys;
}

Settings Point::settings() const {
  Settings settings(table);
  for (const char* key : {"name", "kind", "title", "description", "scale"}) settings.raw(key);
  return settings;
}

Plan parse_plan(std::string_view text, const fs::path& file, const std::vector<std::string>& sets) {
  const std::optional<Value> collection = collection_in(text, file);
  Plan plan = collection ? read_collection(*collection, file, sets) : Source(file, text, sets).plan(file);
  plan.sets = sets;
  settle_claims(plan, [&] { parse_plan(text, file); });
  return plan;
}

Plan read_plan(const fs::path& file, const std::vector<std::string>& sets) { return parse_plan(read_text(file), file, sets); }

}  // namespace ablate
