#include "collective/mpi/mpi_ranks.h"

#include "base/error.h"
#include "base/terminal.h"
#include "collective/mpi/neighbours.h"

#include <mpi.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

namespace ablate {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_bytes = 64u << 20;  // of one message of MPI, which counts in int

void check(int code, const char* what) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw RunError(fmt::format("{}: {}", what, std::string_view(text, static_cast<std::size_t>(length))));
}

template <class Bytes, class Each>
void in_messages(Bytes data, const Each& each) {
  for (std::size_t done = 0; done < data.size(); done += most_bytes) {
    const auto part = data.subspan(done, std::min(most_bytes, data.size() - done));
    each(part.data(), static_cast<int>(part.size()));
  }
}

// Calls to MPI are made by one thread at a time, each of them short.
class MpiRanks : public Collective {
 public:
  MpiRanks() {
    int provided = 0;
    check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided), "MPI_Init_thread");
    if (provided < MPI_THREAD_SERIALIZED) throw RunError("this MPI lets one thread of a program use it, and two are needed");
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    check(MPI_Comm_rank(MPI_COMM_WORLD, &rank_), "MPI_Comm_rank");
    check(MPI_Comm_size(MPI_COMM_WORLD, &size_), "MPI_Comm_size");
    MPI_Comm host;
    check(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &host), "MPI_Comm_split_type");
    check(MPI_Comm_rank(host, &rank_on_host_), "MPI_Comm_rank");
    int here = 0;
    check(MPI_Comm_size(host, &here), "MPI_Comm_size");
    std::vector<Neighbour> neighbours(static_cast<std::size_t>(here));
    const Neighbour self{rank_, process_number()};
    check(MPI_Allgather(&self, sizeof(self), MPI_BYTE, neighbours.data(), sizeof(self), MPI_BYTE, host), "MPI_Allgather");
    MPI_Comm_free(&host);
    std::erase_if(neighbours, [&](const Neighbour& n) { return n.rank == rank_ || !is_there(n); });
    has_cores_ = std::thread::hardware_concurrency() >= 4 * static_cast<unsigned>(here);
    helper_ = std::thread([this, neighbours] { help(neighbours); });
  }

  // Without leave() this process is on its way out because something failed: nobody waits for the others.
  ~MpiRanks() override {
    if (!left_) abort(1);
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  int rank_on_host() const override { return rank_on_host_; }

  void send(int to, std::span<const std::byte> data) override {
    in_messages(data, [&](const std::byte* bytes, int count) {
      const std::lock_guard lock(calls_);
      sends_.emplace_back();
      check(MPI_Isend(bytes, count, MPI_BYTE, to, 0, MPI_COMM_WORLD, &sends_.back()), "MPI_Isend");
    });
  }

  void finish_sends() override {
    wait([this] { return test_sends(); });
  }

  void receive(int from, std::span<std::byte> data) override {
    in_messages(data, [&](std::byte* bytes, int count) {
      request([&](MPI_Request* r) { return MPI_Irecv(bytes, count, MPI_BYTE, from, 0, MPI_COMM_WORLD, r); }, "MPI_Irecv");
    });
  }

  void broadcast(int from, std::span<std::byte> data) override {
    in_messages(data, [&](std::byte* bytes, int count) {
      request([&](MPI_Request* r) { return MPI_Ibcast(bytes, count, MPI_BYTE, from, MPI_COMM_WORLD, r); }, "MPI_Ibcast");
    });
  }

  void leave() override {
    finish_sends();
    leaving_ = true;
    request([](MPI_Request* r) { return MPI_Ibarrier(MPI_COMM_WORLD, r); }, "MPI_Ibarrier");
    ended_ = true;
    helper_.join();
    left_ = true;
    check(MPI_Finalize(), "MPI_Finalize");
  }

  // The lock is never let go: the helper must not call MPI any more.
  void abort(int exit_code) override {
    leaving_ = true;
    calls_.lock();
    MPI_Abort(MPI_COMM_WORLD, exit_code);
    std::_Exit(exit_code);
  }

 private:
  template <class Start>
  void request(const Start& start, const char* what) {
    MPI_Request r = MPI_REQUEST_NULL;
    {
      const std::lock_guard lock(calls_);
      check(start(&r), what);
    }
    wait([&] {
      const std::lock_guard lock(calls_);
      int done = 0;
      check(MPI_Test(&r, &done, MPI_STATUS_IGNORE), what);
      return done != 0;
    });
  }

  // Messages between processes of a host move some 100 kB at every look: a sleep between them would bound the rate. Where ranks share a machine's few cores, who waits for
  // long sleeps all the same.
  template <class Done>
  void wait(const Done& done) const {
    for (int tries = 0; !done(); ++tries)
      if (has_cores_) std::this_thread::yield();
      else if (tries > 100) std::this_thread::sleep_for(tries > 1000 ? 200us : 20us);
  }

  bool test_sends() {
    const std::lock_guard lock(calls_);
    int done = 0;
    check(MPI_Testall(static_cast<int>(sends_.size()), sends_.data(), &done, MPI_STATUSES_IGNORE), "MPI_Isend");
    if (done != 0) sends_.clear();
    return done != 0;
  }

  // Large messages move only while both sides call MPI.
  void help(const std::vector<Neighbour>& neighbours) {
    auto looked = std::chrono::steady_clock::now();
    while (!ended_) {
      bool idle = true;
      try {
        idle = test_sends();
      } catch (const RunError&) {  // told by whoever waits for them
      }
      if (idle || !has_cores_) std::this_thread::sleep_for(idle ? 2ms : 200us);
      else std::this_thread::yield();
      if (leaving_ || std::chrono::steady_clock::now() - looked < 50ms) continue;
      looked = std::chrono::steady_clock::now();
      for (const Neighbour& neighbour : neighbours)
        if (!is_there(neighbour) && !leaving_) end_after(neighbour.rank);
    }
  }

  [[noreturn]] void end_after(int gone) {
    tell("ablate: rank {}: ends because rank {} has ended; --resume goes on from the last checkpoint\n", rank_, gone);
    std::_Exit(1);
  }

  int rank_ = 0, size_ = 1, rank_on_host_ = 0;
  std::mutex calls_;
  std::vector<MPI_Request> sends_;
  std::atomic<bool> leaving_ = false, ended_ = false;
  bool left_ = false, has_cores_ = false;
  std::thread helper_;
};

}  // namespace

std::unique_ptr<Collective> join_mpi() { return std::make_unique<MpiRanks>(); }

}  // namespace ablate
