// The whole course of wgscope mtu --outer on virtual time, towards hosts and firewalls that answer
// as real ones do: some truncate, pad or ration, some answer late, and packets are lost by chance.
// What is said must be true of the path, whatever they do.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/handshake.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/outer.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/echo_socket.hpp"
#include "wgscope/path/hop_search.hpp"
#include "wgscope/path/mtu_search.hpp"

#include "checks/mtu/echo_replies.hpp"
#include "checks/mtu/outer_course.hpp"

namespace wgscope::checks {
namespace {

using namespace std::chrono_literals;

constexpr Instant kBegin{1h};
constexpr std::size_t kHeaders = 28;
constexpr std::size_t kHops = 5;  ///< the last is the far end

/// What there is to find out.
struct World {
  std::size_t forward = 1500;  ///< MTUs of the path
  std::size_t back = 1500;
  std::size_t narrow_hop = 2;             ///< larger packets get as far as this router
  bool reports = false;                   ///< and it says so
  bool udp = true;                        ///< the host answers UDP to closed ports …
  double udp_burst = 6;                   ///< … of which it has so many answers in store
  bool echo = true;                       ///< the host answers pings …
  double echo_rate = 0;                   ///< answers a second to pings; 0: all
  std::optional<std::size_t> ping_limit;  ///< pings above are dropped …
  std::size_t ping_hop = kHops;           ///< … at this hop
  std::optional<std::size_t> truncates;   ///< replies carry no more
  std::size_t pads = 0;                   ///< replies are larger by so much
  bool alters = false;                    ///< large replies carry other bytes
  double loss = 0;
  std::size_t large = 1000;   ///< what is larger than this is lost more often:
  double size_loss = 0;       ///< at random on the way there …
  double size_loss_back = 0;  ///< … and on the way back
  double rate = 0;            ///< or beyond a ration of so many bytes a second on the way there
  double depth = 0;           ///< of which so many are in store
  double late = 0;            ///< share of answers that take up to 3 s more
};

class Simulation final : public OuterPackets {
 public:
  Simulation(const World& world, std::uint64_t seed) : world_(world), random_(seed) {}

  [[nodiscard]] Instant now() const override { return now_; }
  [[nodiscard]] bool interrupted() const override { return false; }
  void pass_until(Instant until) override { now_ = std::max(now_, until); }
  void say(const diagnosis::Text&, Instant) override {}
  [[nodiscard]] const EchoReplies* replies() const override { return &replies_; }

  Greeted greet(Instant until) override {
    Greeted got;
    for (const Kind kind : {Kind::udp, Kind::echo})
      for (std::uint32_t i = 0; i < kGreetings; ++i)
        travel(kind, next_id_++, 0, kHops, [&, kind, begun = now_](const Answer& answer) {
          if (answer.what != What::arrived) return;
          ++(kind == Kind::udp ? got.udp : got.echo);
          const Nanoseconds took = now_ - begun;
          got.round_trip = std::min(took, got.round_trip.value_or(took));
        });
    while (now_ < until && (got.udp < kGreetings || got.echo < kGreetings)) step(until);
    arrivals_.clear();
    return got;
  }

  path::MtuResult search(Kind kind, const path::MtuSearchConfig& config, std::uint8_t hop_limit,
                         Instant until) override {
    path::MtuSearch search(config);
    const auto send = [&] {
      while (const auto probe = search.poll_probe(now_)) {
        const std::size_t goes = hop_limit == 0 ? kHops : hop_limit;
        if (probe->size > 1500) {
          search.handle_refused(now_, probe->id, 1500);
          continue;
        }
        travel(kind, next_id_++, probe->size, goes, [&, id = probe->id](const Answer& answer) {
          if (answer.what == What::too_big)
            search.handle_too_big(now_, address_of(answer.hop), world_.forward);
          else
            search.handle_answer(now_, id);
        });
      }
    };
    drive(search, send, until);
    return search.result();
  }

  path::HopSearchResult search(Kind kind, const path::HopSearchConfig& config,
                               Instant until) override {
    path::HopSearch search(config);
    const auto send = [&] {
      while (const auto probe = search.poll_probe(now_)) {
        travel(kind, next_id_++, probe->size, probe->hop_limit,
               [&, id = probe->id](const Answer& answer) {
                 switch (answer.what) {
                   case What::arrived: return search.handle_arrived(now_, id);
                   case What::exceeded:
                     return search.handle_exceeded(now_, id, address_of(answer.hop));
                   case What::too_big: return search.handle_too_big(id, address_of(answer.hop));
                 }
               });
      }
    };
    drive(search, send, until);
    return search.result();
  }

 private:
  enum class What : std::uint8_t { arrived, exceeded, too_big };
  struct Answer {
    What what;
    std::size_t hop;
  };
  using Take = std::function<void(const Answer&)>;

  static IpAddress address_of(std::size_t hop) {
    IpAddress address;
    address.bytes[0] = std::byte{192};
    address.bytes[3] = static_cast<std::byte>(hop);
    return address;
  }

  template <class Search, class Send>
  void drive(Search& search, const Send& send, Instant until) {
    send();
    while (!search.done() && now_ < until) {
      const auto due = search.next_timeout();
      const Instant next = std::min(until, due.value_or(until));
      if (!step(next) && due && now_ >= *due) search.handle_timeout(now_);
      send();
    }
    arrivals_.clear();
  }

  /// To the next arrival, or to `until`. @returns whether something arrived.
  bool step(Instant until) {
    if (arrivals_.empty() || arrivals_.begin()->first > until) {
      now_ = std::max(now_, until);
      return false;
    }
    const auto [at, take] = *arrivals_.begin();
    arrivals_.erase(arrivals_.begin());
    now_ = std::max(now_, at);
    take();
    return true;
  }

  void travel(Kind kind, std::uint32_t id, std::size_t size, std::size_t goes_to,
              const Take& take) {
    const std::size_t least = kHeaders + os::EchoReply::kProof;
    size = std::max(size, least);
    if (kind == Kind::echo) replies_.note_sent(static_cast<std::uint16_t>(id), size - kHeaders);
    if (chance() < world_.loss) return;
    if (size > world_.large && (chance() < world_.size_loss || !has_bytes(size))) return;
    goes_to = std::min(goes_to, kHops);
    if (size > world_.forward && goes_to > world_.narrow_hop) {
      if (world_.reports) arrive(take, {What::too_big, world_.narrow_hop});
      return;
    }
    if (kind == Kind::echo && world_.ping_limit && size > *world_.ping_limit &&
        goes_to >= world_.ping_hop)
      return;
    if (goes_to < kHops)
      return has_one(stores_[goes_to], 6, 1) ? arrive(take, {What::exceeded, goes_to}) : void();
    if (kind == Kind::echo) return reply(id, size, take);
    if (world_.udp && has_one(udp_, world_.udp_burst, 1)) arrive(take, {What::arrived, kHops});
  }

  void reply(std::uint32_t id, std::size_t size, const Take& take) {
    if (!world_.echo || (world_.echo_rate > 0 && !has_one(echo_, 4, world_.echo_rate))) return;
    os::EchoReply reply{.from = {}, .sequence = static_cast<std::uint16_t>(id)};
    const std::size_t sent = size - kHeaders;
    reply.payload_size = std::min(sent, world_.truncates.value_or(sent)) + world_.pads;
    reply.matching = std::min(sent, reply.payload_size);
    if (world_.alters && sent > 100) reply.matching = 100;
    reply.intact = reply.matching == reply.payload_size;
    const std::size_t back = reply.payload_size + kHeaders;
    if (back > world_.back || (back > world_.large && chance() < world_.size_loss_back)) return;
    if (replies_.judge(reply) != EchoReplies::Proof::nothing) arrive(take, {What::arrived, kHops});
  }

  void arrive(const Take& take, const Answer& answer) {
    Nanoseconds takes = 4ms * static_cast<std::int64_t>(answer.hop);
    if (chance() < world_.late)
      takes += std::chrono::duration_cast<Nanoseconds>(std::chrono::duration<double>(3 * chance()));
    arrivals_.emplace(now_ + takes, [take, answer] { take(answer); });
  }

  struct Store {
    std::optional<double> level;
    Instant filled = kBegin;
  };
  bool has_one(Store& store, double burst, double rate) { return has(store, 1, burst, rate); }
  bool has_bytes(std::size_t size) {
    return world_.rate == 0 || has(bytes_, static_cast<double>(size), world_.depth, world_.rate);
  }
  bool has(Store& store, double wanted, double most, double rate) {
    const std::chrono::duration<double> passed = now_ - store.filled;
    store.level = std::min(most, store.level.value_or(most) + passed.count() * rate);
    store.filled = now_;
    if (*store.level < wanted) return false;
    *store.level -= wanted;
    return true;
  }

  double chance() { return std::uniform_real_distribution<>{}(random_); }

  World world_;
  std::mt19937_64 random_;
  Instant now_ = kBegin;
  std::uint32_t next_id_ = 0;
  EchoReplies replies_{kHeaders};
  std::multimap<Instant, std::function<void()>> arrivals_;
  std::map<std::size_t, Store> stores_;
  Store udp_;
  Store echo_;
  Store bytes_;
};

struct Outcome {
  diagnosis::OuterFacts facts;
  diagnosis::Report report;
  Nanoseconds took{};
  Nanoseconds limit = kOuterLimit;  ///< what it may take
};

Outcome run(const World& world, std::uint64_t seed, bool quick = false) {
  Outcome outcome;
  auto& facts = outcome.facts;
  facts.host = "192.0.2.1";
  facts.host_address = *Endpoint::parse("192.0.2.1:33434");
  facts.tunnel_mtu = 1420;
  facts.overhead = 60;
  Simulation packets(world, seed);
  if (quick) outcome.limit = kQuick;
  run_outer_course(packets, {.quick = quick, .end = kBegin + outcome.limit}, facts);
  outcome.took = packets.now() - kBegin;
  outcome.report.checks = diagnosis::diagnose(facts);
  outcome.report.success = diagnosis::success(facts);
  return outcome;
}

class Random {
 public:
  explicit Random(std::uint64_t seed) : random_(seed) {}
  std::size_t between(std::size_t low, std::size_t high) {
    return std::uniform_int_distribution<std::size_t>{low, high}(random_);
  }
  bool one_in(std::size_t n) { return between(1, n) == 1; }
  double percent(std::size_t low, std::size_t high) {
    return static_cast<double>(between(low, high)) / 100;
  }

 private:
  std::mt19937_64 random_;
};

World random_world(Random& random) {
  World world;
  if (random.one_in(2)) world.forward = random.between(700, 1500);
  if (random.one_in(3)) world.back = random.between(700, 1500);
  world.narrow_hop = random.between(1, kHops - 1);
  world.reports = random.one_in(3);
  world.udp = !random.one_in(3);
  world.echo = !random.one_in(5);
  if (random.one_in(4)) world.udp_burst = 1000;
  if (random.one_in(4)) world.echo_rate = static_cast<double>(random.between(1, 5));
  if (random.one_in(3)) world.ping_limit = random.between(600, 1480);
  world.ping_hop = random.one_in(2) ? kHops : random.between(1, kHops);
  switch (random.between(1, 8)) {
    case 1: world.truncates = random.between(8, 1400); break;
    case 2: world.pads = random.between(1, 500); break;
    case 3: world.alters = true; break;
    default: break;
  }
  if (random.one_in(2)) world.loss = random.percent(0, 20);
  if (random.one_in(3)) world.late = random.percent(0, 30);
  return world;
}

std::string told(const World& world, const Outcome& outcome, std::uint64_t seed) {
  return fmt::format(
      "seed {}: forward {}, back {}, hop {}, udp {} ({}), rate {}, pings {} at {}, truncates {}, "
      "pads {}, alters {}, loss {}, above {}: {} there, {} back, {} bytes/s; late {}; up to {} s: "
      "{}",
      seed, world.forward, world.back, world.narrow_hop, world.udp, world.udp_burst,
      world.echo_rate, world.ping_limit.value_or(0), world.ping_hop, world.truncates.value_or(0),
      world.pads, world.alters, world.loss, world.large, world.size_loss, world.size_loss_back,
      world.rate, world.late, std::chrono::duration<double>(outcome.limit).count(),
      diagnosis::verdict(outcome.report).plain());
}

bool has(const Outcome& outcome, diagnosis::FindingId id) {
  return std::ranges::any_of(outcome.report.checks, [&](const diagnosis::Check& check) {
    return check.finding && check.finding->id == id;
  });
}

/// The hops that are named are those between which the size that is lost is dropped.
void expect_true_hops(const World& world, const Outcome& outcome, const std::string& what) {
  const auto& facts = outcome.facts;
  const auto is_between = [](const path::HopSearchResult& drop, std::size_t behind) {
    return drop.last->number <= behind && drop.first->number > behind;
  };
  // A filter of pings that has the path's limit, to the byte, cannot be told from it.
  if (world.ping_limit == world.forward) return;
  if (const auto& drop = facts.forward_drop; drop && drop->first) {
    ASSERT_GE(*facts.forward->not_above, world.forward) << what;
    ASSERT_TRUE(is_between(*drop, world.narrow_hop)) << what;
  }
  const auto& drop = facts.echo_drop;
  if (!drop || !drop->first) return;
  // Large pings that the host drops look alike where the path loses some of the same sizes.
  if (world.ping_limit == world.large && world.size_loss > 0) return;
  const std::size_t failing = *diagnosis::found_by_echo(facts)->not_above + 1;
  const bool by_path = failing > world.forward && is_between(*drop, world.narrow_hop);
  const bool by_filter =
      world.ping_limit && failing > *world.ping_limit && is_between(*drop, world.ping_hop - 1);
  ASSERT_TRUE(by_path || by_filter || drop->first->is_end) << what;
}

/// That nothing is said that is not so.
void expect_truth(const World& world, const Outcome& outcome, std::uint64_t seed) {
  const std::string what = told(world, outcome, seed);
  ASSERT_LE(outcome.took, outcome.limit) << what;
  if (const auto proven = diagnosis::proven_forward(outcome.facts)) {
    ASSERT_LE(*proven, world.forward) << what;
  }
  if (const auto& both = outcome.facts.both_ways; both && both->mtu) {
    ASSERT_LE(*both->mtu, std::min(world.forward, world.back)) << what;
  }
  const bool narrow = world.forward < 1480;
  using enum diagnosis::FindingId;
  if (has(outcome, mtu_black_hole_forward)) {
    ASSERT_TRUE(narrow) << what;
  }
  if (has(outcome, mtu_reported)) {
    ASSERT_TRUE(narrow && world.reports) << what;
  }
  ASSERT_FALSE(has(outcome, mtu_black_hole_backward)) << what;
  // An advised MTU works on the way there, and is no smaller than it has to be.
  if (const auto fitting = diagnosis::fitting_mtu(outcome.facts)) {
    ASSERT_LE(*fitting + 60, world.forward) << what;
    if (*fitting < 1420) {
      ASSERT_EQ(*fitting + 60, world.forward) << what;
    }
  }
  ASSERT_NO_FATAL_FAILURE(expect_true_hops(world, outcome, what));
  diagnosis::Report report = outcome.report;
  diagnosis::measure(outcome.facts, report);
  for (const auto& measurement : report.measurements) {
    const bool backward = measurement.labels.front().value == "backward";
    ASSERT_LE(measurement.value, static_cast<double>(backward ? world.back : world.forward))
        << what;
  }
}

/// More by hand: WGSCOPE_WORLDS=100000.
std::uint64_t worlds() {
  const char* const given = std::getenv("WGSCOPE_WORLDS");
  return given == nullptr ? 3000 : std::stoull(given);
}

TEST(OuterSimulation, SaysNothingUntrueOfRandomHosts) {
  Random random(1);
  std::size_t critical = 0;
  std::size_t ok = 0;
  for (std::uint64_t seed = 0; seed < worlds(); ++seed) {
    const World world = random_world(random);
    const Outcome outcome = run(world, seed, random.one_in(4));
    ASSERT_NO_FATAL_FAILURE(expect_truth(world, outcome, seed));
    const auto status = diagnosis::overall(outcome.report);
    if (status == diagnosis::Status::critical) ++critical;
    if (status == diagnosis::Status::ok) ++ok;
  }
  EXPECT_GT(critical, worlds() / 50);
  EXPECT_GT(ok, worlds() / 50);
}

TEST(OuterSimulation, CallsNoHealthyPathABlackHoleThatLosesLargePacketsByChance) {
  Random random(2);
  for (std::uint64_t seed = 0; seed < worlds(); ++seed) {
    World world;
    world.large = random.between(600, 1400);
    // Of pings up to 90 % are lost, on the way there and back together.
    const std::size_t ways = random.between(1, 3);
    if (ways != 2) world.size_loss = random.percent(10, ways == 3 ? 68 : 90);
    if (ways != 1) world.size_loss_back = random.percent(10, ways == 3 ? 68 : 90);
    if (random.one_in(4)) world.loss = random.percent(1, 15);
    if (random.one_in(4)) world.forward = random.between(700, 1500);
    if (random.one_in(2)) world.ping_limit = random.between(600, 1480);
    if (random.one_in(4)) world.ping_limit = world.large;
    world.ping_hop = random.one_in(2) ? kHops : random.between(1, kHops);
    world.narrow_hop = random.between(1, kHops - 1);
    world.udp = random.one_in(2);
    if (random.one_in(4)) world.udp_burst = 1000;
    const Outcome outcome = run(world, seed, random.one_in(3));
    ASSERT_NO_FATAL_FAILURE(expect_truth(world, outcome, seed));
  }
}

TEST(OuterSimulation, CallsNoHealthyPathABlackHoleThatRationsBytes) {
  Random random(3);
  for (std::uint64_t seed = 0; seed < worlds(); ++seed) {
    World world;
    world.large = random.one_in(3) ? 0 : random.between(600, 1400);
    world.rate = static_cast<double>(random.between(1'000, 3'000));
    world.depth = static_cast<double>(random.between(1'500, 5'000));
    world.udp = random.one_in(2);
    if (random.one_in(4)) world.udp_burst = 1000;
    const Outcome outcome = run(world, seed, random.one_in(3));
    ASSERT_NO_FATAL_FAILURE(expect_truth(world, outcome, seed));
  }
}

TEST(OuterSimulation, FindsEveryMtuOfPathsWithoutLoss) {
  for (std::size_t mtu = 700; mtu < 1480; mtu += 13) {
    World world;
    world.forward = mtu;
    for (const bool udp : {true, false}) {
      world.udp = udp;
      const Outcome outcome = run(world, mtu);
      EXPECT_EQ(diagnosis::overall(outcome.report),
                udp ? diagnosis::Status::critical : diagnosis::overall(outcome.report));
      if (udp) {
        EXPECT_EQ(diagnosis::fitting_mtu(outcome.facts), mtu - 60);
      }
      expect_truth(world, outcome, mtu);
    }
  }
}

}  // namespace
}  // namespace wgscope::checks
