#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/config/names.hpp"
#include "wgscope/model/snapshot.hpp"
#include "wgscope/source/collect.hpp"

#include "exporter/names.hpp"
#include "exporter/names_reader.hpp"

namespace wgscope::exporter {

/// What the files of names gave.
struct NamesReading {
  std::shared_ptr<const config::PeerNames> names;  ///< nullptr: there are no such files
  NamesReport report;
  std::vector<std::string> messages;  ///< what is to be logged, once
};

/// What the process that reads has cost, for its metrics.
struct ReaderReport {
  std::uint64_t restarts = 0;  ///< how often it was started again because it had ended
  Nanoseconds cpu{};           ///< of the present one
  std::uint64_t resident_bytes = 0;
};

/// Everything that collections are made from and that may need privileges, or has keys pass
/// through its memory. It happens in this process, or in another one (isolation/remote_reading.hpp).
class Reading {
 public:
  Reading() = default;
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;
  virtual ~Reading() = default;

  /// Reads interfaces as SnapshotSource::collect() does, and the files of names that changed. What
  /// an earlier call filled may be given again to have its memory used. Not for two threads at once.
  virtual void read(Now now, Instant deadline, Snapshot& into, NamesReading& names) = 0;

  /// Of the process that reads; nothing: it is this one.
  [[nodiscard]] virtual std::optional<ReaderReport> reader() const { return std::nullopt; }
};

/// Reads in the calling thread.
class LocalReading final : public Reading {
 public:
  /// @param names_patience  how long a reading waits for files of names that changed; what takes
  /// longer is in a later one.
  LocalReading(source::CollectOptions source, std::vector<NamesFile> names,
               Nanoseconds names_patience = std::chrono::milliseconds(500));
  void read(Now now, Instant deadline, Snapshot& into, NamesReading& names) override;

 private:
  source::SnapshotSource source_;
  NamesReader names_;
  Nanoseconds names_patience_;
};

}  // namespace wgscope::exporter
