#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/snapshot.hpp"
#include "wgscope/os/unique_fd.hpp"

#include "exporter/isolation/shared_memory.hpp"
#include "exporter/reading.hpp"

namespace wgscope::exporter {

struct ReadAnswer;

/// Reads in a process of its own, which keeps the privileges that this one can then give up
/// (isolation/confinement.hpp). The other process is started again when it ends.
///
/// There are two processes besides this one: the one that reads, and its parent, which does nothing
/// but start it again. Both end when this process does, however that happens.
class RemoteReading final : public Reading {
 public:
  /// Makes what reads, in the process that does.
  using Make = std::function<std::unique_ptr<Reading>()>;

  /// Starts the processes. To be called before the first thread, because they are forks of this
  /// process; they close all descriptors but the standard ones. @returns io.
  static Result<std::unique_ptr<RemoteReading>> start(const Make& make);
  RemoteReading(const RemoteReading&) = delete;
  RemoteReading& operator=(const RemoteReading&) = delete;
  ~RemoteReading() override;

  /// As Reading says; nothing waits beyond the deadline for the other process either. Where it gave
  /// no reading, the snapshot has one failure that says why, and the names stay.
  void read(Now now, Instant deadline, Snapshot& into, NamesReading& names) override;
  [[nodiscard]] std::optional<ReaderReport> reader() const override { return report_; }

  /// The parent of the process that reads.
  [[nodiscard]] pid_t keeper() const { return keeper_pid_; }

  /// Called, once, when the processes cannot be started again because the parent is gone too. Then
  /// nothing can be read any longer, and the program should end.
  void on_lost(std::function<void()> lost) { lost_ = std::move(lost); }

 private:
  enum class Outcome { done, late, ended };

  RemoteReading(os::UniqueFd keeper, pid_t pid);
  bool connect(Instant deadline, std::vector<std::string>& messages);
  Outcome receive(ReadAnswer& answer, Instant deadline);
  Outcome exchange(Now now, Instant deadline, Snapshot& into, NamesReading& names);
  void fail_all(Now now, std::string why, FailureReason reason, Snapshot& into) const;

  os::UniqueFd keeper_;  ///< where each new reading process's socket comes from
  pid_t keeper_pid_;
  os::UniqueFd socket_;  ///< of the present reading process; closed: there is none
  SharedMemory memory_;
  std::uint64_t sequence_ = 0;
  bool awaited_ = false;          ///< the last request has no answer yet
  std::uint64_t generation_ = 0;  ///< of the names that this process has; 0: none of this reader's
  std::shared_ptr<const config::PeerNames> names_;
  NamesReport names_report_;
  ReaderReport report_;
  std::array<bool, kCollectorCount> ran_{};  ///< which collectors the last reading had
  std::string failure_;                      ///< what the last exchange failed with
  std::function<void()> lost_ = [] {};
};

}  // namespace wgscope::exporter
