#include "sample_collection.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/audit/drift.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/config/inventory_file.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/model/snapshot.hpp"

#include "exporter/collection.hpp"
#include "exporter/exposition/output.hpp"
#include "exporter/exposition/writer.hpp"
#include "exporter/inventory/declarations.hpp"
#include "exporter/inventory/declared_view.hpp"
#include "exporter/inventory/lookups.hpp"
#include "exporter/inventory/prepared.hpp"
#include "exporter/peer_history.hpp"
#include "exporter/peer_verdict.hpp"

namespace wgscope::exporter {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kNow{1'700'000'000s};

PublicKey key(unsigned char fill) {
  PublicKey made;
  made.bytes.fill(std::byte{fill});
  return made;
}

/// One peer, as a test says it.
struct PeerSpec {
  unsigned char key = 0;
  PeerState state = PeerState::never;
  Verdict verdict = Verdict::never;
  std::optional<Nanoseconds> age;
  const char* endpoint = nullptr;
  std::vector<const char*> allowed_ips;
  std::uint64_t receive_bytes = 0;
  std::uint64_t transmit_bytes = 0;
  std::uint16_t keepalive = 0;
  std::uint8_t protocol_version = 0;
  bool preshared_key = false;
  bool shown = true;
  PeerEvents events{};
};

class Builder {
 public:
  explicit Builder(config::PeerNames names) {
    made_.names = std::make_shared<const config::PeerNames>(std::move(names));
    made_.snapshot.taken = {Instant{5000s}, kNow};
  }

  Device& device(std::string netns, std::string name, Implementation implementation) {
    made_.views.emplace_back();
    Device& device = made_.snapshot.devices.emplace_back();
    device.netns = std::move(netns);
    device.name = std::move(name);
    device.implementation = implementation;
    return device;
  }

  /// Adds a peer to the last device.
  void peer(const PeerSpec& spec) {
    Device& device = made_.snapshot.devices.back();
    DeviceView& into = made_.views.back();
    Peer& peer = device.peers.emplace_back();
    peer.public_key = key(spec.key);
    if (spec.endpoint != nullptr) peer.endpoint = Endpoint::parse(spec.endpoint).value();
    if (spec.age) peer.last_handshake = WallTime{kNow.since_epoch - *spec.age};
    peer.receive_bytes = spec.receive_bytes;
    peer.transmit_bytes = spec.transmit_bytes;
    peer.persistent_keepalive_seconds = spec.keepalive;
    peer.protocol_version = spec.protocol_version;
    peer.has_preshared_key = spec.preshared_key;
    for (const char* prefix : spec.allowed_ips)
      device.add_allowed_ip(device.peers.size() - 1, Prefix::parse(prefix).value());

    PeerView& view = into.peers.emplace_back();
    encode_key_base64(peer.public_key.bytes, view.key_text);
    view.state = spec.state;
    view.verdict = spec.verdict;
    view.shown = spec.shown;
    view.first_seen = WallTime{1'600'000'000s + 1ms * spec.key};
    view.handshake_age = spec.age.value_or(0ns);
    view.events = spec.events;
    if (const auto name = made_.names->find(peer.public_key); name != made_.names->end())
      view.name = &name->second;
    if (!spec.shown) return;
    ++into.by_state[static_cast<std::size_t>(spec.state)];
    ++into.by_verdict[static_cast<std::size_t>(spec.verdict)];
  }

  Collection made_;
};

Link link(const std::string& name, std::uint32_t ifindex) {
  Link made;
  made.name = name;
  made.ifindex = ifindex;
  made.mtu_bytes = 1420;
  made.up = true;
  return made;
}

void add_kernel_interface(Builder& builder) {
  Device& device = builder.device("", "wg0", Implementation::kernel);
  device.public_key = key(0xf0);
  device.listen_port = 51820;
  device.fwmark = 0xca6c;
  device.link = link("wg0", 7);
  device.link->stats = LinkStats{11, 12, (1ULL << 63U) + 7, UINT64_MAX, 15, 16, 17, 18, 19, 20};
  builder.made_.views.back().created = WallTime{1'650'000'000s + 250ms};
  builder.made_.views.back().peer_resets = 5;
  builder.peer({.key = 1,
                .state = PeerState::live,
                .verdict = Verdict::flapping,
                .age = 17s + 42ms,
                .endpoint = "192.0.2.77:51820",
                .allowed_ips = {"10.0.0.2/32", "fd00::2/128"},
                .receive_bytes = (1ULL << 63U) + 7,
                .transmit_bytes = (1ULL << 53U) + 1,
                .keepalive = 25,
                .protocol_version = 1,
                .preshared_key = true,
                .events = {40, 3, 2}});
  builder.peer({.key = 2, .state = PeerState::never, .protocol_version = 1});
  builder.peer({.key = 3,
                .state = PeerState::idle,
                .verdict = Verdict::unanswered,
                .age = 180s,
                .endpoint = "[2001:db8:1:2::3]:443",
                .allowed_ips = {"10.0.1.0/24"},
                .receive_bytes = UINT64_MAX,
                .protocol_version = 1});
  builder.peer({.key = 3,
                .state = PeerState::idle,
                .verdict = Verdict::idle,
                .age = 1s,
                .receive_bytes = 99,
                .shown = false,
                .events = {9, 9, 9}});
}

void add_userspace_interfaces(Builder& builder) {
  // An odd name: files of UAPI sockets can have any.
  Device& odd = builder.device("", "odd \"\n\\\xff", Implementation::userspace);
  odd.public_key = key(0xf1);
  odd.link = link("odd", 8);
  odd.link->up = false;
  odd.listen_port = 1;
  odd.socket_receive_drops = 3;
  builder.peer({.key = 1,
                .state = PeerState::live,
                .verdict = Verdict::live,
                .age = 0s,
                .endpoint = "[fe80::1%3]:9",
                .allowed_ips = {"::/0"}});
  Device& blue = builder.device("blue", "wg0", Implementation::userspace);
  blue.link = link("wg0", 2);
  blue.link->stats = LinkStats{1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  blue.socket_receive_drops = 0;
  builder.made_.views.back().created = WallTime{1'660'000'000s};
  builder.peer({.key = 4,
                .state = PeerState::idle,
                .verdict = Verdict::replies_lost,
                .age = 24h,
                .endpoint = "198.51.100.255:65535",
                .events = {UINT32_MAX, 1, 0}});
  builder.peer({.key = 5,
                .state = PeerState::idle,
                .verdict = Verdict::idle,
                .age = 181s,
                .allowed_ips = {"192.168.0.0/16"}});
  // In a namespace that could not be entered: no link, no drops. No private key set: no public one.
  builder.device("net:[4026532001]", "wg1", Implementation::userspace);
}

}  // namespace

Collection sample_collection() {
  Builder builder({{key(1), "ann \"the\nadmin\" \\"},
                   {key(3), "caf\xe9"},
                   {key(4), "blue"},
                   {key(9), "nobody"}});
  add_kernel_interface(builder);
  add_userspace_interfaces(builder);
  Collection& made = builder.made_;
  made.snapshot.report(Collector::netlink) = {true, true, 1500us};
  made.snapshot.report(Collector::uapi) = {true, false, 2s};
  made.snapshot.report(Collector::links) = {false, true, 0s};
  made.names_report = {true, true, 125us};
  made.reader = ReaderReport{.restarts = 2, .cpu = 1500ms, .resident_bytes = 5'169'152};
  made.clock_steps = 2;
  made.state_success = true;
  made.journal_report = {.ran = true, .success = false, .events = 12, .dropped = 3};
  made.events_counted = true;
  made.judged = true;
  made.dated = true;
  made.snapshot.failures = {
      {"", "wg9", FailureReason::refused, "nobody listens"},
      {"", "wg9", FailureReason::refused, "and again"},
      {"", "wg9", FailureReason::malformed, "for another reason"},
      {"gone \"ns\"", "", FailureReason::netns_gone, "there is none"},
      {"", "", FailureReason::eacces, "the folder of sockets"},
  };
  return std::move(builder.made_);
}

namespace {

/// Of the keys of sample_collection(): a site, a laptop, one with an odd name and label, one that
/// nobody declared (5), and one that is missing (6).
config::InventoryRead sample_inventory() {
  const std::string text = fmt::format(
      R"(interfaces: [{{name: wg0}}, {{name: wg8}}]
peers:
  - {{name: site, public_key: {}, expected_online: always, key_created: 2023-01-01, rotation: 90d,
     labels: {{team: ops, site: north}}}}
  - {{name: laptop, public_key: {}, labels: {{team: sales}}}}
  - {{name: "odd \"\\ name", public_key: {}, labels: {{team: "b\"ack\\slash"}}}}
  - {{name: blue, public_key: {}, key_created: 2023-02-01, rotation: 90d}}
  - {{name: missing, public_key: {}}}
)",
      key(1).base64(), key(2).base64(), key(3).base64(), key(4).base64(), key(6).base64());
  const std::array<config::InventoryText, 1> files{{{"inventory.yaml", text}}};
  return config::read_inventory(files, [](std::string_view) { return Result<>(); });
}

void declare(const PreparedInventory& inventory, std::uint32_t declared, PeerView& view,
             audit::PeerDrift& drift) {
  drift.declared = view.declared = declared;
  view.name = &inventory.name_of(declared);
  view.expected_online = declared == 0 ? 1 : 0;
}

void declare_wg0(const PreparedInventory& inventory, DeviceView& view,
                 audit::InterfaceDrift& drift) {
  drift.declared = 0;
  drift.missing = {4};
  for (std::uint32_t i = 0; i < 3; ++i) declare(inventory, i, view.peers[i], drift.peers[i]);
  view.peers[0].unexpectedly_offline = true;
  view.peers[1].handshake_overdue = true;
  drift.peers[0].allowed_ips = drift.peers[0].endpoint = drift.peers[0].conflict = true;
  drift.peers[2].keepalive = drift.peers[2].preshared_key = drift.peers[2].too_broad = true;
}

/// wg0 of the namespace "blue": a peer that is stale, and one that nobody declared.
void declare_blue(const PreparedInventory& inventory, DeviceView& view,
                  audit::InterfaceDrift& drift) {
  drift.declared = 0;
  drift.missing = {0};
  declare(inventory, 3, view.peers[0], drift.peers[0]);
  view.peers[0].unexpectedly_offline = view.peers[0].handshake_overdue = true;
  drift.peers[0].endpoint = drift.peers[0].conflict = drift.peers[0].too_broad = true;
  drift.peers[1].undeclared = true;
  view.by_state[static_cast<std::size_t>(PeerState::stale)] = 1;
  view.by_verdict[static_cast<std::size_t>(Verdict::stale)] = 1;
}

}  // namespace

Collection declared_sample_collection() {
  Collection made = sample_collection();
  DeclaredView& declared = made.declared;
  const auto inventory = std::make_shared<const PreparedInventory>(
      sample_inventory(),
      PreparedInventory::Settings{.host = "gw-1", .peer_labels = {"name", "team"}, .seed = 1});
  declared.state = std::make_shared<const Declarations::State>(
      Declarations::State{inventory, true, WallTime{1'690'000'000s}});
  NameLookups::Known known;
  known.oldest = made.snapshot.taken.boot - 250s;
  declared.names = std::make_shared<const NameLookups::Known>(std::move(known));
  declared.drift.interfaces.resize(made.views.size());
  for (std::size_t i = 0; i < made.views.size(); ++i)
    declared.drift.interfaces[i].peers.resize(made.views[i].peers.size());
  declared.drift.missing_interfaces = {1};
  declare_wg0(*inventory, made.views[0], declared.drift.interfaces[0]);
  declare_blue(*inventory, made.views[2], declared.drift.interfaces[2]);
  declared.drift.interfaces[1].comparison = audit::Comparison::undeclared;
  declared.drift.interfaces[3].comparison = audit::Comparison::other_host;
  made.declared.drift.interfaces[1].peers[0].undeclared = true;  // it has a name, from a file
  declared.findings = {{diagnosis::FindingId::mtu_reported, "", "", 1},
                       {diagnosis::FindingId::mtu_fragments, "blue", "wg0", 0}};
  return made;
}

std::string render(const Collection& collection, const RenderOptions& options, Format format) {
  StringSink sink;
  Output output(sink);
  Writer writer(format, output);
  write_collection(collection, options, writer);
  writer.finish();

  static const std::regex process(R"((# [A-Z]+ )?process_.*)");
  static const std::regex built(R"(\{version="[^"]*",revision="[^"]*",compiler="[^"]*"\})");
  std::string kept;
  for (std::string_view rest = sink.text; !rest.empty();) {
    const std::size_t size = std::min(rest.find('\n'), rest.size() - 1) + 1;
    const std::string line(rest.substr(0, size - 1));
    rest.remove_prefix(size);
    if (std::regex_match(line, process)) continue;
    kept += line.starts_with("wireguard_exporter_build_info")
                ? std::regex_replace(line, built, R"({version="V",revision="R",compiler="C"})")
                : line;
    kept += '\n';
  }
  return kept;
}

}  // namespace wgscope::exporter
