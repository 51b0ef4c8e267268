// The hot path: a line for each peer in each family. Everything of a line that does not change from
// peer to peer is put together once for the family and interface, the key's base64 once for the
// collection, so a line is three copies and a number.

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "wgscope/model/address.hpp"
#include "wgscope/model/device.hpp"

#include "exporter/collection.hpp"
#include "exporter/collectors/collectors.hpp"
#include "exporter/device_view.hpp"
#include "exporter/exposition/output.hpp"
#include "exporter/exposition/writer.hpp"
#include "exporter/metrics.hpp"
#include "exporter/peer_verdict.hpp"

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

/// Families go over all peers one after the other, so a hundred thousand come from memory each
/// time, and the processor alone does not ask for them early enough.
constexpr std::size_t kFetchAhead = 16;

template <class T>
void fetch(const T& item) {
  constexpr std::size_t kCacheLine = 64;
  static_assert(sizeof item > kCacheLine && sizeof item <= 2 * kCacheLine);
  const auto* bytes = reinterpret_cast<const char*>(&item);
  __builtin_prefetch(bytes);
  __builtin_prefetch(bytes + kCacheLine);
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
      // Locals: for all the compiler knows, each character written may be a part of any member.
      Output& output = writer_->output();
      const bool with_name = options_->name_label;
      const Peer* const peers = device.peers.data();
      const PeerView* const peer_views = view.peers.data();
      const std::size_t count = view.peers.size();
      for (std::size_t i = 0; i < count; ++i) {
        if (i + kFetchAhead < count) {
          fetch(peers[i + kFetchAhead]);
          fetch(peer_views[i + kFetchAhead]);
        }
        const PeerView& peer_view = peer_views[i];
        const std::optional<Number> number = value(peers[i], peer_view);
        if (!number || !peer_view.shown) continue;
        char* to = open_line(output, start, peer_view, with_name, Number::kMaxSize + 8);
        to = put(to, "\"} ");
        to = number->write(to);
        *to++ = '\n';
        output.commit(to);
      }
    }
  }

  void info();
  void verdict();
  void allowed_ip_info();

 private:
  /// Writes what all lines of a peer have: `name{…,public_key="KEY`, and `",name="NAME` behind it
  /// where that is wanted.
  /// @returns where the line goes on, with room for `rest` characters.
  char* open_line(Output& output, std::string_view start, const PeerView& view, bool with_name,
                  std::size_t rest) {
    char* to = output.reserve(start.size() + view.key_text.size() + rest);
    to = put(to, start);
    to = put(to, {view.key_text.data(), view.key_text.size()});
    return with_name && view.name != nullptr ? put_name(to, *view.name, rest) : to;
  }

  char* put_name(char* to, std::string_view name, std::size_t rest);

  char* put_endpoint(char* to, const Endpoint& endpoint) const;

  const Collection* collection_;
  const RenderOptions* options_;
  Writer* writer_;
  std::string scratch_;
};

/// For names, which may have any length: writes what there is and goes on behind the name.
char* PeerFamilies::put_name(char* to, std::string_view name, std::size_t rest) {
  Output& output = writer_->output();
  output.commit(to);
  scratch_ = "\",name=\"";
  append_label_value(scratch_, name);
  output.append(scratch_);
  return output.reserve(rest);
}

char* put_prefix(char* to, const Prefix& prefix) {
  to = prefix.address.write(to);
  *to++ = '/';
  return std::to_chars(to, to + 3, prefix.bits).ptr;
}

/// The network a peer is in, without the peer: /24 and /48, what providers hand to a site.
Prefix subnet_of(const IpAddress& address) {
  Prefix prefix{address, static_cast<std::uint8_t>(address.family == Family::v4 ? 24 : 48)};
  for (std::size_t i = prefix.bits / 8U; i < prefix.address.bytes.size(); ++i)
    prefix.address.bytes[i] = std::byte{0};
  return prefix;
}

char* PeerFamilies::put_endpoint(char* to, const Endpoint& endpoint) const {
  if (options_->endpoint == EndpointDetail::off) return to;
  to = put(to, "\",endpoint=\"");
  switch (options_->endpoint) {
    case EndpointDetail::ip: return endpoint.address.write(to);
    case EndpointDetail::subnet: return put_prefix(to, subnet_of(endpoint.address));
    default: return endpoint.write(to);
  }
}

void PeerFamilies::info() {
  constexpr std::size_t kRest = 64 + Number::kMaxSize + Endpoint::kMaxTextSize;
  writer_->begin(metric::kPeerInfo);
  for (std::size_t d = 0; d < collection_->views.size(); ++d) {
    const Device& device = collection_->snapshot.devices[d];
    const std::string start = line_start(metric::kPeerInfo.name, device);
    for (std::size_t i = 0; i < device.peers.size(); ++i) {
      const Peer& peer = device.peers[i];
      const PeerView& view = collection_->views[d].peers[i];
      if (!view.shown) continue;
      char* to = open_line(writer_->output(), start, view, true, kRest);
      to = put(to, "\",preshared_key=\"");
      to = put(to, peer.has_preshared_key ? "true" : "false");
      if (peer.protocol_version != 0) {
        to = put(to, "\",protocol_version=\"");
        to = Number::integer(peer.protocol_version).write(to);
      }
      if (peer.endpoint) to = put_endpoint(to, *peer.endpoint);
      to = put(to, "\"} 1\n");
      writer_->output().commit(to);
    }
  }
}

/// Has the name in itself, because alerts about few peers would have to read the info of all peers
/// to learn it.
void PeerFamilies::verdict() {
  constexpr std::size_t kRest = 64;
  writer_->begin(metric::kPeerVerdict);
  for (std::size_t d = 0; d < collection_->views.size(); ++d) {
    const std::string start =
        line_start(metric::kPeerVerdict.name, collection_->snapshot.devices[d]);
    for (const PeerView& view : collection_->views[d].peers) {
      if (!view.shown) continue;
      char* to = open_line(writer_->output(), start, view, true, kRest);
      to = put(to, "\",verdict=\"");
      to = put(to, kVerdictNames.at(static_cast<std::size_t>(view.verdict)));
      to = put(to, "\"} 1\n");
      writer_->output().commit(to);
    }
  }
}

void PeerFamilies::allowed_ip_info() {
  constexpr std::size_t kRest = 64 + IpAddress::kMaxTextSize;
  writer_->begin(metric::kPeerAllowedIpInfo);
  for (std::size_t d = 0; d < collection_->views.size(); ++d) {
    const Device& device = collection_->snapshot.devices[d];
    const std::string start = line_start(metric::kPeerAllowedIpInfo.name, device);
    for (std::size_t i = 0; i < device.peers.size(); ++i) {
      const PeerView& view = collection_->views[d].peers[i];
      if (!view.shown) continue;
      for (const Prefix& prefix : device.allowed_ips_of(device.peers[i])) {
        char* to = open_line(writer_->output(), start, view, options_->name_label, kRest);
        to = put_prefix(put(to, "\",allowed_ip=\""), prefix);
        to = put(to, "\",family=\"");
        to = put(to, prefix.address.family == Family::v4 ? "ipv4" : "ipv6");
        to = put(to, "\"} 1\n");
        writer_->output().commit(to);
      }
    }
  }
}

}  // namespace

void write_peers(const Collection& collection, const RenderOptions& options, Writer& writer) {
  using Maybe = std::optional<Number>;
  PeerFamilies families(collection, options, writer);
  families.info();
  if (collection.judged) families.verdict();
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
  if (collection.dated)
    families.family(metric::kPeerFirstSeen, [](const Peer&, const PeerView& view) {
      return Maybe(Number::seconds(view.first_seen.since_epoch));
    });
  if (!collection.events_counted) return;
  families.family(metric::kPeerHandshakes, [](const Peer&, const PeerView& view) {
    return Maybe(Number::integer(view.events.handshakes));
  });
  families.family(metric::kPeerEndpointChanges, [](const Peer&, const PeerView& view) {
    return Maybe(Number::integer(view.events.endpoint_changes));
  });
  families.family(metric::kPeerEndpointAlternations, [](const Peer&, const PeerView& view) {
    return Maybe(Number::integer(view.events.endpoint_alternations));
  });
}

}  // namespace wgscope::exporter
