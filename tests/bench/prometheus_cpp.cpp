#include "prometheus_cpp.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>
#include <zlib.h>

#include <fmt/format.h>
#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>
#include <prometheus/metric_type.h>

#include "wgscope/base/time.hpp"
#include "wgscope/model/device.hpp"

#include "exporter/collection.hpp"
#include "exporter/metrics.hpp"

namespace wgscope::bench {
namespace {

using exporter::Collection;
using exporter::MetricDesc;
using exporter::MetricType;
using exporter::PeerState;
using exporter::PeerView;
using Labels = std::vector<prometheus::ClientMetric::Label>;
using Maybe = std::optional<double>;

double seconds(Nanoseconds time) { return std::chrono::duration<double>(time).count(); }

class Builder {
 public:
  explicit Builder(const Collection& collection) : collection_(&collection) {}

  /// `value` gives a peer's value, or nothing for no sample.
  template <class Value>
  void family(const MetricDesc& metric, Value&& value) {
    prometheus::MetricFamily& family = families_.emplace_back();
    family.name = metric.name;
    family.help = metric.help;
    const bool counts = metric.type == MetricType::counter;
    family.type = counts ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
    for (std::size_t d = 0; d < collection_->views.size(); ++d) {
      const Device& device = collection_->snapshot.devices[d];
      const std::vector<PeerView>& views = collection_->views[d].peers;
      for (std::size_t i = 0; i < views.size(); ++i) {
        prometheus::ClientMetric sample;
        sample.label.push_back({"interface", device.name});
        sample.label.push_back(
            {"public_key", {views[i].key_text.data(), views[i].key_text.size()}});
        const std::optional<double> number = value(device.peers[i], views[i], sample.label);
        if (!number) continue;
        (counts ? sample.counter.value : sample.gauge.value) = *number;
        family.metric.push_back(std::move(sample));
      }
    }
  }

  std::vector<prometheus::MetricFamily> take() { return std::move(families_); }

 private:
  const Collection* collection_;
  std::vector<prometheus::MetricFamily> families_;
};

void add_info(Builder& builder) {
  builder.family(exporter::metric::kPeerInfo,
                 [](const Peer& peer, const PeerView&, Labels& labels) {
                   labels.push_back({"preshared_key", peer.has_preshared_key ? "true" : "false"});
                   labels.push_back({"protocol_version", fmt::to_string(peer.protocol_version)});
                   if (peer.endpoint) labels.push_back({"endpoint", peer.endpoint->to_string()});
                   return Maybe(1);
                 });
}

void add_handshakes(Builder& builder) {
  namespace metric = exporter::metric;
  builder.family(metric::kPeerLastHandshake, [](const Peer& peer, const PeerView&, Labels&) {
    return peer.last_handshake ? Maybe(seconds(peer.last_handshake->since_epoch)) : Maybe();
  });
  builder.family(metric::kPeerHandshakeAge, [](const Peer& peer, const PeerView& view, Labels&) {
    return peer.last_handshake ? Maybe(seconds(view.handshake_age)) : Maybe();
  });
  builder.family(metric::kPeerSessionLive, [](const Peer&, const PeerView& view, Labels&) {
    return Maybe(view.state == PeerState::live ? 1 : 0);
  });
}

void add_numbers(Builder& builder) {
  namespace metric = exporter::metric;
  builder.family(metric::kPeerReceiveBytes, [](const Peer& peer, const PeerView&, Labels&) {
    return Maybe(static_cast<double>(peer.receive_bytes));
  });
  builder.family(metric::kPeerTransmitBytes, [](const Peer& peer, const PeerView&, Labels&) {
    return Maybe(static_cast<double>(peer.transmit_bytes));
  });
  builder.family(metric::kPeerPersistentKeepalive, [](const Peer& peer, const PeerView&, Labels&) {
    return Maybe(peer.persistent_keepalive_seconds);
  });
  builder.family(metric::kPeerAllowedIps, [](const Peer& peer, const PeerView&, Labels&) {
    return Maybe(peer.allowed_ips_count);
  });
  builder.family(metric::kPeerFirstSeen, [](const Peer&, const PeerView& view, Labels&) {
    return Maybe(seconds(view.first_seen.since_epoch));
  });
}

}  // namespace

std::vector<prometheus::MetricFamily> families_of(const Collection& collection) {
  Builder builder(collection);
  add_info(builder);
  add_handshakes(builder);
  add_numbers(builder);
  return builder.take();
}

std::vector<char> gzip_as_exposer(std::span<const char> text) {
  constexpr int kGzip = 16;
  constexpr int kMemoryLevel = 9;
  constexpr std::size_t kRound = 32'768;
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + kGzip, kMemoryLevel,
                   Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::runtime_error("zlib does not start");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  std::vector<char> output;
  output.reserve(text.size() / 2);
  int status = Z_OK;
  do {
    output.resize(stream.total_out + kRound);
    stream.avail_out = kRound;
    stream.next_out = reinterpret_cast<Bytef*>(output.data() + stream.total_out);
    status = deflate(&stream, Z_FINISH);
    output.resize(stream.total_out);
  } while (status == Z_OK);
  deflateEnd(&stream);
  if (status != Z_STREAM_END) throw std::runtime_error("zlib failed");
  return output;
}

}  // namespace wgscope::bench
