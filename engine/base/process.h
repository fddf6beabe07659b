// Other processes of this program, with lines going to and fro.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ablate {

/// Processes of this executable. Lines sent to one arrive at its standard input; lines of its standard output arrive here; its standard
/// error is ours. They get no signals from the terminal, and where the system can they are asked to end (SIGTERM) when this process dies.
class Workers {
 public:
  Workers();
  ~Workers();  ///< closes their inputs and waits for all
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// Starts this executable with `arguments` (without its name); returns the worker's number. Throws RunError; InputError on a system where
  /// this is not possible.
  std::size_t start(const std::vector<std::string>& arguments);

  /// A line, without its end. Nothing happens if the worker has ended.
  void send(std::size_t worker, const std::string& line);
  /// No more lines will come: a worker that waits for one ends.
  void close(std::size_t worker);
  /// Asks all to stop (SIGTERM).
  void stop();

  struct Event {
    std::size_t worker = 0;
    std::optional<std::string> line;  ///< none: it has ended
    std::string end;                  ///< how: "exit code 1", "signal 9"
    bool interrupted = false;         ///< no event: a signal arrived at this process
  };
  /// Waits for a line or an end. Must not be called when all have ended.
  Event next();

 private:
  struct Worker;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace ablate
