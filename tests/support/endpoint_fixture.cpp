#include "endpoint_fixture.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "wgscope/base/keys.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/secret.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/crypto/x25519.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/inner/tcp.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/netns.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/tunnel/event.hpp"

namespace wgscope::test {
namespace {

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().context);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

std::string base64(const Secret<32>& secret) {
  std::string text(44, '\0');
  encode_secret_base64(secret, std::span<char, 44>(text.data(), 44));
  return text;
}

/// Runs `work` on a thread of its own until `wait` returns; throws what it throws.
void on_a_thread(const std::function<void()>& work, const std::function<void()>& wait) {
  std::exception_ptr thrown;
  {
    const std::jthread thread([&] {
      try {
        work();
      } catch (...) {
        thrown = std::current_exception();
      }
    });
    wait();
  }
  if (thrown) std::rethrow_exception(thrown);
}

}  // namespace

void inside(const std::string& netns_path, const std::function<void()>& work) {
  on_a_thread(
      [&] {
        must(must(os::Netns::open(netns_path)).enter());
        work();
      },
      [] {});
}

KeyPair generate_key_pair() {
  crypto::SystemRandom random;
  Secret<32> secret;
  random.fill(secret.bytes());
  return {.private_key = base64(secret),
          .public_key = PublicKey{must(crypto::derive_public_key(secret))}.base64()};
}

std::string generate_preshared_key() { return generate_key_pair().private_key; }

TestLoop::TestLoop() : loop_(must(os::PollLoop::open())) {}

bool TestLoop::run_until(const std::function<bool()>& happened, Nanoseconds timeout) {
  const Instant deadline = os::boot_now() + timeout;
  while (!happened()) {
    if (os::boot_now() >= deadline) return false;
    must(loop_.run_until(deadline));
  }
  return true;
}

void TestLoop::between_initiations() {
  // Both implementations demand 20 ms. They count from when they took the first initiation, which
  // may be later than it was sent, so this is twice as long.
  static_cast<void>(run_until([] { return false; }, std::chrono::milliseconds{40}));
}

void TestLoop::run_while(const std::function<void()>& work) {
  struct Finish {
    std::atomic<bool>& done;
    const TestLoop& loop;
    ~Finish() {
      done = true;
      loop.wake();
    }
  };
  std::atomic<bool> done = false;
  on_a_thread(
      [&] {
        const Finish finish{done, *this};
        work();
      },
      [&] {
        if (!run_until([&] { return done.load(); }, std::chrono::minutes{10}))
          throw std::runtime_error("what runs beside the loop does not end");
      });
}

TestEndpoint::TestEndpoint(TestLoop& loop, TestEndpointOptions options)
    : loop_(loop), options_(std::move(options)) {
  endpoint::EndpointConfig config;
  config.interface.private_key = PrivateKey::from_base64(options_.keys.private_key).value();
  config.interface.handshakes_per_second = options_.handshakes_per_second;
  config.interface.handshake_burst = options_.handshake_burst;
  config.interface.last_stamp = options_.last_stamp;
  config.measuring = options_.measuring;
  config.answer_stun = options_.stun;
  for (const std::string& text : options_.addresses)
    config.host.addresses.push_back(must(Prefix::parse(text)));
  for (const std::string& text : options_.listen)
    config.listen.push_back(must(wgscope::Endpoint::parse(text)));
  const auto open = [&] {
    endpoint_ = must(endpoint::EmbeddedEndpoint::open(std::move(config), random_, *this));
  };
  options_.netns.empty() ? open() : inside(options_.netns, open);
  echo_id_ = host().open_echo();
  watch();
}

tunnel::PeerId TestEndpoint::add_peer(const TestPeer& peer) {
  tunnel::PeerConfig config;
  config.public_key = must(PublicKey::from_base64(peer.public_key));
  if (!peer.preshared_key.empty())
    config.preshared_key = PresharedKey::from_base64(peer.preshared_key).value();
  for (const std::string& text : peer.allowed_ips)
    config.allowed_ips.push_back(must(Prefix::parse(text)));
  if (!peer.endpoint.empty()) config.endpoint = must(wgscope::Endpoint::parse(peer.endpoint));
  config.persistent_keepalive = peer.keepalive;
  return must(interface().add_peer(now(), std::move(config)));
}

Now TestEndpoint::now() const {
  const Now real = os::now();
  return {.boot = real.boot + ahead_, .wall = {real.wall.since_epoch + ahead_}};
}

void TestEndpoint::rebind() {
  watches_.clear();
  const auto rebind = [&] { must(endpoint_->rebind()); };
  options_.netns.empty() ? rebind() : inside(options_.netns, rebind);
  watch();
}

void TestEndpoint::pump() { endpoint_->pump(now()); }

void TestEndpoint::serve() { services_.emplace(must(inner::Services::start(host()))); }

void TestEndpoint::watch() {
  // As endpoint::Attachment, with a clock of our own.
  for (const os::UdpSocket& socket : endpoint_->sockets()) {
    const auto read = [this, fd = socket.fd()] {
      endpoint_->handle_readable(now(), fd);
      pump();
      loop_.wake();
    };
    watches_.push_back(
        must(loop_.get().add(socket.fd(), {.readable = read, .writable = {}, .error = read})));
  }
  const auto next = [this]() -> std::optional<Instant> {
    const auto due = endpoint_->next_timeout();
    return due ? std::optional(*due - ahead_) : std::nullopt;
  };
  const auto expired = [this](Instant) {
    endpoint_->handle_timeout(now());
    pump();
    loop_.wake();
  };
  watches_.push_back(loop_.get().add({.next = next, .expired = expired}));
}

bool TestEndpoint::initiate(tunnel::PeerId peer) {
  const bool begun = interface().initiate(now(), peer);
  pump();
  return begun;
}

std::uint16_t TestEndpoint::send_echo(const std::string& address, std::size_t payload_size) {
  must(host().send_echo({.to = must(IpAddress::parse(address)),
                         .id = echo_id_,
                         .sequence = ++sequence_,
                         .payload_size = payload_size}));
  pump();
  return sequence_;
}

std::optional<Nanoseconds> TestEndpoint::ping(const std::string& address,
                                              std::size_t payload_size) {
  const Instant sent = now().boot;
  const std::uint16_t sequence = send_echo(address, payload_size);
  std::optional<Nanoseconds> took;
  static_cast<void>(loop_.run_until([&] {
    for (const inner::Event& event : inner_events) {
      const auto* reply = std::get_if<inner::EchoReplied>(&event);
      if (reply != nullptr && reply->id == echo_id_ && reply->sequence == sequence &&
          reply->payload_size == payload_size && reply->intact)
        took = reply->at - sent;
    }
    return took.has_value();
  }));
  return took;
}

std::vector<std::byte> TestEndpoint::exchange_tcp(const std::string& to,
                                                  const std::vector<std::byte>& data) {
  inner::Tcp& tcp = host().tcp();
  const inner::TcpId id = must(tcp.connect(now().boot, must(wgscope::Endpoint::parse(to))));
  pump();
  std::size_t sent = 0;
  std::vector<std::byte> received(data.size());
  std::size_t size = 0;
  const auto ended = [&](const inner::Event& event) {
    const auto* end = std::get_if<inner::TcpEnded>(&event);
    return end != nullptr && end->id == id;
  };
  static_cast<void>(loop_.run_until([&] {
    sent += tcp.send(id, std::span(data).subspan(sent));
    size += tcp.receive(id, std::span(received).subspan(size));
    pump();
    return size == data.size() || std::ranges::any_of(inner_events, ended);
  }));
  tcp.close(id);
  pump();
  received.resize(size);
  return received;
}

bool TestEndpoint::wait_for(tunnel::EventKind kind, std::size_t count) {
  return loop_.run_until([&] { return this->count(kind) >= count; });
}

std::size_t TestEndpoint::count(tunnel::EventKind kind) const {
  return static_cast<std::size_t>(std::ranges::count(events, kind, &tunnel::Event::kind));
}

std::size_t TestEndpoint::count(tunnel::DropReason reason) const {
  return static_cast<std::size_t>(std::ranges::count(events, reason, &tunnel::Event::reason));
}

void TestEndpoint::on_tunnel_event(const tunnel::Event& event) { events.push_back(event); }

void TestEndpoint::on_inner_event(const inner::Event& event) {
  if (services_ && services_->handle_event(now().boot, event)) return;
  inner_events.push_back(event);
}

}  // namespace wgscope::test
