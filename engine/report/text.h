// Text of a report: escaping for HTML and SVG, and numbers as people read them.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace ablate::report {

/// `text` safe inside HTML or SVG content and quoted attributes; control characters, which no document may hold, are dropped.
std::string escape(std::string_view text);

using Attributes = std::initializer_list<std::pair<std::string_view, std::string>>;

/// <name a="..." b="...">content</name>. Attribute values are escaped here; `content` is markup already. An empty attribute value leaves
/// the attribute out.
std::string element(std::string_view name, Attributes attributes, std::string_view content = "");

/// A coordinate: at most two decimals, no trailing zeros.
std::string px(double value);

/// For reading: three or four significant digits, thousands set apart, "–" for a number that is missing (NaN).
std::string number(double value);

/// With a fixed count of decimals, as in a column of a table; fewer where the number is large.
std::string number(double value, int decimals);

/// For ticks: 20M, 150k, 0.05, 1e−5. `largest` is the largest number on the same axis: 2k beside 10k, but 2000 beside 5000.
std::string short_number(double value, double largest = 0);

/// 95 -> "1 min 35 s", 7300 -> "2 h 1 min".
std::string duration(double seconds);

/// `text` cut to `limit` characters (UTF-8 code points), the last one "…" if something was cut.
std::string shortened(const std::string& text, std::size_t limit);

/// How many characters (UTF-8 code points) `text` has.
std::size_t length_of(std::string_view text);

}  // namespace ablate::report
