#include "train/data/text_files.h"

#include "base/content.h"
#include "base/error.h"
#include "base/file.h"
#include "model/tokenizer/unicode.h"

#include <fmt/format.h>

#include <algorithm>

namespace ablate {
namespace {

constexpr std::size_t bytes_per_mistake = 100;  // one ill-formed part in less text than this is another encoding, not damage

std::string_view text_of(const MappedFile& file) { return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()}; }

void check_encoding(std::string_view text, const std::string& name, const std::function<void(const std::string&)>& note) {
  const IllFormed bad = find_ill_formed(text);
  if (bad.count == 0) return;
  const auto line = std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(bad.first), '\n') + 1;
  require(
      bad.count * bytes_per_mistake <= text.size() || text.size() < bytes_per_mistake,
      "{}: is not UTF-8: {} places in {} bytes are ill-formed, the first on line {}; convert it (iconv -f latin1 -t utf-8, or whichever encoding it has)",
      name, bad.count, text.size(), line);
  if (note) note(fmt::format("{}: {} places are no UTF-8, the first on line {}: each is read as U+FFFD", name, bad.count, line));
}

/// A line that is a whole object: one document per line, with keys and escapes around its text.
bool is_json_lines(std::string_view text) {
  std::string_view line = text.substr(0, text.find('\n'));
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
  return line.starts_with("{\"") && line.ends_with("}") && line.size() < text.size();
}

}  // namespace

void check_text_files(const std::vector<std::filesystem::path>& files, bool decoded, const std::function<void(const std::string&)>& note) {
  for (const std::filesystem::path& path : files) {
    const MappedFile file(path);
    const std::string_view text = text_of(file);
    if (text.empty()) continue;
    refuse_other_content(text, path.string());
    if (decoded) check_encoding(text, path.string(), note);
    if (note && is_json_lines(text))
      note(fmt::format("{}: looks like JSON lines, and is read as text, keys and escapes too", path.string()));
  }
}

}  // namespace ablate
