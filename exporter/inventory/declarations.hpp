#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/os/clock.hpp"

#include "exporter/inventory/files.hpp"
#include "exporter/inventory/lookups.hpp"
#include "exporter/inventory/prepared.hpp"

namespace wgscope::exporter {

/// What is declared, kept up to date beside the scrapes: a hundred thousand peers take half a second
/// to read. From any thread.
class Declarations {
 public:
  using Warn = std::function<void(const std::string& message)>;
  struct Settings {
    std::vector<std::string> paths;
    std::string host;                                ///< this host's name; empty: the system's
    PreparedInventory::Settings use;                 ///< its `host` is worked out
    Nanoseconds interval = std::chrono::seconds(2);  ///< between two looks at the files
    NameLookups::Settings lookups;
    std::function<Now()> clock = os::now;
  };

  /// How it stands. Immutable.
  struct State {
    /// What was read last; nullptr: nothing could be read yet.
    std::shared_ptr<const PreparedInventory> inventory;
    bool success = false;              ///< the last reading found no error
    std::optional<WallTime> reloaded;  ///< the last reading without errors
    LintCounts lint;                   ///< of the files as they were at the last reading
  };

  /// Reads the files. What is wrong with them is warned of, and does not stop the program: scrapes
  /// go on.
  Declarations(Settings settings, Warn warn);
  Declarations(const Declarations&) = delete;
  Declarations& operator=(const Declarations&) = delete;
  ~Declarations() = default;

  /// Starts to look for changes, and to look up the names of endpoints. To be called once.
  void watch();
  /// Reads everything again soon, on the thread that watch() started, and does not wait for it.
  void reload();

  [[nodiscard]] std::shared_ptr<const State> state() const;
  /// nullptr: nobody looks names up.
  [[nodiscard]] std::shared_ptr<const NameLookups::Known> names() const;

 private:
  void look(bool at_once);
  void say_remarks(const PreparedInventory& inventory);
  void run(const std::stop_token& stop);

  Settings settings_;
  Warn warn_;
  InventoryFiles files_;  ///< of the thread that looks
  std::string remarks_;   ///< what was said of the inventory last
  std::unique_ptr<NameLookups> lookups_;

  mutable std::mutex mutex_;
  std::condition_variable_any asked_;
  bool reload_asked_ = false;
  std::shared_ptr<const State> state_;
  std::jthread thread_;  ///< declared last, because it uses the other members
};

}  // namespace wgscope::exporter
