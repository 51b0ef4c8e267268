#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"
#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"

#include "handshake_facts.hpp"

// What holds for any facts, however they contradict each other.

namespace wgscope::diagnosis {
namespace {

/// Facts of a seed: mostly plausible pieces, put together without sense.
class AnyFacts {
 public:
  explicit AnyFacts(std::uint32_t seed) : random_(seed) {}

  HandshakeFacts make() {
    HandshakeFacts facts;
    facts.wanted = {.host = chance(2) ? "gw.example.net" : "192.0.2.1", .port = port()};
    if (chance(10)) facts.resolve_error = Error{errc(), "look up: \x1b[31m\xff"};
    // An interrupted lookup came to nothing.
    const bool cut_short = facts.resolve_error && facts.resolve_error->code == Errc::interrupted;
    const std::size_t attempts = cut_short ? 0 : below(5);
    for (std::size_t i = 0; i < attempts; ++i) facts.attempts.push_back(attempt());
    facts.has_preshared_key = chance(2);
    facts.key_use = static_cast<KeyUse>(chance(8) ? 1 : below(2) * 2);
    facts.key_user = facts.key_use == KeyUse::used || chance(2) ? "wg0" : "";
    facts.key_use_accepted = chance(2);
    facts.clock_synchronised = maybe([&] { return chance(2); });
    facts.stamp_ahead = maybe([&] { return time(); });
    if (chance(4)) facts.stamps_not_kept = "open /var/lib/wgscope: denied";
    facts.quick = chance(2);
    facts.interrupted = chance(5);
    facts.resolving = maybe([&] { return time(); });
    if (chance(5)) facts.mark_refused = "set the mark: denied";
    facts.data_wanted = !chance(4);
    return facts;
  }

 private:
  std::size_t below(std::size_t limit) { return random_() % limit; }
  bool chance(std::size_t one_in) { return below(one_in) == 0; }
  std::uint16_t port() { return static_cast<std::uint16_t>(chance(4) ? random_() : 51820); }
  Errc errc() { return static_cast<Errc>(below(static_cast<std::size_t>(Errc::io) + 1)); }

  template <class Make>
  auto maybe(Make make) -> std::optional<decltype(make())> {
    if (chance(2)) return std::nullopt;
    return make();
  }

  Nanoseconds time() {
    constexpr std::array<Nanoseconds, 7> kTimes{-5s, 0ns, 12ms, 10s, 15500ms, 180s, 100000h};
    return kTimes.at(below(kTimes.size()));
  }

  IpAddress any_address() {
    constexpr std::array kAddresses{"192.0.2.1", "2001:db8::1", "203.0.113.7", "2001:db8:ff::7"};
    return address(kAddresses.at(below(kAddresses.size())));
  }

  IcmpReport report() {
    return {.from = any_address(),
            .type = static_cast<std::uint8_t>(chance(3) ? random_() : below(12)),
            .code = static_cast<std::uint8_t>(chance(4) ? random_() : below(16)),
            .count = below(4),
            .from_this_host = chance(5)};
  }

  Knock knock() {
    return {.sent = below(4), .answer = maybe([&] { return report(); }), .datagram = chance(6)};
  }

  SilenceFacts silence() {
    SilenceFacts made{
        .plain_neighbour = knock(), .wireguard_neighbour = knock(), .plain_same_port = knock()};
    const std::size_t hops = below(4);
    for (std::size_t i = 0; i < hops; ++i)
      made.hops.push_back({.limit = static_cast<std::uint8_t>(i + 1),
                           .from = maybe([&] { return any_address(); }),
                           .arrived = chance(6)});
    // Who arrived is known.
    for (Hop& hop : made.hops) hop.arrived = hop.arrived && hop.from;
    return made;
  }

  DataTrace trace() {
    DataTrace made{.lost_before_plain = below(6)};
    for (std::size_t i = below(4); i > 0; --i)
      made.plain_hops.push_back({.limit = static_cast<std::uint8_t>(made.plain_hops.size() + 1),
                                 .from = maybe([&] { return any_address(); })});
    for (std::size_t i = below(3); i > 0; --i) made.data_seen_at.push_back(any_address());
    return made;
  }

  /// Nothing came, for as long as the witnesses need.
  DataFacts mute() {
    return {.target = any_address(),
            .target_guessed = chance(2),
            .echoes_sent = 3,
            .witnesses_watched = 180s,
            .trace = trace()};
  }

  DataFacts data() {
    if (chance(3)) return mute();
    DataFacts made{.target = maybe([&] { return any_address(); }),
                   .target_guessed = chance(2),
                   .echoes_sent = below(5)};
    const std::size_t replies = chance(2) ? below(4) : 0;
    for (std::size_t i = 0; i < replies; ++i) made.round_trips.push_back(time());
    made.icmp = maybe([&] { return report(); });
    made.other = maybe([&] {
      return OtherData{.count = 1 + below(3),
                       .from = any_address(),
                       .icmp_type = maybe([&] { return static_cast<std::uint8_t>(below(256)); }),
                       .not_allowed = chance(2)};
    });
    made.keepalive_after = maybe([&] { return time(); });
    made.initiation_after = maybe([&] { return time(); });
    made.witnesses_watched = maybe([&] { return time(); });
    made.held = maybe([&] { return time(); });
    made.died_after = maybe([&] { return time(); });
    made.new_handshake = maybe([&] { return chance(2); });
    while (chance(3)) made.lost_sessions.push_back({.lived = 20s, .silent = 3s, .unanswered = 9});
    for (std::size_t i = below(4); i > 0; --i) made.held_answers.push_back(chance(2));
    made.trace = trace();
    made.other_port_carries = maybe([&] { return chance(2); });
    return made;
  }

  AttemptFacts attempt() {
    AttemptFacts made;
    made.endpoint = {.address = any_address(), .scope_id = 0, .port = port()};
    made.initiations = below(6);
    constexpr std::array kErrors{EPERM, ENETUNREACH, EMSGSIZE, EAFNOSUPPORT, ENOBUFS, 0, -7, 9999};
    if (chance(4)) made.send_errno = kErrors.at(below(kErrors.size()));
    while (chance(3)) made.icmp.push_back(report());
    made.cookies = chance(4) ? below(4) : 0;
    made.forged_cookies = chance(4) ? below(4) : 0;
    if (chance(3)) made.response_after = time();
    made.answered_initiation = below(4);
    if (made.response_after)
      made.responder = maybe([&] { return Endpoint{any_address(), 0, port()}; });
    if (chance(5))
      made.preshared_key = PresharedKeyTrials{
          .none_fits = chance(2), .given = maybe([] { return std::string("\n"); }), .tried = 1};
    made.silence = maybe([&] { return silence(); });
    made.data = maybe([&] { return data(); });
    made.given_up = chance(4);
    return made;
  }

  std::mt19937 random_;
};

constexpr std::uint32_t kSeeds = 2'000;

template <class Promise>
void for_any_facts(Promise promise) {
  for (std::uint32_t seed = 0; seed < kSeeds && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const HandshakeFacts facts = AnyFacts(seed).make();
    promise(facts, diagnose(facts));
  }
}

TEST(AnyHandshakeFacts, GiveAReasonForWhatIsNotOk) {
  for_any_facts([](const HandshakeFacts&, const std::vector<Check>& checks) {
    for (const Check& check : checks) {
      const bool fails = check.status == Status::critical || check.status == Status::warning;
      EXPECT_EQ(fails && !check.finding, false) << check.name;
      EXPECT_EQ(check.status == Status::skipped, check.skipped_because.has_value()) << check.name;
      EXPECT_EQ(check.status == Status::ok && check.finding, false) << check.name;
    }
  });
}

TEST(AnyHandshakeFacts, SkipOnlyBecauseOfWhatWasFound) {
  for_any_facts([](const HandshakeFacts&, const std::vector<Check>& checks) {
    for (const Check& check : checks) {
      if (!check.skipped_because) continue;
      const bool found = std::ranges::any_of(checks, [&](const Check& other) {
        return other.finding && other.finding->id == *check.skipped_because;
      });
      EXPECT_TRUE(found) << check.name;
    }
  });
}

TEST(AnyHandshakeFacts, GiveChecksInTheOrderOfLayersOutOfTheTable) {
  for_any_facts([](const HandshakeFacts& facts, const std::vector<Check>& checks) {
    EXPECT_TRUE(std::ranges::is_sorted(checks, {}, &Check::layer));
    for (const Check& check : checks) {
      const auto kinds = check_rows();
      const auto kind = std::ranges::find(kinds, check.name, &CheckRow::name);
      ASSERT_NE(kind, kinds.end()) << check.name;
      EXPECT_EQ(kind->layer, check.layer) << check.name;
      EXPECT_LE(check.essential, kind->essential) << check.name;
      EXPECT_EQ(check.target.empty(), facts.attempts.size() < 2 || check.layer < Layer::path ||
                                          check.name == "path.mark" ||
                                          check.skipped_because == FindingId::key_in_use ||
                                          facts.resolve_error.has_value())
          << check.name;
    }
  });
}

TEST(AnyHandshakeFacts, NeverAreOkWhereNobodyResponded) {
  for_any_facts([](const HandshakeFacts& facts, const std::vector<Check>& checks) {
    const bool session = has_handshake(facts) && !facts.resolve_error &&
                         (facts.key_use != KeyUse::used || facts.key_use_accepted);
    if (session) return;
    Report report;
    report.checks = checks;
    for (const FailOn fail_on : {FailOn::critical, FailOn::warning, FailOn::unknown})
      EXPECT_NE(overall(report, fail_on), Status::ok);
    for (const Check& check : checks) {
      EXPECT_FALSE(check.name == "tunnel.data" && check.status == Status::ok);
    }
  });
}

TEST(AnyHandshakeFacts, NeverAreCriticalWhereSomeAddressCarries) {
  for_any_facts([](const HandshakeFacts& facts, const std::vector<Check>& checks) {
    const bool carries = std::ranges::any_of(facts.attempts, [](const AttemptFacts& attempt) {
      return attempt.response_after && attempt.data && attempt.data->target &&
             !attempt.data->round_trips.empty() &&
             !(attempt.data->held && attempt.data->died_after);
    });
    if (!carries || facts.key_use == KeyUse::used || facts.resolve_error) return;
    Report report;
    report.checks = checks;
    EXPECT_NE(overall(report), Status::critical);
    EXPECT_NE(overall(report, FailOn::critical), Status::unknown);
  });
}

/// Promises about the only address, where all was done that could be.
template <class Promise>
void for_any_single_attempt(Promise promise) {
  for_any_facts([&](const HandshakeFacts& facts, const std::vector<Check>& checks) {
    const bool tried = !facts.resolve_error && facts.attempts.size() == 1 &&
                       (facts.key_use != KeyUse::used || facts.key_use_accepted);
    if (tried) promise(facts.attempts.front(), checks);
  });
}

bool answers(const AttemptFacts& attempt) {
  return attempt.response_after || attempt.preshared_key || attempt.cookies > 0;
}

/// What must have been measured for a check to be called fine.
bool is_measured_fine(const Check& check, const AttemptFacts& attempt) {
  const DataFacts none;
  const DataFacts& data = attempt.data ? *attempt.data : none;
  const bool responded = attempt.response_after.has_value();
  if (check.name == "handshake.response") return responded || attempt.preshared_key.has_value();
  if (check.name == "handshake.preshared_key") return responded;
  if (check.name == "handshake.responder") return responded && attempt.responder.has_value();
  if (check.name == "path.icmp") return answers(attempt);
  if (check.name == "path.send")  // or something came back for what was sent
    return attempt.initiations > 0 || answers(attempt) || !attempt.icmp.empty() ||
           attempt.silence.has_value();
  if (check.name == "tunnel.data") return responded && !data.round_trips.empty();
  if (check.name == "tunnel.hold")
    return responded && data.held && !data.died_after &&
           std::ranges::count(data.held_answers, false) == 0;
  return true;
}

TEST(AnyHandshakeFacts, GetNoTickWithoutAMeasurementThatCouldHaveSaidOtherwise) {
  for_any_single_attempt([](const AttemptFacts& attempt, const std::vector<Check>& checks) {
    for (const Check& check : checks) {
      if (check.status != Status::ok) continue;
      EXPECT_TRUE(is_measured_fine(check, attempt)) << check.name << check.summary.plain();
    }
  });
}

/// Where something is said to be lost, nothing that arrived says otherwise, and the gateway had the
/// time to.
TEST(AnyHandshakeFacts, AreLostNowhereWithoutAMeasurementThatCouldHaveSaidOtherwise) {
  for_any_single_attempt([](const AttemptFacts& attempt, const std::vector<Check>& checks) {
    for (const Check& check : checks) {
      if (!check.finding || check.name != "tunnel.data") continue;
      if (!attempt.data) {
        EXPECT_NE(check.finding->id, FindingId::forward_data_lost);
        EXPECT_NE(check.finding->id, FindingId::return_data_lost);
        EXPECT_NE(check.finding->id, FindingId::dropped_behind_peer);
        continue;
      }
      const DataFacts& data = *attempt.data;
      const std::string cause = check.finding->cause.plain();
      const bool heard = !data.round_trips.empty() || data.icmp || data.other;
      if (check.finding->id == FindingId::forward_data_lost) {
        EXPECT_FALSE(heard || data.keepalive_after || data.initiation_after);
        EXPECT_GE(data.witnesses_watched.value_or(0s), 15s);
      }
      if (check.finding->id == FindingId::return_data_lost) {
        EXPECT_FALSE(heard || data.keepalive_after);
        EXPECT_TRUE(data.initiation_after);
      }
      if (check.finding->id == FindingId::dropped_behind_peer) {
        EXPECT_TRUE(data.keepalive_after);
      }
      if (cause.find("is dropped between") != std::string::npos ||
          cause.find("does not reach") != std::string::npos) {
        EXPECT_GE(data.trace.lost_before_plain, 3U);
      }
    }
  });
}

/// What the report's own facts say of a cause. A cause is found by the words that name it.
struct Refuted {
  const char* cause;
  bool (*by)(const AttemptFacts& attempt);
};

bool host_answers(const AttemptFacts& attempt) {
  if (!attempt.silence) return false;
  const SilenceFacts& silence = *attempt.silence;
  const auto itself = [&](const Knock& knock) {
    return knock.answer && knock.answer->from == attempt.endpoint.address;
  };
  return itself(silence.plain_neighbour) || itself(silence.wireguard_neighbour);
}

bool handshakes_again(const AttemptFacts& attempt) {
  return attempt.data && attempt.data->new_handshake == true;
}

constexpr Refuted kRefuted[] = {
    {"the gateway's public key is not",
     [](const AttemptFacts& attempt) {
       return attempt.cookies > 0 || attempt.response_after || attempt.preshared_key;
     }},
    {"this probe's public key is not configured on the gateway",
     [](const AttemptFacts& attempt) {
       return attempt.response_after.has_value() || attempt.preshared_key.has_value();
     }},
    {"clock is behind this key's last handshake",
     [](const AttemptFacts& attempt) { return attempt.response_after.has_value(); }},
    {"the gateway is down, or no longer has that address",
     [](const AttemptFacts& attempt) { return answers(attempt) || host_answers(attempt); }},
    {"this network does not let UDP out", answers},
    {"the gateway or its interface went down", handshakes_again},
    {"a NAT or stateful firewall on the path forgot the flow", handshakes_again},
    {"the session was not renewed: handshakes after the first are lost", handshakes_again},
    {"data is dropped in both directions",
     [](const AttemptFacts& attempt) {
       return attempt.data && (!attempt.data->round_trips.empty() || attempt.data->other ||
                               attempt.data->icmp || attempt.data->keepalive_after);
     }},
};

TEST(AnyHandshakeFacts, ListNoCauseThatTheReportRefutes) {
  std::array<std::size_t, std::size(kRefuted)> listed{};
  for_any_single_attempt([&](const AttemptFacts& attempt, const std::vector<Check>& checks) {
    for (const Check& check : checks) {
      if (!check.finding) continue;
      for (const Hypothesis& reason : check.finding->hypotheses) {
        for (std::size_t i = 0; i < std::size(kRefuted); ++i) {
          if (reason.cause.plain().find(kRefuted[i].cause) == std::string::npos) continue;
          ++listed.at(i);
          EXPECT_FALSE(kRefuted[i].by(attempt)) << check.name << ": " << reason.cause.plain();
        }
      }
    }
  });
  for (std::size_t i = 0; i < listed.size(); ++i)
    EXPECT_GT(listed.at(i), 0U) << "no longer said so: " << kRefuted[i].cause;
}

/// Everything that a check says.
std::string told(const Check& check) {
  std::string all{check.name};
  all.append(to_string(check.status)).append(check.summary.plain()).append(check.target.plain());
  if (check.finding) all.append(kind_of(check.finding->id).id).append(words_of(*check.finding));
  return all;
}

TEST(AnyHandshakeFacts, GiveTheSameChecksEachTime) {
  for_any_facts([](const HandshakeFacts& facts, const std::vector<Check>& checks) {
    const std::vector<Check> again = diagnose(facts);
    ASSERT_EQ(checks.size(), again.size());
    for (std::size_t i = 0; i < checks.size(); ++i) EXPECT_EQ(told(checks[i]), told(again[i]));
  });
}

TEST(AnyHandshakeFacts, AreToldInLinesThatEndLikeOthers) {
  for_any_facts([](const HandshakeFacts&, const std::vector<Check>& checks) {
    const auto is_a_line = [](const Text& text) {
      const std::string line = text.plain();
      const bool printable = std::ranges::all_of(
          line, [](char byte) { return static_cast<unsigned char>(byte) >= ' '; });
      return !line.empty() && printable && !line.ends_with('.') &&
             line.find("{}") == std::string::npos && line.find("  ") == std::string::npos;
    };
    for (const Check& check : checks) {
      if (check.status != Status::skipped) {
        EXPECT_TRUE(is_a_line(check.summary)) << check.name;
      }
      if (!check.finding) continue;
      const Finding& finding = *check.finding;
      EXPECT_TRUE(is_a_line(finding.cause)) << finding.cause.plain();
      EXPECT_FALSE(finding.fix.empty()) << finding.cause.plain();
      for (const Text& line : finding.evidence) EXPECT_TRUE(is_a_line(line)) << line.plain();
      for (const Text& line : finding.fix) EXPECT_TRUE(is_a_line(line)) << line.plain();
      for (const Hypothesis& reason : finding.hypotheses) {
        EXPECT_TRUE(is_a_line(reason.cause)) << reason.cause.plain();
        EXPECT_TRUE(is_a_line(reason.check)) << reason.check.plain();
      }
    }
  });
}

TEST(AnyHandshakeFacts, KeepWhatIsSensitiveMarked) {
  for_any_facts([](const HandshakeFacts&, const std::vector<Check>& checks) {
    const auto gives_away = [](const Text& text) {
      return std::ranges::any_of(text.pieces(), [](const Text::Piece& piece) {
        if (piece.kind != Sensitivity::none) return false;
        for (const char* outside : {"192.0.2.", "2001:db8", "203.0.113", "example.net", "wg0"}) {
          if (piece.text.find(outside) != std::string::npos) return true;
        }
        return false;
      });
    };
    for (const Check& check : checks) {
      EXPECT_FALSE(gives_away(check.summary)) << check.summary.plain();
      if (!check.finding) continue;
      EXPECT_FALSE(gives_away(check.finding->cause)) << check.finding->cause.plain();
      for (const Text& line : check.finding->evidence) EXPECT_FALSE(gives_away(line));
      for (const Text& line : check.finding->fix) EXPECT_FALSE(gives_away(line));
      for (const Hypothesis& reason : check.finding->hypotheses)
        EXPECT_FALSE(gives_away(reason.cause) || gives_away(reason.check));
    }
  });
}

}  // namespace
}  // namespace wgscope::diagnosis
