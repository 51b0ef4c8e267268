#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/diagnosis/report.hpp"

namespace wgscope::checks {

/// How a check that was handed to a Runner came to its end.
enum class RunEnd : std::uint8_t {
  done,
  timed_out,  ///< the deadline interrupted the check, or passed before it began
  cancelled,
};

struct RunnerLimits {
  std::size_t at_once = 32;  ///< the most checks that run at the same time; at least 1
  std::size_t waiting = 64;  ///< the most checks that wait until a running one ends
};

/// Runs checks for any number of threads: several at once, each on a thread and a loop of its own.
///
/// The threads take turns (os::Turn): one runs while all others wait for packets or times. So
/// checks may share what belongs on one thread, above all lwIP, whose memory all tunnels of a
/// process have in common. Running them in turns costs little, as a check spends nearly all of
/// its time waiting.
///
/// All functions may be called from any thread.
class Runner {
  struct Shared;
  struct Task;

 public:
  /// A check: adds to the report, ends early once the run is interrupted. Runs on another thread,
  /// which has the turn; what it refers to stays until Ticket::wait() has returned.
  using Job = std::function<void(Run&, diagnosis::Report&)>;

  struct Outcome {
    RunEnd end = RunEnd::done;
    /// What the check found out, marked as interrupted unless it is done. Empty where it never
    /// began.
    diagnosis::Report report;
  };

  /// A check that was handed in. Destroying the ticket cancels the check and waits for its end.
  class Ticket {
   public:
    Ticket() = default;
    Ticket(Ticket&&) noexcept = default;
    Ticket& operator=(Ticket&& other) noexcept;
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    ~Ticket();

    /// Interrupts the check as Ctrl-C would; what has ended stays as it is.
    void cancel();
    [[nodiscard]] bool ended() const;
    /// Waits for the end. Call it once.
    Outcome wait();

   private:
    friend class Runner;
    explicit Ticket(std::shared_ptr<Task> task) : task_(std::move(task)) {}

    std::shared_ptr<Task> task_;
  };

  explicit Runner(RunnerLimits limits = {});
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;
  /// Cancels every check and waits for its end. Tickets may outlive the runner.
  ~Runner();

  /// @param deadline  when the check is interrupted, also if it is still waiting for others.
  /// @returns refused: as many run and wait as may; io.
  Result<Ticket> start(Job job, Instant deadline);

 private:
  std::shared_ptr<Shared> shared_;
};

}  // namespace wgscope::checks
