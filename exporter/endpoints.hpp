#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <map>
#include <string>

#include <prometheus/registry.h>

#include "wgscope/base/time.hpp"

#include "exporter/collection.hpp"
#include "exporter/collectors/collectors.hpp"
#include "exporter/exposition/output.hpp"
#include "exporter/exposition/writer.hpp"
#include "exporter/http/door.hpp"
#include "exporter/http/request_head.hpp"
#include "exporter/http/server.hpp"

namespace wgscope::exporter {

/// The exporter's pages, and the counts of their answers.
class Endpoints {
 public:
  struct Settings {
    std::string telemetry_path;
    RenderOptions render;
    Nanoseconds collect_timeout;
    std::size_t max_requests = 0;  ///< scrapes at once; 0: no limit
  };

  /// @param collections  outlives this.
  Endpoints(Collections& collections, Settings settings);

  /// The routes of a server; they refer to this, which must outlive it.
  std::map<std::string, http::Handler, std::less<>> routes();
  void count(std::string_view path, int status, double seconds);
  /// What a server's door counts is shown among the metrics; refers to this.
  http::DoorEvents door_events();
  /// Whether the web configuration could be used when it was last read. Any thread.
  void show_web_config(bool good);

 private:
  void metrics(const http::Request& request, http::Response& response);
  void ready(const http::Request& request, http::Response& response);
  void landing(const http::Request& request, http::Response& response) const;

  Collections* collections_;
  Settings settings_;
  prometheus::Registry registry_;
  prometheus::Gauge* in_flight_;
  prometheus::Family<prometheus::Counter>* requests_;
  prometheus::Family<prometheus::Histogram>* durations_;
  prometheus::Gauge* open_;
  prometheus::Family<prometheus::Gauge>* web_config_;
  std::atomic<std::size_t> scrapes_ = 0;  ///< being answered
  std::array<prometheus::Counter*, http::kRefusalCount> refused_{};
};

/// Whether not one interface, namespace or folder could be read, though there is something to read.
bool nothing_readable(const Snapshot& snapshot);

/// One line for each failure: "wg0: eperm: read wg0: not permitted (…)".
std::string describe_failures(const Snapshot& snapshot);

}  // namespace wgscope::exporter
