// The hot path: a line for each peer in each family. Everything of a line that does not change from peer to peer is put
// together once for the family and interface, the key's base64 once for the collection, so a line is three copies and a
// number.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "wgscope/base/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/device.hpp"

#include "exporter/collection.hpp"
#include "exporter/collectors/collectors.hpp"
#include "exporter/exposition/output.hpp"
#include "exporter/exposition/writer.hpp"
#include "exporter/metrics.hpp"

namespace wgscope::exporter {
namespace {

/// `name{interface="…",netns="…",public_key="`: how every line of one family and interface starts.
std::string line_start(std::string_view metric, const Device& device) {
  std::string start(metric);
  start += "{interface=\"";
  append_label_value(start, device.name);
  if (!device.netns.empty()) {
    start += "\",netns=\"";
    append_label_value(start, device.netns);
  }
  start += "\",public_key=\"";
  return start;
}

char* put(char* to, std::string_view text) {
  std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

class PeerFamilies {
 public:
  PeerFamilies(const Collection& collection, const RenderOptions& options, Writer& writer)
      : collection_(&collection), options_(&options), writer_(&writer) {}

  /// `value` gives a peer's Number, or nothing for no line.
  template <class Value>
  void family(const MetricDesc& metric, Value&& value) {
    writer_->begin(metric);
    for (std::size_t d = 0; d < collection_->views.size(); ++d) {
      const Device& device = collection_->snapshot.devices[d];
      const DeviceView& view = collection_->views[d];
      const std::string start = line_start(metric.name, device);
      for (std::size_t i = 0; i < view.peers.size(); ++i) {
        if (!view.peers[i].shown) continue;
        const std::optional<Number> number = value(device.peers[i], view.peers[i]);
        if (number) line(start, view.peers[i], *number);
      }
    }
  }

  void info();
  void allowed_ip_info();

 private:
  void line(std::string_view start, const PeerView& view, Number number) {
    if (options_->name_label && view.name != nullptr) return named_line(start, view, number);
    Output& output = writer_->output();
    char* to = output.reserve(start.size() + view.key_text.size() + Number::kMaxSize + 8);
    to = put(to, start);
    to = put(to, {view.key_text.data(), view.key_text.size()});
    to = put(to, "\"} ");
    to = number.write(to);
    *to++ = '\n';
    output.commit(to);
  }

  void named_line(std::string_view start, const PeerView& view, Number number) {
    scratch_.assign(start);
    scratch_.append(view.key_text.data(), view.key_text.size()).append("\",name=\"");
    append_label_value(scratch_, *view.name);
    scratch_ += "\"} ";
    const std::size_t size = scratch_.size();
    scratch_.resize(size + Number::kMaxSize);
    scratch_.resize(static_cast<std::size_t>(number.write(scratch_.data() + size) - scratch_.data()));
    scratch_ += '\n';
    writer_->output().append(scratch_);
  }

  void append_endpoint(const Endpoint& endpoint);

  const Collection* collection_;
  const RenderOptions* options_;
  Writer* writer_;
  std::string scratch_;
};

/// The network a peer is in, without the peer: /24 and /48, what providers hand to a site.
std::string subnet_of(const IpAddress& address) {
  Prefix prefix{address, static_cast<std::uint8_t>(address.family == Family::v4 ? 24 : 48)};
  for (std::size_t i = prefix.bits / 8U; i < prefix.address.bytes.size(); ++i)
    prefix.address.bytes[i] = std::byte{0};
  return prefix.to_string();
}

void PeerFamilies::append_endpoint(const Endpoint& endpoint) {
  if (options_->endpoint == EndpointDetail::off) return;
  scratch_ += ",endpoint=\"";
  switch (options_->endpoint) {
    case EndpointDetail::ip: scratch_ += endpoint.address.to_string(); break;
    case EndpointDetail::subnet: scratch_ += subnet_of(endpoint.address); break;
    default: scratch_ += endpoint.to_string(); break;
  }
  scratch_ += '"';
}

void PeerFamilies::info() {
  writer_->begin(metric::kPeerInfo);
  for (std::size_t d = 0; d < collection_->views.size(); ++d) {
    const Device& device = collection_->snapshot.devices[d];
    const std::string start = line_start(metric::kPeerInfo.name, device);
    for (std::size_t i = 0; i < device.peers.size(); ++i) {
      const Peer& peer = device.peers[i];
      const PeerView& view = collection_->views[d].peers[i];
      if (!view.shown) continue;
      scratch_.assign(start).append(view.key_text.data(), view.key_text.size()).append("\"");
      if (view.name != nullptr) {
        scratch_ += ",name=\"";
        append_label_value(scratch_, *view.name);
        scratch_ += '"';
      }
      scratch_.append(",preshared_key=\"").append(peer.has_preshared_key ? "true" : "false").append("\"");
      if (peer.protocol_version != 0)
        scratch_.append(",protocol_version=\"").append(fmt::to_string(peer.protocol_version)).append("\"");
      if (peer.endpoint) append_endpoint(*peer.endpoint);
      scratch_ += "} 1\n";
      writer_->output().append(scratch_);
    }
  }
}

void PeerFamilies::allowed_ip_info() {
  writer_->begin(metric::kPeerAllowedIpInfo);
  for (std::size_t d = 0; d < collection_->views.size(); ++d) {
    const Device& device = collection_->snapshot.devices[d];
    const std::string start = line_start(metric::kPeerAllowedIpInfo.name, device);
    for (std::size_t i = 0; i < device.peers.size(); ++i) {
      const PeerView& view = collection_->views[d].peers[i];
      if (!view.shown) continue;
      for (const Prefix& prefix : device.allowed_ips_of(device.peers[i])) {
        scratch_.assign(start).append(view.key_text.data(), view.key_text.size());
        if (options_->name_label && view.name != nullptr) {
          scratch_ += "\",name=\"";
          append_label_value(scratch_, *view.name);
        }
        scratch_.append("\",allowed_ip=\"").append(prefix.to_string()).append("\",family=\"");
        scratch_.append(prefix.address.family == Family::v4 ? "ipv4" : "ipv6").append("\"} 1\n");
        writer_->output().append(scratch_);
      }
    }
  }
}

}  // namespace

void write_peers(const Collection& collection, const RenderOptions& options, Writer& writer) {
  using Maybe = std::optional<Number>;
  PeerFamilies families(collection, options, writer);
  families.info();
  families.family(metric::kPeerLastHandshake, [](const Peer& peer, const PeerView&) {
    return peer.last_handshake ? Maybe(Number::seconds(peer.last_handshake->since_epoch)) : Maybe();
  });
  families.family(metric::kPeerHandshakeAge, [](const Peer& peer, const PeerView& view) {
    return peer.last_handshake ? Maybe(Number::seconds(view.handshake_age)) : Maybe();
  });
  families.family(metric::kPeerSessionLive, [](const Peer&, const PeerView& view) {
    return Maybe(Number::boolean(view.state == PeerState::live));
  });
  families.family(metric::kPeerReceiveBytes, [](const Peer& peer, const PeerView&) {
    return Maybe(Number::integer(peer.receive_bytes));
  });
  families.family(metric::kPeerTransmitBytes, [](const Peer& peer, const PeerView&) {
    return Maybe(Number::integer(peer.transmit_bytes));
  });
  families.family(metric::kPeerPersistentKeepalive, [](const Peer& peer, const PeerView&) {
    return Maybe(Number::integer(peer.persistent_keepalive_seconds));
  });
  families.family(metric::kPeerAllowedIps, [](const Peer& peer, const PeerView&) {
    return Maybe(Number::integer(peer.allowed_ips_count));
  });
  if (options.allowed_ip_info) families.allowed_ip_info();
  families.family(metric::kPeerFirstSeen, [](const Peer&, const PeerView& view) {
    return Maybe(Number::seconds(view.first_seen.since_epoch));
  });
}

}  // namespace wgscope::exporter
