// Everything here that differs between systems; the only file with system headers for processes.
#include "base/process.h"

#include "base/error.h"

#ifndef _WIN32
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <cstring>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#ifdef __APPLE__
#include <mach-o/dyld.h>
#endif
#endif

namespace ablate {

#ifdef _WIN32

struct Workers::Worker {};
std::size_t Workers::start(const std::vector<std::string>&) {
  bad_input("several devices at once are not possible on Windows: run a --shard on each");
}
void Workers::send(std::size_t, const std::string&) {}
void Workers::close(std::size_t) {}
void Workers::stop() {}
Workers::Event Workers::next() { return {}; }
Workers::~Workers() = default;

#else

struct Workers::Worker {
  pid_t pid = -1;
  int input = -1, output = -1;  // our ends of the pipes; output is -1 once it has ended
  std::string text;             // read, not yet a whole line
};

namespace {

/// Both ends, closed with it unless they are taken out.
struct Pipe {
  int read = -1, write = -1;

  Pipe() {
    int ends[2];
    if (::pipe(ends) != 0) throw RunError(fmt::format("no pipe to a worker ({})", std::strerror(errno)));
    read = ends[0];
    write = ends[1];
    for (const int end : ends) ::fcntl(end, F_SETFD, FD_CLOEXEC);
  }
  ~Pipe() {
    for (const int end : {read, write})
      if (end >= 0) ::close(end);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
};

std::string own_path() {
#ifdef __APPLE__
  char path[4096];
  std::uint32_t size = sizeof(path);
  return _NSGetExecutablePath(path, &size) == 0 ? path : "";
#else
  return "/proc/self/exe";
#endif
}

std::string how_it_ended(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? fmt::format("signal {}", WTERMSIG(status)) : fmt::format("exit code {}", WEXITSTATUS(status));
}

// In the child, between fork and exec: only calls that are safe there.
[[noreturn]] void become(const std::string& path, std::vector<char*>& arguments, int input, int output) {
  ::setpgid(0, 0);
#ifdef __linux__
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
#endif
  ::dup2(input, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::execv(path.c_str(), arguments.data());
  ::_exit(127);
}

}  // namespace

std::size_t Workers::start(const std::vector<std::string>& arguments) {
  Pipe down, up;
  const std::string path = own_path();
  std::vector<std::string> words = {"ablate"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  workers_.push_back(std::make_unique<Worker>());
  const pid_t pid = ::fork();
  if (pid == 0) become(path, pointers, down.read, up.write);
  if (pid < 0) {
    const int error = errno;
    workers_.pop_back();
    throw RunError(fmt::format("a worker cannot be started ({})", std::strerror(error)));
  }
  *workers_.back() = {pid, std::exchange(down.write, -1), std::exchange(up.read, -1), ""};
  return workers_.size() - 1;
}

void Workers::send(std::size_t worker, const std::string& line) {
  const std::string text = line + "\n";
  if (workers_.at(worker)->input >= 0 && ::write(workers_[worker]->input, text.data(), text.size()) < 0) close(worker);
}

void Workers::close(std::size_t worker) {
  int& input = workers_.at(worker)->input;
  if (input >= 0) ::close(std::exchange(input, -1));
}

void Workers::stop() {
  for (const auto& worker : workers_)
    if (worker->output >= 0) ::kill(worker->pid, SIGTERM);
}

Workers::Event Workers::next() {
  while (true) {
    std::vector<pollfd> waiting;
    std::vector<std::size_t> numbers;
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      Worker& worker = *workers_[i];
      if (const auto end = worker.text.find('\n'); end != worker.text.npos) {
        Event event{i, worker.text.substr(0, end), "", false};
        worker.text.erase(0, end + 1);
        return event;
      }
      if (worker.output >= 0) waiting.push_back({worker.output, POLLIN, 0}), numbers.push_back(i);
    }
    if (waiting.empty()) throw RunError("there is no worker to wait for");
    if (::poll(waiting.data(), static_cast<nfds_t>(waiting.size()), -1) < 0) return {0, std::nullopt, "", true};
    for (std::size_t n = 0; n < waiting.size(); ++n) {
      if (waiting[n].revents == 0) continue;
      Worker& worker = *workers_[numbers[n]];
      char piece[4096];
      const ssize_t size = ::read(worker.output, piece, sizeof(piece));
      if (size > 0) worker.text.append(piece, static_cast<std::size_t>(size));
      else if (size == 0 || errno != EINTR) {
        close(numbers[n]);
        ::close(std::exchange(worker.output, -1));
        return {numbers[n], std::nullopt, how_it_ended(worker.pid), false};
      }
    }
  }
}

Workers::~Workers() {
  for (std::size_t i = 0; i < workers_.size(); ++i) close(i);
  for (const auto& worker : workers_) {
    if (worker->output < 0) continue;
    ::close(worker->output);
    how_it_ended(worker->pid);
  }
}

#endif

Workers::Workers() = default;

}  // namespace ablate
