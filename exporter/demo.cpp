#include "exporter/demo.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "wgscope/base/keys.hpp"
#include "wgscope/base/random.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/crypto/random.hpp"
#include "wgscope/crypto/x25519.hpp"
#include "wgscope/endpoint/attachment.hpp"
#include "wgscope/endpoint/embedded_endpoint.hpp"
#include "wgscope/endpoint/uapi_server.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/inner/host.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/file.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/os/udp_socket.hpp"
#include "wgscope/tunnel/event.hpp"
#include "wgscope/tunnel/interface.hpp"

#include "exporter/line_pipe.hpp"
#include "exporter/private_folder.hpp"

namespace wgscope::exporter {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kBetweenPings{500};
constexpr seconds kBetweenRoams{20};
constexpr seconds kKeepalive{25};

enum class Behaviour : std::uint8_t { pings, pings_once, roams, never_comes };

struct PeerPlan {
  std::string_view name;
  Behaviour behaviour = Behaviour::pings;
  bool preshared_key = false;
  bool ipv6 = false;
  bool pinged = false;  ///< by its gateway
  bool probed = false;  ///< probe.conf has a key that is registered on this peer
};

struct GatewayPlan {
  std::string_view name;
  std::string_view network;   ///< first three octets of the peers' addresses
  std::string_view network6;  ///< first groups of them
  std::array<PeerPlan, 3> peers;
};

constexpr GatewayPlan kPlan[] = {
    {"gw-lisbon",
     "10.95.86",
     "fd95:86",
     {{{.name = "laptop"},
       {.name = "tablet", .behaviour = Behaviour::pings_once},
       {.name = "printer", .behaviour = Behaviour::never_comes}}}},
    {"gw-oslo",
     "10.95.87",
     "fd95:87",
     {{{.name = "vault", .preshared_key = true},
       {.name = "phone", .behaviour = Behaviour::roams},
       {.name = "mast", .ipv6 = true, .pinged = true, .probed = true}}}},
};

// Whom the faults are done to.
constexpr std::string_view kDies = "mast";
constexpr std::string_view kHasWrongKey = "printer";
constexpr std::size_t kProbeNumber = 9;  ///< of the probe's address, as peers have theirs

/// What the demo's constants say is well-formed.
template <class T>
T parsed(const std::string& text) {
  return T::parse(text).value();
}

/// The packets inside the tunnels do not matter here: the demo shows the gateways' state.
class Silent final : public endpoint::Observer {
 public:
  void on_tunnel_event(const tunnel::Event& /*event*/) override {}
  void on_inner_event(const inner::Event& /*event*/) override {}
  void on_socket_error(const os::SocketError& /*error*/) override {}
  void on_send_failure(const os::SendFailure& /*failure*/) override {}
};

PrivateKey make_private_key(Random& random) {
  PrivateKey key;
  random.fill(key.secret.bytes());
  return key;
}

Result<PublicKey> public_key_of(const PrivateKey& key) {
  const auto derived = crypto::derive_public_key(key.secret);
  if (!derived) return tl::unexpected(derived.error());
  return PublicKey{*derived};
}

/// Echo requests to one address, again and again.
struct Pings {
  IpAddress to;
  std::uint16_t id = 0;
  std::uint16_t sequence = 0;
  std::optional<Instant> next;
  bool only_once = false;

  static Pings from(endpoint::EmbeddedEndpoint& endpoint, IpAddress to) {
    return {.to = to, .id = endpoint.host().open_echo(), .next = os::boot_now()};
  }

  void send(endpoint::EmbeddedEndpoint& endpoint, Instant now) {
    next = only_once ? std::nullopt : std::optional(now + kBetweenPings);
    // An echo that cannot be sent now is followed by another one.
    static_cast<void>(endpoint.host().send_echo({.to = to, .id = id, .sequence = sequence++}));
    endpoint.pump(os::now());
  }
};

}  // namespace

class Demo::Network {
 public:
  Network(PrivateFolder folder, os::PollLoop loop, Warn warn)
      : folder_(std::move(folder)), loop_(std::move(loop)), warn_(std::move(warn)) {}
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;
  ~Network() {
    loop_.stop();
    if (thread_.joinable()) thread_.join();
  }

  Result<> build() {
    probe_key_ = make_private_key(random_);
    for (const GatewayPlan& plan : kPlan)
      if (auto built = build_gateway(plan); !built) return built;
    timer_ = loop_.add(
        {.next = [this] { return next_action(); }, .expired = [this](Instant now) { act(now); }});
    auto faults =
        LinePipe::open(loop_, faults_pipe(), [this](std::string_view line) { make_fault(line); });
    if (!faults) return tl::unexpected(faults.error());
    faults_.emplace(std::move(*faults));
    return os::replace_file(names_file(), names_, 0600);
  }

  void run() {
    thread_ = std::thread([this] { static_cast<void>(loop_.run()); });
  }

  [[nodiscard]] const std::string& folder() const { return folder_.path(); }
  [[nodiscard]] std::string names_file() const { return folder_.path() + "/names.yaml"; }
  [[nodiscard]] std::string faults_pipe() const { return folder_.path() + "/faults"; }

 private:
  struct Gateway {
    explicit Gateway(const GatewayPlan& its_plan) : plan(its_plan) {}

    const GatewayPlan& plan;
    std::unique_ptr<endpoint::EmbeddedEndpoint> endpoint;
    std::optional<endpoint::Attachment> attachment;
    std::optional<endpoint::UapiServer> uapi;
    PublicKey public_key;
  };
  /// A peer's own WireGuard, while it runs.
  struct Client {
    std::unique_ptr<endpoint::EmbeddedEndpoint> endpoint;
    std::optional<endpoint::Attachment> attachment;
    Pings pings;
    std::optional<Instant> next_roam;
  };
  struct Peer {
    Peer(const PeerPlan& its_plan, Gateway& its_gateway, std::size_t its_number)
        : plan(its_plan), gateway(its_gateway), number(its_number) {}

    const PeerPlan& plan;
    Gateway& gateway;
    std::size_t number;  ///< of its address
    PrivateKey key;
    PublicKey public_key;
    PresharedKey preshared_key;  ///< as the peer has it
    Endpoint listen;             ///< the port is 0 until it ran
    std::optional<Client> client;
    std::optional<Pings> from_gateway;

    [[nodiscard]] std::string address() const {
      return address_of(gateway.plan, number, plan.ipv6);
    }
  };

  Result<> build_gateway(const GatewayPlan& plan);
  Result<> build_peer(Gateway& gateway, const PeerPlan& plan, std::size_t number);
  Result<> start(Peer& peer);
  Result<> add_peers(Peer& peer, tunnel::Interface& interface);
  Result<> write_own_config(const Peer& peer);
  Result<> write_probe_config(const Peer& peer);
  Peer& peer_named(std::string_view name);
  void make_fault(std::string_view name);
  Result<> give_wrong_key(Peer& peer);
  Result<> repair();
  [[nodiscard]] std::optional<Instant> next_action() const;
  void act(Instant now);
  void roam(Client& client, Instant now);

  static std::string address_of(const GatewayPlan& plan, std::size_t number, bool ipv6) {
    return ipv6 ? fmt::format("{}::{}", plan.network6, number)
                : fmt::format("{}.{}", plan.network, number);
  }

  PrivateFolder folder_;
  crypto::SystemRandom random_;
  Silent silent_;
  os::PollLoop loop_;
  Warn warn_;
  PrivateKey probe_key_;
  // The attachments in them end before the loop: members go in reverse.
  std::vector<std::unique_ptr<Gateway>> gateways_;
  std::vector<Peer> peers_;
  os::PollLoop::Watch timer_;
  std::optional<LinePipe> faults_;
  std::string names_;
  std::thread thread_;
};

Result<> Demo::Network::build_gateway(const GatewayPlan& plan) {
  auto gateway = std::make_unique<Gateway>(plan);
  endpoint::EndpointConfig config;
  config.interface.private_key = make_private_key(random_);
  auto key = public_key_of(config.interface.private_key);
  if (!key) return tl::unexpected(key.error());
  gateway->public_key = *key;
  config.host.addresses = {parsed<Prefix>(address_of(plan, 1, false) + "/24"),
                           parsed<Prefix>(address_of(plan, 1, true) + "/64")};
  config.listen = {parsed<Endpoint>("127.0.0.1:0"), parsed<Endpoint>("[::1]:0")};
  config.measuring = true;  // a probe that plays the printer may measure the MTU
  PrivateKey shown{config.interface.private_key.secret.clone()};
  auto opened = endpoint::EmbeddedEndpoint::open(std::move(config), random_, silent_);
  if (!opened) return tl::unexpected(opened.error());
  gateway->endpoint = std::move(*opened);
  auto attached = endpoint::Attachment::make(loop_, *gateway->endpoint);
  if (!attached) return tl::unexpected(attached.error());
  gateway->attachment = std::move(*attached);
  auto served = endpoint::UapiServer::open(loop_, *gateway->endpoint, std::move(shown),
                                           fmt::format("{}/{}.sock", folder(), plan.name));
  if (!served) return tl::unexpected(served.error());
  gateway->uapi.emplace(std::move(*served));
  gateways_.push_back(std::move(gateway));
  for (std::size_t i = 0; i < plan.peers.size(); ++i)
    if (auto built = build_peer(*gateways_.back(), plan.peers[i], i + 2); !built) return built;
  return {};
}

Result<> Demo::Network::build_peer(Gateway& gateway, const PeerPlan& plan, std::size_t number) {
  Peer peer(plan, gateway, number);
  peer.key = make_private_key(random_);
  const auto public_key = public_key_of(peer.key);
  if (!public_key) return tl::unexpected(public_key.error());
  peer.public_key = *public_key;
  names_ += fmt::format("\"{}\": {}\n", public_key->base64(), plan.name);
  if (plan.preshared_key) random_.fill(peer.preshared_key.secret.bytes());

  tunnel::PeerConfig config;
  config.public_key = peer.public_key;
  config.preshared_key.secret = peer.preshared_key.secret.clone();
  config.allowed_ips = {parsed<Prefix>(peer.address() + (plan.ipv6 ? "/128" : "/32"))};
  auto added = gateway.endpoint->interface().add_peer(os::now(), std::move(config));
  if (!added) return tl::unexpected(added.error());
  if (plan.pinged)
    peer.from_gateway = Pings::from(*gateway.endpoint, parsed<IpAddress>(peer.address()));

  const auto sockets = gateway.endpoint->sockets();
  peer.listen = (plan.ipv6 ? sockets.back() : sockets.front()).local();
  peer.listen.port = 0;
  if (auto begun = plan.behaviour == Behaviour::never_comes ? write_own_config(peer) : start(peer);
      !begun)
    return begun;
  if (plan.probed)
    if (auto written = write_probe_config(peer); !written) return written;
  peers_.push_back(std::move(peer));
  return {};
}

/// Of a peer that does not connect by itself: a user of the demo can play it.
Result<> Demo::Network::write_own_config(const Peer& peer) {
  const GatewayPlan& network = peer.gateway.plan;
  const Endpoint outer = peer.gateway.endpoint->sockets().front().local();
  config::WgQuickConfig own;
  own.private_key = PrivateKey{peer.key.secret.clone()};
  own.addresses = {parsed<Prefix>(peer.address() + "/24")};
  config::WgQuickPeer gateway;
  gateway.public_key = peer.gateway.public_key;
  gateway.name = network.name;
  if (!peer.preshared_key.is_none())
    gateway.preshared_key = PresharedKey{peer.preshared_key.secret.clone()};
  gateway.allowed_ips = {parsed<Prefix>(address_of(network, 0, false) + "/24")};
  gateway.endpoint = config::EndpointName{outer.address.to_string(), outer.port};
  own.peers.push_back(std::move(gateway));
  return os::replace_file(fmt::format("{}/{}.conf", folder(), peer.plan.name),
                          config::write_wg_quick(own).view(), 0600);
}

/// With a key of the probe's own, registered on the peer, as the runbooks advise.
Result<> Demo::Network::write_probe_config(const Peer& peer) {
  config::WgQuickConfig probe;
  probe.private_key = PrivateKey{probe_key_.secret.clone()};
  probe.addresses = {parsed<Prefix>(address_of(peer.gateway.plan, kProbeNumber, peer.plan.ipv6) +
                                    (peer.plan.ipv6 ? "/128" : "/32"))};
  config::WgQuickPeer target;
  target.public_key = peer.public_key;
  target.name = peer.plan.name;
  target.allowed_ips = {parsed<Prefix>(peer.address() + (peer.plan.ipv6 ? "/128" : "/32"))};
  target.endpoint = config::EndpointName{peer.listen.address.to_string(), peer.listen.port};
  probe.peers.push_back(std::move(target));
  return os::replace_file(folder() + "/probe.conf", config::write_wg_quick(probe).view(), 0600);
}

/// The peer's WireGuard begins, on the port it had before.
Result<> Demo::Network::start(Peer& peer) {
  endpoint::EndpointConfig config;
  config.interface.private_key = PrivateKey{peer.key.secret.clone()};
  config.host.addresses = {parsed<Prefix>(peer.address() + (peer.plan.ipv6 ? "/64" : "/24"))};
  config.listen = {peer.listen};
  auto opened = endpoint::EmbeddedEndpoint::open(std::move(config), random_, silent_);
  if (!opened) return tl::unexpected(opened.error());

  Client client;
  client.endpoint = std::move(*opened);
  peer.listen = client.endpoint->sockets().front().local();
  if (auto added = add_peers(peer, client.endpoint->interface()); !added) return added;
  auto attached = endpoint::Attachment::make(loop_, *client.endpoint);
  if (!attached) return tl::unexpected(attached.error());
  client.attachment = std::move(*attached);
  client.pings = Pings::from(*client.endpoint,
                             parsed<IpAddress>(address_of(peer.gateway.plan, 1, peer.plan.ipv6)));
  client.pings.only_once = peer.plan.behaviour == Behaviour::pings_once;
  if (peer.plan.behaviour == Behaviour::roams) client.next_roam = os::boot_now() + kBetweenRoams;
  peer.client = std::move(client);
  return {};
}

/// The peer's own peers: its gateway, and perhaps the probe.
Result<> Demo::Network::add_peers(Peer& peer, tunnel::Interface& interface) {
  const auto sockets = peer.gateway.endpoint->sockets();
  tunnel::PeerConfig gateway;
  gateway.public_key = peer.gateway.public_key;
  gateway.preshared_key.secret = peer.preshared_key.secret.clone();
  gateway.allowed_ips = {parsed<Prefix>(peer.plan.ipv6 ? "::/0" : "0.0.0.0/0")};
  gateway.endpoint = (peer.plan.ipv6 ? sockets.back() : sockets.front()).local();
  // A keepalive of the tablet would start another handshake when its session gets old.
  if (peer.plan.behaviour != Behaviour::pings_once) gateway.persistent_keepalive = kKeepalive;
  if (auto added = interface.add_peer(os::now(), std::move(gateway)); !added)
    return tl::unexpected(added.error());
  if (!peer.plan.probed) return {};

  const auto probe_key = public_key_of(probe_key_);
  if (!probe_key) return tl::unexpected(probe_key.error());
  tunnel::PeerConfig probe;
  probe.public_key = *probe_key;
  probe.allowed_ips = {parsed<Prefix>(address_of(peer.gateway.plan, kProbeNumber, peer.plan.ipv6) +
                                      (peer.plan.ipv6 ? "/128" : "/32"))};
  if (auto added = interface.add_peer(os::now(), std::move(probe)); !added)
    return tl::unexpected(added.error());
  return {};
}

// --- faults ---

/// The plan has one of that name.
Demo::Network::Peer& Demo::Network::peer_named(std::string_view name) {
  return *std::ranges::find(peers_, name, [](const Peer& peer) { return peer.plan.name; });
}

void Demo::Network::make_fault(std::string_view name) {
  Result<> made;
  if (name == "peer-dies")
    peer_named(kDies).client.reset();
  else if (name == "replies-lost")
    made = give_wrong_key(peer_named(kHasWrongKey));
  else if (name == "repair")
    made = repair();
  else
    made = fail(Errc::bad_value,
                "unknown fault: the faults are peer-dies and replies-lost, and repair ends both");
  if (!made) warn_(made.error().context);
}

/// The peer comes, and cannot decrypt what its gateway replies.
Result<> Demo::Network::give_wrong_key(Peer& peer) {
  peer.client.reset();
  random_.fill(peer.preshared_key.secret.bytes());
  if (auto written = write_own_config(peer); !written) return written;
  return start(peer);
}

Result<> Demo::Network::repair() {
  if (Peer& peer = peer_named(kDies); !peer.client)
    if (auto started = start(peer); !started) return started;
  Peer& peer = peer_named(kHasWrongKey);
  if (peer.preshared_key.is_none()) return {};
  peer.client.reset();
  peer.preshared_key = {};
  if (auto written = write_own_config(peer); !written) return written;
  return start(peer);
}

// --- what happens by itself ---

std::optional<Instant> Demo::Network::next_action() const {
  std::optional<Instant> next;
  const auto consider = [&](const std::optional<Instant>& due) {
    if (due && (!next || *due < *next)) next = due;
  };
  for (const Peer& peer : peers_) {
    if (peer.client) consider(peer.client->pings.next);
    if (peer.client) consider(peer.client->next_roam);
    if (peer.from_gateway) consider(peer.from_gateway->next);
  }
  return next;
}

void Demo::Network::act(Instant now) {
  const auto is_due = [&](const std::optional<Instant>& due) { return due && *due <= now; };
  for (Peer& peer : peers_) {
    if (peer.from_gateway && is_due(peer.from_gateway->next))
      peer.from_gateway->send(*peer.gateway.endpoint, now);
    if (!peer.client) continue;
    if (is_due(peer.client->pings.next)) peer.client->pings.send(*peer.client->endpoint, now);
    if (is_due(peer.client->next_roam)) roam(*peer.client, now);
  }
}

void Demo::Network::roam(Client& client, Instant now) {
  client.next_roam = now + kBetweenRoams;
  client.attachment.reset();
  static_cast<void>(client.endpoint->rebind());  // else it stays where it is
  if (auto attached = endpoint::Attachment::make(loop_, *client.endpoint))
    client.attachment = std::move(*attached);
}

// --- the public face ---

Demo::Demo(std::unique_ptr<Network> network) : network_(std::move(network)) {}
Demo::~Demo() = default;

Result<std::unique_ptr<Demo>> Demo::start(Warn warn) {
  auto folder = PrivateFolder::make("wgscope-demo");
  if (!folder) return tl::unexpected(folder.error());
  auto loop = os::PollLoop::open();
  if (!loop) return tl::unexpected(loop.error());
  auto network = std::make_unique<Network>(std::move(*folder), std::move(*loop), std::move(warn));
  if (auto built = network->build(); !built) return tl::unexpected(built.error());
  network->run();
  return std::unique_ptr<Demo>(new Demo(std::move(network)));
}

const std::string& Demo::uapi_folder() const { return network_->folder(); }
std::string Demo::names_file() const { return network_->names_file(); }

}  // namespace wgscope::exporter
