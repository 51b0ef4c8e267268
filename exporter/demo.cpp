#include "exporter/demo.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
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
       {.name = "mast", .ipv6 = true}}}},
};

/// What the demo's constants say is well-formed.
template <class T>
T parsed(const std::string& text) {
  return T::parse(text).value();
}

/// What happens inside is of no interest here: it is the gateways' state that is looked at.
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

/// A folder that only its owner may enter; removed with what is in it.
class PrivateFolder {
 public:
  static Result<PrivateFolder> make() {
    std::error_code ignored;
    std::string path = (std::filesystem::temp_directory_path(ignored) / "wgscope-demo.XXXXXX");
    if (mkdtemp(path.data()) == nullptr)
      return fail_errno(fmt::format("make the folder {}", path), errno);
    return PrivateFolder(std::move(path));
  }
  PrivateFolder(PrivateFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  PrivateFolder& operator=(PrivateFolder&&) = delete;
  PrivateFolder(const PrivateFolder&) = delete;
  PrivateFolder& operator=(const PrivateFolder&) = delete;
  ~PrivateFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  explicit PrivateFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace

class Demo::Network {
 public:
  Network(PrivateFolder folder, os::PollLoop loop)
      : folder_(std::move(folder)), loop_(std::move(loop)) {}
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;
  ~Network() {
    loop_.stop();
    if (thread_.joinable()) thread_.join();
  }

  Result<> build() {
    for (const GatewayPlan& plan : kPlan)
      if (auto built = build_gateway(plan); !built) return built;
    timer_ = loop_.add(
        {.next = [this] { return next_action(); }, .expired = [this](Instant now) { act(now); }});
    return os::replace_file(names_file(), names_, 0600);
  }

  void run() {
    thread_ = std::thread([this] { static_cast<void>(loop_.run()); });
  }

  [[nodiscard]] const std::string& folder() const { return folder_.path(); }
  [[nodiscard]] std::string names_file() const { return folder_.path() + "/names.yaml"; }

 private:
  struct Gateway {
    std::unique_ptr<endpoint::EmbeddedEndpoint> endpoint;
    std::optional<endpoint::Attachment> attachment;
    std::optional<endpoint::UapiServer> uapi;
    PublicKey public_key;
  };
  struct Client {
    std::unique_ptr<endpoint::EmbeddedEndpoint> endpoint;
    std::optional<endpoint::Attachment> attachment;
    IpAddress gateway;
    std::uint16_t echo_id = 0;
    std::uint16_t sequence = 0;
    std::optional<Instant> next_ping;
    std::optional<Instant> next_roam;
    bool only_once = false;
  };

  Result<> build_gateway(const GatewayPlan& plan);
  Result<> build_client(Gateway& gateway, const GatewayPlan& plan, std::size_t number);
  Result<> write_config(const Gateway& gateway, const GatewayPlan& plan, std::size_t index,
                        PrivateKey key);
  Result<> start_client(const Gateway& gateway, const GatewayPlan& plan, std::size_t number,
                        PrivateKey key, PresharedKey preshared_key);
  [[nodiscard]] std::optional<Instant> next_action() const;
  void act(Instant now);
  void ping(Client& client, Instant now);
  void roam(Client& client, Instant now);

  static std::string address_of(const GatewayPlan& plan, std::size_t number, bool ipv6) {
    return ipv6 ? fmt::format("{}::{}", plan.network6, number)
                : fmt::format("{}.{}", plan.network, number);
  }

  PrivateFolder folder_;
  crypto::SystemRandom random_;
  Silent silent_;
  os::PollLoop loop_;
  // The attachments in them end before the loop: members go in reverse.
  std::vector<std::unique_ptr<Gateway>> gateways_;
  std::vector<Client> clients_;
  os::PollLoop::Watch timer_;
  std::string names_;
  std::thread thread_;
};

Result<> Demo::Network::build_gateway(const GatewayPlan& plan) {
  auto gateway = std::make_unique<Gateway>();
  endpoint::EndpointConfig config;
  config.interface.private_key = make_private_key(random_);
  auto key = public_key_of(config.interface.private_key);
  if (!key) return tl::unexpected(key.error());
  gateway->public_key = *key;
  config.host.addresses = {parsed<Prefix>(address_of(plan, 1, false) + "/24"),
                           parsed<Prefix>(address_of(plan, 1, true) + "/64")};
  config.listen = {parsed<Endpoint>("127.0.0.1:0"), parsed<Endpoint>("[::1]:0")};
  config.measuring = true;  // whoever is the printer may ask for the MTU
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
    if (auto built = build_client(*gateways_.back(), plan, i); !built) return built;
  return {};
}

/// The client's number in its network is its index and 2.
Result<> Demo::Network::build_client(Gateway& gateway, const GatewayPlan& plan, std::size_t index) {
  const PeerPlan& peer = plan.peers[index];
  PrivateKey key = make_private_key(random_);
  const auto public_key = public_key_of(key);
  if (!public_key) return tl::unexpected(public_key.error());
  names_ += fmt::format("\"{}\": {}\n", public_key->base64(), peer.name);

  PresharedKey preshared_key;
  if (peer.preshared_key) random_.fill(preshared_key.secret.bytes());
  tunnel::PeerConfig config;
  config.public_key = *public_key;
  config.preshared_key.secret = preshared_key.secret.clone();
  config.allowed_ips = {
      parsed<Prefix>(address_of(plan, index + 2, peer.ipv6) + (peer.ipv6 ? "/128" : "/32"))};
  auto added = gateway.endpoint->interface().add_peer(os::now(), std::move(config));
  if (!added) return tl::unexpected(added.error());
  if (peer.behaviour == Behaviour::never_comes)
    return write_config(gateway, plan, index, std::move(key));
  return start_client(gateway, plan, index, std::move(key), std::move(preshared_key));
}

/// Of a peer that does not come by itself: whoever looks at the demo can be it.
Result<> Demo::Network::write_config(const Gateway& gateway, const GatewayPlan& plan,
                                     std::size_t index, PrivateKey key) {
  const Endpoint outer = gateway.endpoint->sockets().front().local();
  config::WgQuickConfig own;
  own.private_key = std::move(key);
  own.addresses = {parsed<Prefix>(address_of(plan, index + 2, false) + "/24")};
  config::WgQuickPeer peer;
  peer.public_key = gateway.public_key;
  peer.name = plan.name;
  peer.allowed_ips = {parsed<Prefix>(address_of(plan, 0, false) + "/24")};
  peer.endpoint = config::EndpointName{outer.address.to_string(), outer.port};
  own.peers.push_back(std::move(peer));
  return os::replace_file(fmt::format("{}/{}.conf", folder(), plan.peers[index].name),
                          config::write_wg_quick(own).view(), 0600);
}

Result<> Demo::Network::start_client(const Gateway& gateway, const GatewayPlan& plan,
                                     std::size_t index, PrivateKey key,
                                     PresharedKey preshared_key) {
  const PeerPlan& peer = plan.peers[index];
  const auto sockets = gateway.endpoint->sockets();
  const os::UdpSocket& outer = peer.ipv6 ? sockets.back() : sockets.front();
  const bool outer6 = outer.local().address.family == Family::v6;

  endpoint::EndpointConfig config;
  config.interface.private_key = std::move(key);
  config.host.addresses = {
      parsed<Prefix>(address_of(plan, index + 2, peer.ipv6) + (peer.ipv6 ? "/64" : "/24"))};
  config.listen = {parsed<Endpoint>(outer6 ? "[::1]:0" : "127.0.0.1:0")};
  auto opened = endpoint::EmbeddedEndpoint::open(std::move(config), random_, silent_);
  if (!opened) return tl::unexpected(opened.error());

  Client client;
  client.endpoint = std::move(*opened);
  client.gateway = parsed<IpAddress>(address_of(plan, 1, peer.ipv6));
  tunnel::PeerConfig to_gateway;
  to_gateway.public_key = gateway.public_key;
  to_gateway.preshared_key = std::move(preshared_key);
  to_gateway.allowed_ips = {parsed<Prefix>(peer.ipv6 ? "::/0" : "0.0.0.0/0")};
  to_gateway.endpoint = outer.local();
  // A keepalive of the tablet would start another handshake when its session gets old.
  client.only_once = peer.behaviour == Behaviour::pings_once;
  if (!client.only_once) to_gateway.persistent_keepalive = kKeepalive;
  auto added = client.endpoint->interface().add_peer(os::now(), std::move(to_gateway));
  if (!added) return tl::unexpected(added.error());
  auto attached = endpoint::Attachment::make(loop_, *client.endpoint);
  if (!attached) return tl::unexpected(attached.error());
  client.attachment = std::move(*attached);
  client.echo_id = client.endpoint->host().open_echo();
  client.next_ping = os::boot_now();
  if (peer.behaviour == Behaviour::roams) client.next_roam = os::boot_now() + kBetweenRoams;
  clients_.push_back(std::move(client));
  return {};
}

std::optional<Instant> Demo::Network::next_action() const {
  std::optional<Instant> next;
  for (const Client& client : clients_)
    for (const auto& due : {client.next_ping, client.next_roam})
      if (due && (!next || *due < *next)) next = due;
  return next;
}

void Demo::Network::act(Instant now) {
  for (Client& client : clients_) {
    if (client.next_ping && *client.next_ping <= now) ping(client, now);
    if (client.next_roam && *client.next_roam <= now) roam(client, now);
  }
}

void Demo::Network::ping(Client& client, Instant now) {
  client.next_ping = client.only_once ? std::nullopt : std::optional(now + kBetweenPings);
  // An echo that cannot be sent now is followed by another one.
  static_cast<void>(client.endpoint->host().send_echo(
      {.to = client.gateway, .id = client.echo_id, .sequence = client.sequence++}));
  client.endpoint->pump(os::now());
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

Result<std::unique_ptr<Demo>> Demo::start() {
  auto folder = PrivateFolder::make();
  if (!folder) return tl::unexpected(folder.error());
  auto loop = os::PollLoop::open();
  if (!loop) return tl::unexpected(loop.error());
  auto network = std::make_unique<Network>(std::move(*folder), std::move(*loop));
  if (auto built = network->build(); !built) return tl::unexpected(built.error());
  network->run();
  return std::unique_ptr<Demo>(new Demo(std::move(network)));
}

const std::string& Demo::uapi_folder() const { return network_->folder(); }
std::string Demo::names_file() const { return network_->names_file(); }

}  // namespace wgscope::exporter
