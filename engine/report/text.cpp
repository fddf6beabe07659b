#include "report/text.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace ablate::report {
namespace {

constexpr std::string_view thin_space = "\u202f", minus = "\u2212";

void drop_trailing_zeros(std::string& digits) {
  if (digits.find('.') == std::string::npos) return;
  while (digits.back() == '0') digits.pop_back();
  if (digits.back() == '.') digits.pop_back();
}

std::string with_thousands(std::string digits) {
  const std::size_t start = digits[0] == '-' ? 1 : 0, point = digits.find('.');
  const std::size_t end = point == std::string::npos ? digits.size() : point;
  if (end - start > 4)
    for (std::size_t i = end - 3; i > start && i < end; i -= 3) digits.insert(i, thin_space);
  return digits;
}

std::string with_minus(std::string digits) {
  if (digits.find_first_of("123456789") == std::string::npos && digits.find_first_of("infa") == std::string::npos)
    return digits.substr(digits[0] == '-');
  if (const std::size_t exponent = digits.find("e-"); exponent != std::string::npos) digits.replace(exponent + 1, 1, minus);
  if (digits[0] == '-') digits.replace(0, 1, minus);
  return digits;
}

/// 1.5e-05 -> 1.5e-5: the exponent without the zero that printf puts in front.
std::string scientific(double value) {
  std::string digits = fmt::format("{:.2e}", value);
  const std::size_t e = digits.find('e');
  std::string mantissa = digits.substr(0, e);
  drop_trailing_zeros(mantissa);
  return fmt::format("{}e{}", mantissa, std::stoi(digits.substr(e + 1)));
}

}  // namespace

std::string escape(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default:
        if (static_cast<unsigned char>(c) >= 0x20 ? c != 0x7f : c == '\n' || c == '\t') out += c;
    }
  }
  return out;
}

std::string element(std::string_view name, Attributes attributes, std::string_view content) {
  std::string out = fmt::format("<{}", name);
  for (const auto& [key, value] : attributes)
    if (!value.empty()) out += fmt::format(" {}=\"{}\"", key, escape(value));
  return out.append(">").append(content).append("</").append(name).append(">");
}

std::string px(double value) {
  std::string digits = fmt::format("{:.2f}", value);
  drop_trailing_zeros(digits);
  return digits == "-0" ? "0" : digits;
}

std::string number(double value) {
  if (std::isnan(value)) return "–";
  const double size = std::abs(value);
  if (std::isinf(value)) return value > 0 ? "∞" : "−∞";
  if (size == 0) return "0";
  if (size >= 1e9 || size < 1e-3) return with_minus(scientific(value));
  std::string digits = fmt::format("{:.{}f}", value, size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
  drop_trailing_zeros(digits);
  return with_minus(with_thousands(digits));
}

std::string number(double value, int decimals) {
  if (!std::isfinite(value) || std::abs(value) >= 1e9) return number(value);
  const double size = std::abs(value);
  if (size > 0 && size < 0.5 * std::pow(10, -decimals) && size < 1e-3) return number(value);
  const int fewer = size >= 1000 ? 0 : size >= 100 ? std::max(decimals - 1, 0) : decimals;
  return with_minus(with_thousands(fmt::format("{:.{}f}", value, fewer)));
}

std::string short_number(double value, double largest) {
  const double size = std::abs(value);
  if (size == 0) return "0";
  if (size < 1e-3) return with_minus(scientific(value));
  struct Suffix {
    double unit;
    const char* letter;
  };
  const double thousands = std::max(size, largest) >= 1e4 * (1 - 1e-9) ? 1e3 : 1e4;
  for (const Suffix& suffix : {Suffix{1e12, "T"}, {1e9, "B"}, {1e6, "M"}, {thousands, "k"}})
    if (size >= suffix.unit * (1 - 1e-9)) return with_minus(fmt::format("{:.4g}{}", value / suffix.unit, suffix.letter));
  return with_minus(fmt::format("{:.4g}", value));
}

std::string duration(double seconds) {
  if (!(seconds >= 0)) return "–";
  if (seconds < 60) return fmt::format("{} s", number(seconds));
  const auto whole = static_cast<long long>(std::llround(seconds));
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

std::size_t length_of(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return count;
}

std::string shortened(const std::string& text, std::size_t limit) {
  if (length_of(text) <= limit) return text;
  std::size_t end = 0, kept = 0;
  while (true) {
    if ((static_cast<unsigned char>(text[end]) & 0xc0) != 0x80 && kept++ == limit - 1) break;
    ++end;
  }
  return text.substr(0, end) + "…";
}

}  // namespace ablate::report
