#include "base/json.h"

#include "base/content.h"
#include "base/error.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>
#include <map>

namespace ablate {
namespace {

using Json = nlohmann::json;

/// Where a byte stands, counted from 1.
struct Place {
  std::size_t line, column;

  static Place of(std::string_view text, std::size_t byte) {
    const std::string_view before = text.substr(0, byte);
    const auto line = static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n')) + 1;
    const std::size_t last = before.rfind('\n');
    return {line, before.size() - (last == before.npos ? 0 : last + 1) + 1};
  }
};

/// Events that nobody wants; the parser stops at the first that returns false.
struct Listener : nlohmann::json_sax<Json> {
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(std::int64_t) override { return true; }
  bool number_unsigned(std::uint64_t) override { return true; }
  bool number_float(double, const std::string&) override { return true; }
  bool string(std::string&) override { return true; }
  bool binary(Json::binary_t&) override { return true; }
  bool start_object(std::size_t) override { return true; }
  bool key(std::string&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t, const std::string&, const Json::exception&) override { return false; }
};

/// Keeps what is wrong first.
struct FirstError : Listener {
  std::size_t byte = 0;  // the last one read: counted from 1
  std::string message;

  bool parse_error(std::size_t position, const std::string&, const Json::exception& error) override {
    byte = position;
    message = error.what();
    return false;
  }
};

/// "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error while parsing value - invalid literal; last read: 'v'"
/// without what is said elsewhere.
std::string reason(const std::string& message) {
  const std::size_t dash = message.find(" - "), bracket = message.find("] ");
  const std::size_t begin = dash != message.npos ? dash + 3 : bracket != message.npos ? bracket + 2 : 0;
  return shortened(std::string_view(message).substr(begin));
}

/// Counts the lines that a parser has read.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, int& line) : at_(at), line_(&line) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    *line_ += *at_ == '\n';
    ++at_;
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }
  bool operator!=(const CountingIterator& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  int* line_;
};

/// A key is reported as soon as its closing quote is read: the line read so far is its own.
struct KeyLines : Listener {
  const int& line;
  std::string_view where;
  std::vector<int> lines = {};
  std::vector<std::map<std::string, int>> open = {};  // of every object that has begun: its keys, and their lines

  KeyLines(const int& line_read, std::string_view name) : line(line_read), where(name) {}
  bool start_object(std::size_t) override {
    open.emplace_back();
    return true;
  }
  bool end_object() override {
    open.pop_back();
    return true;
  }
  bool key(std::string& name) override {
    const auto [first, fresh] = open.back().emplace(name, line);
    require(fresh, "{}:{}: \"{}\" is given twice (first on line {})", where, line, shortened(name), first->second);
    lines.push_back(line);
    return true;
  }
};

}  // namespace

std::string shortened(std::string_view text) {
  constexpr std::size_t longest = 120;
  if (text.size() <= longest) return std::string(text);
  return std::string(text.substr(0, longest - 40)) + "..." + std::string(text.substr(text.size() - 30));
}

void refuse_json(std::string_view text, std::string_view where, std::size_t first_line) {
  refuse_other_content(text, where);
  FirstError first;
  Json::sax_parse(text, &first);
  if (first.message.empty()) {
    first.byte = text.find('\0') + 1;
    first.message = "a zero byte, behind which nothing is read";
  }
  const Place place = Place::of(text, first.byte > 0 ? first.byte - 1 : 0);
  bad_input("{}:{}:{}: not JSON: {}", where, first_line - 1 + place.line, place.column, reason(first.message));
}

std::vector<int> lines_of_keys(std::string_view json, std::string_view where) {
  int line = 1;
  KeyLines keys(line, where);
  Json::sax_parse(CountingIterator(json.data(), line), CountingIterator(json.data() + json.size(), line), &keys);
  return std::move(keys.lines);
}

}  // namespace ablate
