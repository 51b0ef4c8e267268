// What handshakes and packets cost without sockets, beside the X25519 multiplications that no
// implementation can do without: the ratios are what counts, all taken in one run.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/keys.hpp"
#include "wgscope/base/random.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/secret.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/crypto/random.hpp"
#include "wgscope/crypto/x25519.hpp"
#include "wgscope/noise/cookies.hpp"
#include "wgscope/noise/handshake.hpp"
#include "wgscope/noise/key_pair.hpp"
#include "wgscope/noise/tai64n.hpp"
#include "wgscope/wire/message.hpp"

#include "measure.hpp"
#include "table.hpp"

namespace wgscope::bench {
namespace {

constexpr std::size_t kPacket = 1360;

template <class T>
T value(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().context);
  return std::move(*result);
}

void require(bool done) {
  if (!done) throw std::logic_error("what is measured does not work");
}

noise::Identity make_identity(Random& random) {
  PrivateKey key;
  random.fill(key.secret.bytes());
  return value(noise::Identity::create(key));
}

/// Two peers, and messages of both for the other to take again and again.
class Peers {
 public:
  using Initiation = std::array<std::byte, wire::kInitiationSize>;
  using Response = std::array<std::byte, wire::kResponseSize>;

  Peers() {
    sent_.push_back(initiate());
    respond();
    bad_ = initiation_;
    bad_[120] ^= std::byte{1};  // in mac1
  }

  noise::SentInitiation initiate() {
    store_le32(wire::InitiationView<std::byte>{initiation_}.sender(), 1);
    auto sent = value(noise::initiate(initiator_, to_responder_, stamp_, random_, {initiation_}));
    initiators_jar_.add_macs(now_, {initiation_});
    return sent;
  }

  /// All that a responder does with a good initiation.
  void respond() {
    require(noise::mac1_is_valid(responders_keys_, {initiation_}));
    auto opened = noise::open_initiation(responder_, {initiation_});
    require(opened && opened->read_timestamp(to_initiator_, {initiation_}) == stamp_);
    store_le32(wire::ResponseView<std::byte>{response_}.sender(), 2);
    require(opened->respond(none_, random_, {response_}).has_value());
    responders_jar_.add_macs(now_, {response_});
  }

  void refuse_bad_mac1() { require(!noise::mac1_is_valid(responders_keys_, {bad_})); }

  /// All that an initiator does, its response prepared: it is the first initiation's.
  void initiate_and_consume() {
    Initiation kept = initiation_;
    (void)initiate();
    initiation_ = kept;
    require(noise::mac1_is_valid(initiators_keys_, {response_}));
    require(sent_.front().consume_response(initiator_, none_, {response_}).keys.has_value());
  }

 private:
  crypto::SystemRandom random_;
  noise::Identity initiator_ = make_identity(random_);
  noise::Identity responder_ = make_identity(random_);
  noise::RemoteStatic to_responder_ =
      value(noise::RemoteStatic::create(initiator_, responder_.public_key()));
  noise::RemoteStatic to_initiator_ =
      value(noise::RemoteStatic::create(responder_, initiator_.public_key()));
  noise::MacKeys initiators_keys_ = noise::MacKeys::of(initiator_.public_key());
  noise::MacKeys responders_keys_ = noise::MacKeys::of(responder_.public_key());
  noise::CookieJar initiators_jar_{responder_.public_key()};
  noise::CookieJar responders_jar_{initiator_.public_key()};
  noise::Tai64n stamp_ = noise::Tai64n::from({std::chrono::seconds(1'700'000'000)});
  Instant now_{};
  PresharedKey none_;
  Initiation initiation_{};
  Initiation bad_{};
  Response response_{};
  std::vector<noise::SentInitiation> sent_;
};

/// One figure: a thing done so many times in a call.
class Figures {
 public:
  std::size_t add(int times, std::function<void()> once) {
    times_.push_back(times);
    return rounds_.add({.once =
                            [times, once = std::move(once)] {
                              for (int i = 0; i < times; ++i) once();
                            },
                        .prepare = {}});
  }
  void run() { results_ = rounds_.run({.rounds = 15, .batch = std::chrono::milliseconds(40)}); }
  [[nodiscard]] double ns(std::size_t index) const {
    return results_[index].cpu_ns / times_[index];
  }

 private:
  Rounds rounds_;
  std::vector<int> times_;
  std::vector<Rounds::Result> results_;
};

void measure() {
  crypto::SystemRandom random;
  Peers peers;
  Figures figures;

  const crypto::X25519Key ours = value(crypto::X25519Key::generate(random));
  const crypto::X25519Key theirs = value(crypto::X25519Key::generate(random));
  Secret<32> private_key;
  random.fill(private_key.bytes());
  Secret<32> shared;
  const auto multiply = figures.add(20, [&] { require(ours.agree(theirs.public_key(), shared)); });
  const auto base =
      figures.add(20, [&] { (void)value(crypto::X25519Key::from_private(private_key)); });
  const auto responder = figures.add(5, [&] { peers.respond(); });
  const auto initiator = figures.add(5, [&] { peers.initiate_and_consume(); });
  const auto refusal = figures.add(1000, [&] { peers.refuse_bad_mac1(); });

  const noise::TransportKeys keys{.send = private_key.clone(), .receive = private_key.clone()};
  noise::KeyPair pair(keys, {.local = 1, .remote = 1}, noise::Role::initiator, Instant{});
  std::array<std::byte, kPacket + wire::kTransportOverhead> packet{};
  const auto content = std::span(packet).subspan<wire::kTransportHeaderSize, kPacket>();
  const auto seal = figures.add(500, [&] { require(pair.seal(content, packet)); });
  const auto seal_and_open = figures.add(500, [&] {
    require(pair.seal(content, packet));
    require(pair.open(packet) == noise::KeyPair::Opened::ok);
  });
  figures.run();

  // Either side of a handshake makes one key and multiplies three times: both static keys' secret
  // is kept.
  const double floor = figures.ns(base) + 3 * figures.ns(multiply);
  Table table({"what", "ns", "ratio", "a second"});
  const auto row = [&](std::string what, double ns, double of) {
    table.row({std::move(what), grouped(ns), of == 0 ? "" : fmt::format("{:.3f}", ns / of),
               grouped(1e9 / ns)});
  };
  row("X25519 multiplication", figures.ns(multiply), 0);
  row("X25519 key from its private half", figures.ns(base), 0);
  row("floor of a handshake's side: one key, three multiplications", floor, floor);
  row("responder: mac1, open, timestamp, respond, macs", figures.ns(responder), floor);
  row("initiator: initiate, macs, mac1, consume", figures.ns(initiator), floor);
  row("refusing a bad mac1", figures.ns(refusal), 0);
  row(fmt::format("sealing {} bytes", kPacket), figures.ns(seal), 0);
  row(fmt::format("opening {} bytes", kPacket), figures.ns(seal_and_open) - figures.ns(seal), 0);
  table.print();
}

}  // namespace
}  // namespace wgscope::bench

int main() {
  try {
    wgscope::bench::stay_on_one_cpu();
    wgscope::bench::measure();
    return EXIT_SUCCESS;
  } catch (const std::exception& error) {
    fmt::print(stderr, "noise_bench: {}\n", error.what());
    return EXIT_FAILURE;
  }
}
