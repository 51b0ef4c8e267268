#include "exporter/endpoints.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>

#include "wgscope/base/time.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/snapshot.hpp"
#include "wgscope/os/clock.hpp"

#include "build_info.hpp"
#include "exporter/collection.hpp"
#include "exporter/collectors/collectors.hpp"
#include "exporter/exposition/gzip.hpp"
#include "exporter/exposition/output.hpp"
#include "exporter/exposition/registry.hpp"
#include "exporter/exposition/writer.hpp"
#include "exporter/http/door.hpp"
#include "exporter/http/negotiation.hpp"
#include "exporter/http/request_head.hpp"
#include "exporter/http/server.hpp"
#include "exporter/metrics.hpp"

namespace wgscope::exporter {
namespace {

constexpr std::string_view kPlain = "text/plain; charset=utf-8";

/// Counts a scrape as long as it lasts.
class InFlight {
 public:
  InFlight(prometheus::Gauge& gauge, std::atomic<std::size_t>& count)
      : gauge_(&gauge), count_(&count), number_(++count) {
    gauge_->Increment();
  }
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;
  ~InFlight() {
    gauge_->Decrement();
    --*count_;
  }
  /// How many there were when it began, itself included.
  [[nodiscard]] std::size_t number() const { return number_; }

 private:
  prometheus::Gauge* gauge_;
  std::atomic<std::size_t>* count_;
  std::size_t number_;
};

template <class Builder>
auto& described(Builder&& builder, const MetricDesc& metric, prometheus::Registry& registry) {
  return builder.Name(std::string(metric.name)).Help(std::string(metric.help)).Register(registry);
}

std::size_t count_peers(const Snapshot& snapshot) {
  std::size_t peers = 0;
  for (const Device& device : snapshot.devices) peers += device.peers.size();
  return peers;
}

std::string escape_html(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '<')
      escaped += "&lt;";
    else if (c == '&')
      escaped += "&amp;";
    else if (c == '"')
      escaped += "&quot;";
    else
      escaped += c;
  }
  return escaped;
}

}  // namespace

Endpoints::Endpoints(Collections& collections, Settings settings)
    : collections_(&collections),
      settings_(std::move(settings)),
      in_flight_(&described(prometheus::BuildGauge(), metric::kScrapesInFlight, registry_).Add({})),
      requests_(&described(prometheus::BuildCounter(), metric::kHttpRequests, registry_)),
      durations_(&described(prometheus::BuildHistogram(), metric::kHttpRequestDuration, registry_)),
      open_(&described(prometheus::BuildGauge(), metric::kConnections, registry_).Add({})),
      web_config_(&described(prometheus::BuildGauge(), metric::kWebConfigSuccess, registry_)) {
  auto& refused = described(prometheus::BuildCounter(), metric::kConnectionsRefused, registry_);
  for (std::size_t i = 0; i < refused_.size(); ++i)
    refused_[i] = &refused.Add({{"reason", std::string(to_string(static_cast<http::Refusal>(i)))}});
}

http::DoorEvents Endpoints::door_events() {
  return {.on_connections = [this](std::size_t open) { open_->Set(static_cast<double>(open)); },
          .on_refused =
              [this](http::Refusal reason) {
                refused_[static_cast<std::size_t>(reason)]->Increment();
              }};
}

void Endpoints::show_web_config(bool good) { web_config_->Add({}).Set(good ? 1 : 0); }

std::map<std::string, http::Handler, std::less<>> Endpoints::routes() {
  return {
      {settings_.telemetry_path, [this](const http::Request& request,
                                        http::Response& response) { metrics(request, response); }},
      {"/-/healthy",
       [](const http::Request&, http::Response& response) {
         http::respond(response, 200, kPlain, "wgscope-exporter is healthy.\n");
       }},
      {"/-/ready", [this](const http::Request& request,
                          http::Response& response) { ready(request, response); }},
      {"/", [this](const http::Request& request,
                   http::Response& response) { landing(request, response); }},
  };
}

void Endpoints::count(std::string_view path, int status, double seconds) {
  static const prometheus::Histogram::BucketBoundaries kBounds{0.001, 0.005, 0.01, 0.05, 0.1,
                                                               0.5,   1,     2.5,  5,    10};
  requests_->Add({{"code", fmt::format("{}", status)}, {"path", std::string(path)}}).Increment();
  durations_->Add({{"path", std::string(path)}}, kBounds).Observe(seconds);
}

void Endpoints::metrics(const http::Request& request, http::Response& response) {
  const InFlight in_flight(*in_flight_, scrapes_);
  if (settings_.max_requests != 0 && in_flight.number() > settings_.max_requests)
    return http::respond(response, 503, kPlain, "503 too many scrapes at once\n");
  const auto announced = scrape_timeout(request.header("X-Prometheus-Scrape-Timeout-Seconds"));
  const Nanoseconds timeout =
      std::min(settings_.collect_timeout, announced.value_or(settings_.collect_timeout));
  const auto collection = collections_->get(os::boot_now() + timeout);
  if (!collection)
    return http::respond(response, 503, kPlain,
                         fmt::format("503 {}\n", collection.error().context));

  const Negotiated negotiated = negotiate_format(request.header("Accept"));
  const bool gzip = accepts_gzip(request.header("Accept-Encoding"));
  response.set_header("Content-Type", negotiated.content_type);
  response.set_header("Vary", "Accept, Accept-Encoding");
  if (gzip) response.set_header("Content-Encoding", "gzip");
  if (response.head_only()) return response.finish();

  std::optional<GzipSink> compressor;
  if (gzip) compressor.emplace(response, count_peers((*collection)->snapshot));
  Output output(gzip ? static_cast<Sink&>(*compressor) : response);
  Writer writer(negotiated.format, output);
  write_collection(**collection, settings_.render, writer);
  write_registry(registry_.Collect(), writer);
  writer.finish();
  if (compressor) compressor->finish();
  response.finish();
}

void Endpoints::ready(const http::Request& /*request*/, http::Response& response) {
  const auto collection = collections_->get(os::boot_now() + settings_.collect_timeout);
  if (!collection)
    return http::respond(response, 503, kPlain,
                         fmt::format("503 {}\n", collection.error().context));
  const Snapshot& snapshot = (*collection)->snapshot;
  const bool ready = !nothing_readable(snapshot);
  http::respond(response, ready ? 200 : 503, kPlain,
                (ready ? "wgscope-exporter is ready.\n"
                       : "wgscope-exporter is not ready: it could not read anything.\n") +
                    describe_failures(snapshot));
}

void Endpoints::landing(const http::Request& /*request*/, http::Response& response) const {
  constexpr std::string_view kPage = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>wgscope-exporter</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem; color: #1c2733; }}
h1 {{ font-size: 1.5rem; }}
dt {{ font-weight: 600; margin-top: .75rem; }}
dd {{ margin: 0; }}
footer {{ margin-top: 2rem; color: #5a6b7b; font-size: .875rem; }}
</style>
</head>
<body>
<h1>wgscope-exporter</h1>
<p>WireGuard interfaces and peers of this host, for Prometheus.</p>
<dl>
<dt><a href="{0}">{0}</a></dt><dd>metrics</dd>
<dt><a href="/-/healthy">/-/healthy</a></dt><dd>200 while the exporter runs</dd>
<dt><a href="/-/ready">/-/ready</a></dt><dd>200 while the exporter can read anything; lists what it cannot read</dd>
</dl>
<footer>version {1}, revision {2}</footer>
</body>
</html>
)";
  http::respond(response, 200, "text/html; charset=utf-8",
                fmt::format(kPage, escape_html(settings_.telemetry_path), build_info::kVersion,
                            build_info::kRevision));
}

bool nothing_readable(const Snapshot& snapshot) {
  if (!snapshot.devices.empty() || snapshot.failures.empty()) return false;
  // An empty host is not a failure, but at least one complete source must say that it is empty.
  const auto& netlink = snapshot.report(Collector::netlink);
  const auto& uapi = snapshot.report(Collector::uapi);
  return !(netlink.ran && netlink.success && snapshot.report(Collector::links).success) &&
         !(uapi.ran && uapi.success && !netlink.ran);
}

std::string describe_failures(const Snapshot& snapshot) {
  std::string text;
  for (const Failure& failure : snapshot.failures) {
    std::string what = failure.netns;
    if (!what.empty() && !failure.interface.empty()) what += '/';
    what += failure.interface;
    text += fmt::format("{}{}{}: {}\n", what, what.empty() ? "" : ": ", to_string(failure.reason),
                        failure.detail);
  }
  return text;
}

}  // namespace wgscope::exporter
