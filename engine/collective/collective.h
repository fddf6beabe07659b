// The processes that do one run together, the "ranks" 0 .. size - 1: what they say to one another. Messages lie in host memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <type_traits>

namespace ablate {

class Collective {
 public:
  Collective() = default;
  virtual ~Collective() = default;
  Collective(const Collective&) = delete;
  Collective& operator=(const Collective&) = delete;

  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual int rank_on_host() const = 0;  ///< among the ranks on this machine, from 0

  /// Begins to send; `data` must stay as it is until finish_sends(). Messages between two ranks arrive in their order. All of these throw
  /// RunError when the other side cannot be reached.
  virtual void send(int to, std::span<const std::byte> data) = 0;
  virtual void finish_sends() = 0;
  /// Waits for a message of exactly that size.
  virtual void receive(int from, std::span<std::byte> data) = 0;
  /// Gives all ranks what `from` has; called by all.
  virtual void broadcast(int from, std::span<std::byte> data) = 0;

  /// All ranks are done: waits for each to say so. From here on it is no failure that one ends.
  virtual void leave() = 0;
  /// Ends the processes of all ranks. Other than exiting, it is sure to end those that wait.
  [[noreturn]] virtual void abort(int exit_code) = 0;

  template <class T>
  requires std::is_trivially_copyable_v<T>
  void broadcast_value(int from, T& value) { broadcast(from, std::as_writable_bytes(std::span(&value, 1))); }
  void broadcast_text(int from, std::string& text);
};

/// A run of one process: there is nobody to talk to.
std::unique_ptr<Collective> alone();
/// Rank 0 of so many, for plans: it cannot talk.
std::unique_ptr<Collective> planned_ranks(int size);

/// Joins the processes that mpirun or srun has started with this one; alone() where it was started by itself. Throws InputError, in one line
/// what to install, where this program was built without MPI.
std::unique_ptr<Collective> join_ranks();

}  // namespace ablate
