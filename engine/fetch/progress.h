// How far a download is: one line on standard error that rewrites itself on a terminal, a line per file elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace ablate {

/// "model.safetensors  [=====>    ] 45%  121.2 MB of 269.1 MB  12.3 MB/s", cut to `width` columns.
std::string download_line(const std::string& file, std::uint64_t done, std::uint64_t total, double bytes_per_second, int width);

class DownloadProgress {
 public:
  explicit DownloadProgress(bool terminal) : terminal_(terminal) {}
  ~DownloadProgress() { clear(); }
  DownloadProgress(const DownloadProgress&) = delete;
  DownloadProgress& operator=(const DownloadProgress&) = delete;

  /// The next file, of which so many bytes are there already.
  void start(const std::string& file, std::uint64_t there, std::uint64_t total);
  /// So many bytes of it are there now. Draws at most ten times a second.
  void reach(std::uint64_t there);
  void finish();
  /// Takes the line away, so that something else can be printed.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;

  bool terminal_, drawn_ = false;
  std::string file_;
  std::uint64_t there_ = 0, before_ = 0, total_ = 0;
  Clock::time_point start_, last_drawn_;
};

}  // namespace ablate
