#include "fetch/progress.h"

#include "base/size.h"
#include "base/terminal.h"

#include <algorithm>

namespace ablate {

std::string download_line(const std::string& file, std::uint64_t done, std::uint64_t total, double bytes_per_second, int width) {
  constexpr int cells = 20;
  const double share = total > 0 ? std::min(1.0, static_cast<double>(done) / static_cast<double>(total)) : 1.0;
  const int full = static_cast<int>(share * cells);
  std::string bar(static_cast<std::size_t>(full), '=');
  if (full < cells) bar += '>';
  bar.resize(cells, ' ');
  std::string line = fmt::format("{}  [{}] {:.0f}%  {} of {}", file, bar, 100 * share, size_text(done), size_text(total));
  if (bytes_per_second > 0) line += fmt::format("  {}/s", size_text(static_cast<std::uint64_t>(bytes_per_second)));
  if (width > 0 && line.size() > static_cast<std::size_t>(width)) line.resize(static_cast<std::size_t>(width));
  return line;
}

void DownloadProgress::start(const std::string& file, std::uint64_t there, std::uint64_t total) {
  file_ = file;
  there_ = before_ = there;
  total_ = total;
  start_ = last_drawn_ = Clock::now();
}

void DownloadProgress::reach(std::uint64_t there) {
  there_ = there;
  const Clock::time_point now = Clock::now();
  if (!terminal_ || now - last_drawn_ < std::chrono::milliseconds(100)) return;
  last_drawn_ = now;
  drawn_ = true;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const double rate = there_ > before_ ? static_cast<double>(there_ - before_) / seconds : 0;
  tell("\r\x1b[K{}", download_line(file_, there_, total_, rate, terminal_width() - 1));
}

void DownloadProgress::finish() {
  clear();
  tell("{}  {}\n", file_, size_text(total_));
}

void DownloadProgress::clear() {
  if (drawn_) tell("\r\x1b[K");
  drawn_ = false;
}

}  // namespace ablate
