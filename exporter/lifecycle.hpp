#pragma once

#include <csignal>
#include <functional>

#include "wgscope/base/time.hpp"

#include "exporter/collection.hpp"
#include "exporter/http/server.hpp"
#include "exporter/log.hpp"
#include "exporter/service_manager.hpp"

namespace wgscope::exporter {

/// The serving program's main thread: it waits for signals, and tells systemd's watchdog that all is
/// well while that is so. It takes no part in serving itself, so that nothing can hold it up.
class Lifecycle {
 public:
  struct Parts {
    http::Server* server;
    Collections* collections;
    const ServiceManager* manager;
    const Log* log;
  };
  struct Limits {
    Nanoseconds longest_collection;  ///< one that takes longer is stuck
    Nanoseconds longest_answer;      ///< beside the collection
  };

  /// @param signals  blocked in all threads: SIGINT, SIGTERM, SIGHUP.
  Lifecycle(const Parts& parts, const Limits& limits, const sigset_t& signals)
      : parts_(parts), limits_(limits), signals_(signals) {}

  /// Returns on SIGINT and SIGTERM. @param reload  what SIGHUP asks for.
  void run(const std::function<void()>& reload);

  /// Ends what clients have begun: who has sent a request gets the answer, who still comes waits for
  /// the next process, if systemd keeps the listening socket. That and a running collection have three
  /// seconds, less if a second signal comes.
  /// @returns false if the collection did not end: nothing of it may be touched any more.
  [[nodiscard]] bool wind_down();

 private:
  [[nodiscard]] bool works() const;

  Parts parts_;
  Limits limits_;
  sigset_t signals_;
};

}  // namespace wgscope::exporter
