#include "endpoint_parts.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <poll.h>
#include <span>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/keys.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/crypto/aead.hpp"
#include "wgscope/crypto/random.hpp"
#include "wgscope/crypto/x25519.hpp"
#include "wgscope/endpoint/attachment.hpp"
#include "wgscope/endpoint/embedded_endpoint.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/inner/host.hpp"
#include "wgscope/inner/tcp.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/os/udp_socket.hpp"
#include "wgscope/tunnel/interface.hpp"
#include "wgscope/wire/message.hpp"

#include "endpoint_gateway.hpp"
#include "measure.hpp"
#include "processes.hpp"
#include "tunnels.hpp"

namespace wgscope::bench {
namespace {

constexpr std::size_t kPacket = 1360;  // bytes of an inner packet
constexpr std::uint16_t kDiscard = 9;
constexpr std::uint32_t kFirstClient = 256;

double gbit_per_cpu_second(std::uint64_t bytes, Nanoseconds cpu) {
  return 8.0 * static_cast<double>(bytes) / static_cast<double>(cpu.count());
}

/// One client of a gateway, a whole embedded endpoint; notes what it hears.
class Client final : public endpoint::Observer {
 public:
  Client(const PublicKey& gateway, std::uint16_t port, PrivateKey key)
      : loop_(os::PollLoop::open().value()) {
    endpoint::EndpointConfig config;
    config.interface.private_key = std::move(key);
    config.host.addresses = {{inner_address(kFirstClient), 8}};
    config.listen = {loopback_endpoint(0)};
    endpoint_ = endpoint::EmbeddedEndpoint::open(std::move(config), random_, *this).value();
    attachment_ = endpoint::Attachment::make(loop_, *endpoint_).value();
    tunnel::PeerConfig peer;
    peer.public_key = gateway;
    peer.allowed_ips = {{inner_address(0), 8}};
    peer.endpoint = loopback_endpoint(port);
    endpoint_->interface().add_peer(os::now(), std::move(peer)).value();
  }

  void echo() {
    const std::uint16_t id = endpoint_->host().open_echo();
    must(endpoint_->host().send_echo({.to = inner_address(1), .id = id}));
    endpoint_->pump(os::now());
    run();
    if (!answered_) throw std::runtime_error("no echo came back through the tunnel");
  }

  /// Sends `size` bytes by TCP, to the last acknowledgement.
  void send_by_tcp(std::uint64_t size) {
    left_ = size;
    Endpoint to{.address = inner_address(1), .scope_id = 0, .port = kDiscard};
    connection_ = endpoint_->host().tcp().connect(os::boot_now(), to).value();
    endpoint_->pump(os::now());
    run();
    if (left_ != 0) throw std::runtime_error("a TCP connection through the tunnel broke");
  }

  void on_tunnel_event(const tunnel::Event& /*event*/) override {}
  void on_socket_error(const os::SocketError& /*error*/) override {}
  void on_send_failure(const os::SendFailure& /*failure*/) override {}
  void on_inner_event(const inner::Event& event) override {
    if (std::holds_alternative<inner::EchoReplied>(event)) {
      answered_ = true;
      loop_.stop();
    } else if (std::holds_alternative<inner::TcpConnected>(event) ||
               std::holds_alternative<inner::TcpWritable>(event)) {
      fill();
    } else if (std::holds_alternative<inner::TcpEnded>(event)) {
      loop_.stop();
    }
  }

 private:
  void run() { must(loop_.run_until(os::boot_now() + std::chrono::seconds(30))); }

  void fill() {
    auto& tcp = endpoint_->host().tcp();
    while (left_ != 0) {
      const std::size_t want = static_cast<std::size_t>(
          std::min<std::uint64_t>(left_, static_cast<std::uint64_t>(data_.size())));
      const std::size_t took = tcp.send(connection_, std::span(data_).first(want));
      left_ -= took;
      if (took != want) return;
    }
    tcp.finish(connection_);
  }

  crypto::SystemRandom random_;
  os::PollLoop loop_;
  std::unique_ptr<endpoint::EmbeddedEndpoint> endpoint_;
  std::optional<endpoint::Attachment> attachment_;
  bool answered_ = false;
  inner::TcpId connection_;
  std::uint64_t left_ = 0;
  std::vector<std::byte> data_ = std::vector<std::byte>(64 * 1024, std::byte{0x5a});
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// --- the parts ---

/// What takes less than reading the clock is done so often at once.
constexpr int kManyTimes = 1000;

double measure_floor(const Effort& effort) {
  crypto::SystemRandom random;
  const auto ours = crypto::X25519Key::generate(random).value();
  const auto theirs = crypto::X25519Key::generate(random).value();
  Rounds rounds;
  rounds.add({[&] {
                Secret<32> shared;
                static_cast<void>(crypto::X25519Key::generate(random));  // one, for its public key
                for (int i = 0; i < 3; ++i)
                  if (!ours.agree(theirs.public_key(), shared)) throw std::runtime_error("X25519");
              },
              {}});
  return rounds.run(effort)[0].cpu_ns;
}

double measure_handshakes(const EndpointOptions& options) {
  constexpr std::size_t kClients = 500;
  Clients clients(kClients);
  const Gateway gateway(options.self, clients.public_keys());
  clients.connect(gateway.public_key(), gateway.port());
  const CpuClock clock = CpuClock::of(gateway.pid());
  clients.handshake_all(32);  // warm
  std::vector<double> times;
  for (int i = 0; i < (options.quick ? 3 : 9); ++i) {
    const Nanoseconds before = clock.read();
    clients.handshake_all(32);
    times.push_back(static_cast<double>((clock.read() - before).count()) / kClients);
  }
  return median(times);
}

double measure_bad_mac1(const Effort& effort) {
  crypto::SystemRandom random;
  tunnel::InterfaceConfig config;
  random.fill(config.private_key.secret.bytes());
  auto interface = tunnel::Interface::create(std::move(config), random).value();
  std::array<std::byte, wire::kInitiationSize> initiation{};
  random.fill(initiation);
  wire::write_type(wire::MessageType::initiation, std::span(initiation).first<4>());
  const Now now = os::now();
  const Endpoint from = loopback_endpoint(1);
  Rounds rounds;
  rounds.add({[&] {
                for (int i = 0; i < kManyTimes; ++i)
                  interface.handle_datagram(now, from, initiation);
              },
              {}});
  return rounds.run(effort)[0].cpu_ns / kManyTimes;
}

double measure_sealing(const Effort& effort) {
  crypto::SystemRandom random;
  Secret<32> key;
  random.fill(key.bytes());
  crypto::Aead aead(crypto::Aead::Direction::seal, key);
  std::vector<std::byte> packet(kPacket + crypto::kAeadTagSize);
  std::uint64_t counter = 0;
  Rounds rounds;
  rounds.add({[&] {
                for (int i = 0; i < kManyTimes; ++i)
                  aead.seal(counter++, std::span(packet).first(kPacket), packet);
              },
              {}});
  return 8.0 * kPacket * kManyTimes / rounds.run(effort)[0].cpu_ns;
}

/// Receives and decrypts; tells the sender after each piece, so that it does not run ahead further
/// than the socket's memory.
void receive_data(int stream, PrivateKey key, const PublicKey& sender) {
  constexpr std::uint64_t kPiece = 256 * 1024;
  crypto::SystemRandom random;
  tunnel::InterfaceConfig config;
  config.private_key = std::move(key);
  auto interface = tunnel::Interface::create(std::move(config), random).value();
  tunnel::PeerConfig peer;
  peer.public_key = sender;
  peer.allowed_ips = {{inner_address(0), 8}};
  interface.add_peer(os::now(), std::move(peer)).value();
  auto socket = os::UdpSocket::open(loopback_endpoint(0)).value();
  const std::uint16_t port = socket.local_port();
  if (write(stream, &port, sizeof port) != sizeof port) return;
  std::uint64_t got = 0;
  std::uint64_t told = 0;
  for (;;) {
    pollfd wait{.fd = socket.fd(), .events = POLLIN, .revents = 0};
    poll(&wait, 1, -1);
    const Now now = os::now();
    static_cast<void>(socket.receive([&](const os::Received& received) {
      got += interface.handle_datagram(now, received.from, received.datagram).packet.size();
    }));
    flush(interface, socket);
    for (; got - told >= kPiece; told += kPiece)
      if (write(stream, "", 1) != 1) return;
  }
}

struct DataFigures {
  double send_gbit;
  double receive_gbit;
};

class DataSender {
 public:
  DataSender(PrivateKey key, const PublicKey& receiver, std::uint16_t port, int stream)
      : interface_(make(std::move(key), random_)), stream_(stream) {
    tunnel::PeerConfig peer;
    peer.public_key = receiver;
    peer.allowed_ips = {{inner_address(0), 8}};
    peer.endpoint = loopback_endpoint(port);
    peer_ = interface_.add_peer(os::now(), std::move(peer)).value();
    interface_.initiate(os::now(), peer_);
    while (!interface_.has_session(os::boot_now(), peer_)) {
      flush(interface_, socket_);
      pollfd wait{.fd = socket_.fd(), .events = POLLIN, .revents = 0};
      if (poll(&wait, 1, 5000) != 1) throw std::runtime_error("no session with the receiver");
      static_cast<void>(socket_.receive([&](const os::Received& received) {
        interface_.handle_datagram(os::now(), received.from, received.datagram);
      }));
    }
  }

  void send(std::uint64_t bytes) {
    constexpr std::uint64_t kPiece = 256 * 1024;
    constexpr std::uint64_t kAhead = 4 * kPiece;
    for (const std::uint64_t until = sent_ + bytes; sent_ < until;) {
      while (sent_ - confirmed_ >= kAhead) await_confirmation(kPiece);
      const Now now = os::now();
      for (int i = 0; i < 188; ++i)  // four batches of what UDP_SEGMENT takes of this size
        if (interface_.send(now, packet_) == tunnel::Sent::sealed) sent_ += packet_.size();
      flush(interface_, socket_);
    }
  }

 private:
  static tunnel::Interface make(PrivateKey key, Random& random) {
    tunnel::InterfaceConfig config;
    config.private_key = std::move(key);
    return tunnel::Interface::create(std::move(config), random).value();
  }

  void await_confirmation(std::uint64_t piece) {
    std::array<char, 64> confirmations{};
    const ssize_t count = read(stream_, confirmations.data(), confirmations.size());
    if (count <= 0) throw std::runtime_error("the receiver ended");
    confirmed_ += piece * static_cast<std::uint64_t>(count);
  }

  crypto::SystemRandom random_;
  tunnel::Interface interface_;
  int stream_;
  tunnel::PeerId peer_;
  os::UdpSocket socket_ = os::UdpSocket::open(loopback_endpoint(0)).value();
  std::vector<std::byte> packet_ = inner_packet(2, 1, kPacket);
  std::uint64_t sent_ = 0;
  std::uint64_t confirmed_ = 0;
};

DataFigures measure_data(const EndpointOptions& options) {
  crypto::SystemRandom random;
  Keys sender = Keys::make(random);
  Keys receiver = Keys::make(random);
  const Child child([&](int stream) { receive_data(stream, receiver.copy(), sender.public_key); });
  std::uint16_t port = 0;
  child.read(std::as_writable_bytes(std::span(&port, 1)));
  DataSender data(sender.copy(), receiver.public_key, port, child.stream());
  const CpuClock theirs = CpuClock::of(child.pid());
  const CpuClock ours = CpuClock::own();
  const std::uint64_t bytes = 64UL << 20U;
  data.send(bytes);  // warm
  std::vector<double> sending;
  std::vector<double> receiving;
  for (int i = 0; i < (options.quick ? 3 : 9); ++i) {
    const Nanoseconds before_ours = ours.read();
    const Nanoseconds before_theirs = theirs.read();
    data.send(bytes);
    sending.push_back(gbit_per_cpu_second(bytes, ours.read() - before_ours));
    receiving.push_back(gbit_per_cpu_second(bytes, theirs.read() - before_theirs));
  }
  return {median(sending), median(receiving)};
}

void measure_tcp(const EndpointOptions& options, EndpointFigures& figures) {
  crypto::SystemRandom random;
  Keys keys = Keys::make(random);
  const Gateway gateway(options.self, {keys.public_key});
  Client client(gateway.public_key(), gateway.port(), keys.copy());
  const std::uint64_t bytes = (options.quick ? 64UL : 512UL) << 20U;
  client.send_by_tcp(16UL << 20U);  // warm
  const CpuClock theirs = CpuClock::of(gateway.pid());
  const CpuClock ours = CpuClock::own();
  const Nanoseconds before_ours = ours.read();
  const Nanoseconds before_theirs = theirs.read();
  client.send_by_tcp(bytes);
  figures.tcp_send_gbit = gbit_per_cpu_second(bytes, ours.read() - before_ours);
  figures.tcp_receive_gbit = gbit_per_cpu_second(bytes, theirs.read() - before_theirs);
}

double wall_ns(const std::function<void()>& what) {
  const Instant start = os::boot_now();
  what();
  return static_cast<double>((os::boot_now() - start).count());
}

void measure_first_reply(const EndpointOptions& options, EndpointFigures& figures) {
  const std::size_t times = options.quick ? 5 : 25;
  crypto::SystemRandom random;
  std::vector<Keys> keys;
  std::vector<PublicKey> public_keys;
  for (std::size_t i = 0; i < 2 * times; ++i) {
    keys.push_back(Keys::make(random));
    public_keys.push_back(keys.back().public_key);
  }
  // Each peer of the gateway has an address of its own, and all clients here have the first: so one
  // gateway each.
  std::vector<double> warm;
  std::vector<double> exec;
  for (std::size_t i = 0; i < times; ++i) {
    const Gateway gateway(options.self, {public_keys[i]});
    warm.push_back(wall_ns([&] {
      Client client(gateway.public_key(), gateway.port(), keys[i].copy());
      client.echo();
    }));
    const Gateway other(options.self, {public_keys[times + i]});
    std::array<char, 44> text{};
    encode_secret_base64(keys[times + i].private_key.secret, text);
    exec.push_back(wall_ns([&] {
      run_program({options.self, "--echo", fmt::format("{}", other.port()),
                   other.public_key().base64(), std::string(text.data(), text.size())});
    }));
  }
  figures.first_reply_ns = median(warm);
  figures.first_reply_exec_ns = median(exec);
}

void measure_memory(const EndpointOptions& options, EndpointFigures& figures) {
  {
    const Gateway idle(options.self, {});
    figures.idle_bytes = memory_of(idle.pid()).anonymous;
  }
  Clients clients(2000);
  const Gateway gateway(options.self, clients.public_keys());
  clients.connect(gateway.public_key(), gateway.port());
  for (int i = 0; i < 2; ++i) clients.handshake_all(32);  // the current session and the previous
  figures.loaded_bytes = memory_of(gateway.pid()).anonymous;
}

}  // namespace

EndpointFigures measure_endpoint(const EndpointOptions& options) {
  const Effort effort = options.quick ? Effort{3, std::chrono::milliseconds(20)} : Effort{};
  const auto say = [](const char* what) { fmt::print(stderr, "bench: {}\n", what); };
  EndpointFigures figures;
  say("handshakes");
  figures.floor_ns = measure_floor(effort);
  figures.handshake_cpu_ns = measure_handshakes(options);
  figures.bad_mac1_ns = measure_bad_mac1(effort);
  say("data");
  figures.seal_gbit = measure_sealing(effort);
  const DataFigures data = measure_data(options);
  figures.send_gbit = data.send_gbit;
  figures.receive_gbit = data.receive_gbit;
  say("TCP");
  measure_tcp(options, figures);
  say("first replies");
  measure_first_reply(options, figures);
  say("memory");
  measure_memory(options, figures);
  if (options.wireguard_go) {
    say("wireguard-go");
    figures.go = measure_wireguard_go(options);
  }
  return figures;
}

int echo_once(const std::vector<std::string>& arguments) {
  const auto port = static_cast<std::uint16_t>(std::stoul(arguments.at(0)));
  auto key = PrivateKey::from_base64(arguments.at(2));
  if (!key) throw std::runtime_error("no private key");
  Client client(PublicKey::from_base64(arguments.at(1)).value(), port, std::move(*key));
  client.echo();
  return 0;
}

}  // namespace wgscope::bench
