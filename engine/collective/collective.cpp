#include "collective/collective.h"

#include "base/error.h"

#include <cstdlib>

namespace ablate {
namespace {

/// Without others, or without their presence.
class Silent : public Collective {
 public:
  explicit Silent(int size) : size_(size) {}
  int rank() const override { return 0; }
  int size() const override { return size_; }
  int rank_on_host() const override { return 0; }
  void send(int, std::span<const std::byte>) override { refuse(); }
  void finish_sends() override {}
  void receive(int, std::span<std::byte>) override { refuse(); }
  void broadcast(int, std::span<std::byte>) override {
    if (size_ > 1) refuse();
  }
  void leave() override {}
  void abort(int exit_code) override { std::_Exit(exit_code); }

 private:
  [[noreturn]] static void refuse() { throw RunError("the other ranks of a plan are not there"); }

  int size_;
};

}  // namespace

void Collective::broadcast_text(int from, std::string& text) {
  std::uint64_t size = text.size();
  broadcast_value(from, size);
  text.resize(size);
  broadcast(from, std::as_writable_bytes(std::span(text)));
}

std::unique_ptr<Collective> alone() { return std::make_unique<Silent>(1); }
std::unique_ptr<Collective> planned_ranks(int size) { return std::make_unique<Silent>(size); }

}  // namespace ablate
