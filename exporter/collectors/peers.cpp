// The hot path: a line for each peer in each family. Everything of a line that does not change from
// peer to peer is put together once for the family and interface, the key's base64 once for the
// collection, so a line is three copies and a number.

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "wgscope/audit/drift.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/device.hpp"

#include "exporter/collection.hpp"
#include "exporter/collectors/collectors.hpp"
#include "exporter/device_view.hpp"
#include "exporter/endpoint_detail.hpp"
#include "exporter/exposition/output.hpp"
#include "exporter/exposition/writer.hpp"
#include "exporter/inventory/prepared.hpp"
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

/// Room for the end of a line that has no number of its own.
constexpr std::size_t kMarkSize = 64;

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

/// Which labels a line has beside those that identify the peer.
enum class With : std::uint8_t {
  chosen,  ///< those that --peer-label chose
  name,    ///< those, and the name
  all,     ///< the name and all declared labels
};

class PeerFamilies {
 public:
  PeerFamilies(const Collection& collection, const RenderOptions& options, Writer& writer)
      : collection_(&collection),
        inventory_(collection.declared.inventory()),
        options_(&options),
        writer_(&writer) {}

  /// `value` gives a peer's Number, or nothing for no line.
  template <class Value>
  void family(const MetricDesc& metric, Value&& value, With with = With::chosen) {
    writer_->begin(metric);
    for (std::size_t d = 0; d < collection_->views.size(); ++d)
      device_lines(metric, d, value, with);
  }

  /// The lines of a family for the peers of one device.
  template <class Value>
  void device_lines(const MetricDesc& metric, std::size_t d, Value&& value, With with) {
    if (collection_->views[d].aggregated) return;
    const Device& device = collection_->snapshot.devices[d];
    const DeviceView& view = collection_->views[d];
    const std::string start = line_start(metric.name, device);
    // Locals: for all the compiler knows, each character written may be a part of any member.
    Output& output = writer_->output();
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
      char* to = open_line(output, start, peer_view, with, Number::kMaxSize + 8);
      to = put(to, "\"} ");
      to = number->write(to);
      *to++ = '\n';
      output.commit(to);
    }
  }

  void info();
  void verdict();
  void allowed_ip_info();
  void declared();
  void drift();
  void key_dates();
  /// Lines of value 1 for the peers for which `is_so` says yes: their view, and how they differ.
  template <class IsSo>
  void marks(const MetricDesc& metric, IsSo&& is_so);

 private:
  /// Writes what all lines of a peer have: `name{…,public_key="KEY`, and other labels behind it.
  /// @returns where the line goes on, with room for `rest` characters.
  char* open_line(Output& output, std::string_view start, const PeerView& view, With with,
                  std::size_t rest) {
    char* to = output.reserve(start.size() + view.key_text.size() + rest);
    to = put(to, start);
    to = put(to, {view.key_text.data(), view.key_text.size()});
    if (view.declared != audit::kNotDeclared)
      return put_labels(to, labels_of(view.declared, with), rest);
    if (view.name == nullptr || (with == With::chosen && !options_->name_label)) return to;
    scratch_ = "\",name=\"";
    append_label_value(scratch_, *view.name);
    return put_labels(to, scratch_, rest);
  }

  [[nodiscard]] std::string_view labels_of(std::uint32_t declared, With with) const {
    const DeclaredSeries& series = inventory_->series(declared);
    switch (with) {
      case With::chosen: return series.labels;
      case With::name: return series.name_label;
      default: return series.info_labels;
    }
  }

  /// For labels, which may have any length: writes what there is and goes on behind them.
  char* put_labels(char* to, std::string_view labels, std::size_t rest);

  void missing_lines(const MetricDesc& metric, std::size_t d, std::string_view end);
  [[nodiscard]] std::optional<WallTime> date_of(const PeerView& view, const audit::PeerDrift& drift,
                                                std::optional<WallTime> KeyDates::* date) const;

  char* put_endpoint(char* to, const Endpoint& endpoint) const;

  const Collection* collection_;
  const PreparedInventory* inventory_;  ///< nullptr: there is none
  const RenderOptions* options_;
  Writer* writer_;
  std::string scratch_;
};

char* PeerFamilies::put_labels(char* to, std::string_view labels, std::size_t rest) {
  if (labels.empty()) return to;
  Output& output = writer_->output();
  output.commit(to);
  output.append(labels);
  return output.reserve(rest);
}

char* put_prefix(char* to, const Prefix& prefix) {
  to = prefix.address.write(to);
  *to++ = '/';
  return std::to_chars(to, to + 3, prefix.bits).ptr;
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
    if (collection_->views[d].aggregated) continue;
    const Device& device = collection_->snapshot.devices[d];
    const std::string start = line_start(metric::kPeerInfo.name, device);
    for (std::size_t i = 0; i < device.peers.size(); ++i) {
      const Peer& peer = device.peers[i];
      const PeerView& view = collection_->views[d].peers[i];
      if (!view.shown) continue;
      char* to = open_line(writer_->output(), start, view, With::all, kRest);
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
    if (collection_->views[d].aggregated) continue;
    const std::string start =
        line_start(metric::kPeerVerdict.name, collection_->snapshot.devices[d]);
    for (const PeerView& view : collection_->views[d].peers) {
      if (!view.shown) continue;
      char* to = open_line(writer_->output(), start, view, With::name, kRest);
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
    if (collection_->views[d].aggregated) continue;
    const Device& device = collection_->snapshot.devices[d];
    const std::string start = line_start(metric::kPeerAllowedIpInfo.name, device);
    for (std::size_t i = 0; i < device.peers.size(); ++i) {
      const PeerView& view = collection_->views[d].peers[i];
      if (!view.shown) continue;
      for (const Prefix& prefix : device.allowed_ips_of(device.peers[i])) {
        char* to = open_line(writer_->output(), start, view, With::chosen, kRest);
        to = put_prefix(put(to, "\",allowed_ip=\""), prefix);
        to = put(to, "\",family=\"");
        to = put(to, prefix.address.family == Family::v4 ? "ipv4" : "ipv6");
        to = put(to, "\"} 1\n");
        writer_->output().commit(to);
      }
    }
  }
}

template <class IsSo>
void PeerFamilies::marks(const MetricDesc& metric, IsSo&& is_so) {
  writer_->begin(metric);
  for (std::size_t d = 0; d < collection_->views.size(); ++d) {
    if (collection_->views[d].aggregated) continue;
    const std::string start = line_start(metric.name, collection_->snapshot.devices[d]);
    const auto& drift = collection_->declared.drift.interfaces[d].peers;
    const auto& views = collection_->views[d].peers;
    for (std::size_t i = 0; i < views.size(); ++i) {
      if (!is_so(views[i], drift[i]) || !views[i].shown) continue;
      char* to = open_line(writer_->output(), start, views[i], With::name, kMarkSize);
      writer_->output().commit(put(to, "\"} 1\n"));
    }
  }
}

/// Those that are there, and those that are not.
void PeerFamilies::declared() {
  writer_->begin(metric::kPeerDeclared);
  for (std::size_t d = 0; d < collection_->views.size(); ++d) {
    device_lines(
        metric::kPeerDeclared, d,
        [](const Peer&, const PeerView& view) {
          return view.declared != audit::kNotDeclared ? std::optional(Number::integer(1))
                                                      : std::nullopt;
        },
        With::name);
    missing_lines(metric::kPeerDeclared, d, "\"} 0\n");
  }
  writer_->begin(metric::kPeerMissing);
  for (std::size_t d = 0; d < collection_->views.size(); ++d)
    missing_lines(metric::kPeerMissing, d, "\"} 1\n");
}

/// For declared peers that a device does not have.
void PeerFamilies::missing_lines(const MetricDesc& metric, std::size_t d, std::string_view end) {
  if (collection_->views[d].aggregated) return;
  const std::string start = line_start(metric.name, collection_->snapshot.devices[d]);
  for (const std::uint32_t missing : collection_->declared.drift.interfaces[d].missing) {
    PeerView absent;
    absent.declared = missing;
    const config::DeclaredPeer& peer = inventory_->declared().inventory().peers[missing];
    const bool old_may = config::keys_at(peer, collection_->snapshot.taken.wall).old_allowed;
    encode_key_base64((old_may ? peer.public_key : peer.successor->public_key).bytes,
                      absent.key_text);
    char* to = open_line(writer_->output(), start, absent, With::name, kMarkSize);
    writer_->output().commit(put(to, end));
  }
}

/// As declared for the key that a peer has; of a successor nothing is declared.
void PeerFamilies::key_dates() {
  const auto write = [&](const MetricDesc& metric, std::optional<WallTime> KeyDates::* date) {
    writer_->begin(metric);
    for (std::size_t d = 0; d < collection_->views.size(); ++d) {
      const auto& drift = collection_->declared.drift.interfaces[d].peers;
      std::size_t i = 0;
      device_lines(
          metric, d,
          [&](const Peer&, const PeerView& view) {
            const auto when = date_of(view, drift[i++], date);
            return when ? std::optional(Number::seconds(when->since_epoch)) : std::nullopt;
          },
          With::chosen);
    }
  };
  write(metric::kPeerKeyCreated, &KeyDates::created);
  write(metric::kPeerKeyRotationDue, &KeyDates::rotation_due);
  const WallTime now = collection_->snapshot.taken.wall;
  marks(metric::kPeerKeyRotationOverdue, [&](const PeerView& view, const audit::PeerDrift& drift) {
    const auto due = date_of(view, drift, &KeyDates::rotation_due);
    return due && *due <= now;
  });
}

std::optional<WallTime> PeerFamilies::date_of(const PeerView& view, const audit::PeerDrift& drift,
                                              std::optional<WallTime> KeyDates::* date) const {
  if (view.declared == audit::kNotDeclared || drift.successor) return std::nullopt;
  return inventory_->key_dates(view.declared).*date;
}

void PeerFamilies::drift() {
  struct Field {
    std::string_view name;
    bool (*differs)(const audit::PeerDrift&);
  };
  static constexpr std::array<Field, 4> kFields{
      {{"allowed_ips", [](const audit::PeerDrift& drift) -> bool { return drift.allowed_ips; }},
       {"endpoint", [](const audit::PeerDrift& drift) -> bool { return drift.endpoint; }},
       {"persistent_keepalive",
        [](const audit::PeerDrift& drift) -> bool { return drift.keepalive; }},
       {"preshared_key",
        [](const audit::PeerDrift& drift) -> bool { return drift.preshared_key; }}}};
  writer_->begin(metric::kPeerDrift);
  for (std::size_t d = 0; d < collection_->views.size(); ++d) {
    if (collection_->views[d].aggregated) continue;
    const std::string start = line_start(metric::kPeerDrift.name, collection_->snapshot.devices[d]);
    const auto& drift = collection_->declared.drift.interfaces[d].peers;
    const auto& views = collection_->views[d].peers;
    for (std::size_t i = 0; i < views.size(); ++i)
      for (const Field& field : kFields) {
        if (!field.differs(drift[i]) || !views[i].shown) continue;
        char* to = open_line(writer_->output(), start, views[i], With::name, kMarkSize);
        to = put(put(to, "\",field=\""), field.name);
        writer_->output().commit(put(to, "\"} 1\n"));
      }
  }
}

}  // namespace

void write_declared_peers(const Collection& collection, const RenderOptions& options,
                          Writer& writer) {
  const PreparedInventory* inventory = collection.declared.inventory();
  if (inventory == nullptr) return;
  using Maybe = std::optional<Number>;
  using audit::PeerDrift;
  PeerFamilies families(collection, options, writer);
  families.declared();
  families.family(metric::kPeerExpectedOnline, [](const Peer&, const PeerView& view) {
    const bool known =
        view.declared != audit::kNotDeclared && view.expected_online != kUnknownExpectation;
    return known ? Maybe(Number::integer(view.expected_online)) : Maybe();
  });
  families.marks(metric::kPeerUnexpectedlyOffline,
                 [](const PeerView& view, const PeerDrift&) { return view.unexpectedly_offline; });
  families.marks(metric::kPeerHandshakeOverdue,
                 [](const PeerView& view, const PeerDrift&) { return view.handshake_overdue; });
  families.marks(metric::kPeerUndeclared, [](const PeerView&, const PeerDrift& drift) {
    return drift.undeclared || drift.retired;
  });
  families.drift();
  families.marks(metric::kPeerAllowedIpsConflict,
                 [](const PeerView&, const PeerDrift& drift) -> bool { return drift.conflict; });
  families.marks(metric::kPeerAllowedIpsTooBroad,
                 [](const PeerView&, const PeerDrift& drift) -> bool { return drift.too_broad; });
  families.key_dates();
}

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
