#include "wgscope/diagnosis/handshake.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"

#include "handshake_parts.hpp"

// Each address goes through the same branches by itself. Then they are weighed: what an address
// failed with counts in full only as long as no other came further. One that works makes the
// failures of others warnings (that clients which take those have no tunnel); a gateway that
// answers at one address, if only to show that a preshared key is wrong, tells more than silence at
// another. And where this host lacks a whole IP version, nothing is known about addresses of it.

namespace wgscope::diagnosis {
namespace {

using enum CheckKind;

/// How far one address came.
enum class Reach : std::uint8_t {
  not_from_here,  ///< this host lacks the IP version
  unanswered,
  answered,  ///< in a way that shows the gateway is there
  session,
  works,  ///< data crosses, too, or was not wanted
};

/// One address's checks.
struct Weighed {
  const AttemptFacts* attempt = nullptr;
  Reach reach = Reach::unanswered;
  std::vector<Check> checks;
};

/// What keeps later checks from being meaningful.
std::optional<FindingId> obstacle(const Check& check) {
  if (check.status == Status::critical && check.finding) return check.finding->id;
  return check.skipped_because;
}

void add_handshake(const Scene& scene, std::vector<Check>& checks) {
  checks.push_back(check_response(scene));
  const auto because = obstacle(checks.back());
  if (auto cookie = check_cookie(scene)) checks.push_back(std::move(*cookie));
  if (because)
    checks.push_back(skipped(handshake_preshared_key, *because));
  else
    checks.push_back(check_preshared_key(scene));
  if (auto responder = check_responder(scene)) checks.push_back(std::move(*responder));
  if (auto strays = check_strays(scene)) checks.push_back(std::move(*strays));
}

/// What keeps data from being tried; nothing: it could be.
std::optional<FindingId> first_obstacle(const std::vector<Check>& checks) {
  for (const Check& check : checks) {
    if (const auto because = obstacle(check)) return because;
  }
  return std::nullopt;
}

void add_tunnel(const Scene& scene, std::vector<Check>& checks) {
  if (!scene.all.data_wanted) return;
  if (!scene.one.response_after) {
    const auto because = first_obstacle(checks);
    checks.push_back(
        because ? skipped(tunnel_data, *because)
                : make_check(tunnel_data, Status::unknown, "not tried: there is no session"));
    return;
  }
  // Data is tried on one session at a time; one that it was tried on speaks for the others.
  const bool tried_elsewhere =
      !scene.one.data && std::ranges::any_of(scene.all.attempts, [](const AttemptFacts& attempt) {
        return attempt.data.has_value();
      });
  if (tried_elsewhere) return;
  Check data = check_data(scene);
  if (data_takes_another_way(scene)) {
    const auto responder =
        std::ranges::find(checks, row_of(handshake_responder).name, &Check::name);
    if (responder != checks.end()) *responder = another_way(scene, data);
    data = skipped(tunnel_data, FindingId::answers_take_another_way);
  }
  checks.push_back(std::move(data));
  if (auto held = check_hold(scene)) checks.push_back(std::move(*held));
}

std::vector<Check> checks_of(const Scene& scene) {
  std::vector<Check> checks;
  if (auto way = check_way(scene)) checks.push_back(std::move(*way));
  const bool is_sendable = !scene.one.route || !scene.one.route->broadcast;
  checks.push_back(is_sendable ? check_send(scene)
                               : skipped(path_send, FindingId::endpoint_unusable));
  if (const auto because = obstacle(checks.back())) {
    checks.push_back(skipped(path_icmp, *because));
    checks.push_back(skipped(handshake_response, *because));
    checks.push_back(skipped(handshake_preshared_key, *because));
  } else {
    checks.push_back(check_icmp(scene));
    if (const auto error = obstacle(checks.back())) {
      checks.push_back(skipped(handshake_response, *error));
      checks.push_back(skipped(handshake_preshared_key, *error));
    } else {
      add_handshake(scene, checks);
    }
  }
  add_tunnel(scene, checks);
  blame_way(scene, checks);
  return checks;
}

Reach reach_of(const Scene& scene, const std::vector<Check>& checks) {
  const AttemptFacts& attempt = scene.one;
  if (attempt.response_after) {
    if (!scene.all.data_wanted) return Reach::works;
    const bool carries = std::ranges::any_of(checks, [](const Check& check) {
      return check.name == row_of(tunnel_data).name &&
             (check.status == Status::ok || check.status == Status::warning);
    });
    const bool fails = std::ranges::any_of(
        checks, [](const Check& check) { return check.status == Status::critical; });
    return carries && !fails ? Reach::works : Reach::session;
  }
  if (gateway_answered(attempt)) return Reach::answered;
  return lacks_family(attempt) ? Reach::not_from_here : Reach::unanswered;
}

/// Another address came further: what this one failed with is worth a warning, or, where this host
/// cannot even try, says nothing.
void outweigh(Weighed& weighed) {
  for (Check& check : weighed.checks) {
    check.essential = false;
    if (check.status == Status::critical)
      check.status = weighed.reach == Reach::not_from_here ? Status::unknown : Status::warning;
  }
}

/// What an address fails with; nullptr: nothing that keeps it from being used.
const Finding* failure_of(const Weighed& weighed) {
  if (weighed.reach == Reach::not_from_here) return nullptr;
  for (const Check& check : weighed.checks) {
    if (check.finding && check.status != Status::unknown &&
        kind_of(check.finding->id).severity == Severity::critical)
      return &*check.finding;
  }
  return nullptr;
}

std::optional<Check> check_addresses(const HandshakeFacts& facts, const std::vector<Weighed>& all,
                                     Reach best) {
  if (all.size() < 2 || best < Reach::session) return std::nullopt;
  std::vector<Text> evidence;
  std::optional<Text> first;
  for (const Weighed& weighed : all) {
    const Finding* failure = weighed.reach < best ? failure_of(weighed) : nullptr;
    if (failure == nullptr) continue;
    if (!first) first = text("{}", weighed.attempt->endpoint);
    evidence.push_back(text("{}: {}", weighed.attempt->endpoint, failure->cause));
  }
  if (evidence.empty())
    return make_check(name_addresses, Status::ok, "every address that could be tried works");
  const std::size_t failing = evidence.size();
  const Text summary = text("{} of {} fail", failing, all.size());
  return make_check(
      name_addresses, Status::warning, summary,
      {.id = FindingId::some_addresses_fail,
       .cause = text("{} every address of {}: {}{}",
                     either(best == Reach::works, "the tunnel works, but not at",
                            "handshakes work, but not at"),
                     endpoint_text(facts.wanted), *first,
                     failing == 1 ? text(" fails") : text(" and {} more fail", failing - 1)),
       .evidence = std::move(evidence),
       .fix = {"fix what the check of that address names",
               "or remove the address from DNS: WireGuard keeps to one address of a name, so "
               "clients that get this address have no tunnel"}});
}

/// Nothing was done, because of `because`.
void skip_from(CheckKind first, FindingId because, const HandshakeFacts& facts,
               std::vector<Check>& checks) {
  for (const CheckKind what : {key_stamp, clock, name_resolve, path_send, path_icmp,
                               handshake_response, handshake_preshared_key, tunnel_data}) {
    if (what < first || (what == name_resolve && facts.wanted.address()) ||
        (what == tunnel_data && !facts.data_wanted))
      continue;
    checks.push_back(skipped(what, because));
  }
}

void add_attempts(const HandshakeFacts& facts, std::vector<Check>& checks) {
  std::vector<Weighed> all;
  Reach best = Reach::not_from_here;
  for (const AttemptFacts& attempt : facts.attempts) {
    const Scene scene{facts, attempt};
    Weighed weighed{.attempt = &attempt, .checks = checks_of(scene)};
    weighed.reach = reach_of(scene, weighed.checks);
    if (facts.attempts.size() > 1) {
      for (Check& check : weighed.checks) check.target = text("{}", attempt.endpoint);
    }
    best = std::max(best, weighed.reach);
    all.push_back(std::move(weighed));
  }
  for (Weighed& weighed : all) {
    if (weighed.reach < best) outweigh(weighed);
  }
  if (auto addresses = check_addresses(facts, all, best)) checks.push_back(std::move(*addresses));
  for (Weighed& weighed : all) std::ranges::move(weighed.checks, std::back_inserter(checks));
  std::ranges::stable_sort(checks, {}, &Check::layer);
}

}  // namespace

Text endpoint_text(const config::EndpointName& endpoint) {
  if (const auto address = endpoint.address()) return text("{}", *address);
  return text("{}:{}", Name{endpoint.host}, endpoint.port);
}

bool gateway_answered(const AttemptFacts& attempt) {
  return attempt.response_after || attempt.preshared_key || attempt.cookies > 0;
}

Words iptables(const IpAddress& address) {
  return either(address.family == Family::v4, "iptables", "ip6tables");
}

Text our_allowed_ips(const HandshakeFacts& facts) {
  Text list;
  for (const IpAddress& address : facts.our_addresses) {
    if (!list.empty()) list.add(",");
    list.add(text("{}/{}", address, address.octets().size() * 8));
  }
  return list.empty() ? Text("PREFIX") : list;
}

Text counted(std::size_t count, Words one, Words many) {
  return text("{} {}", count, either(count == 1, one, many));
}

std::vector<Check> diagnose(const HandshakeFacts& facts) {
  std::vector<Check> checks{check_key_use(facts)};
  if (const auto because = obstacle(checks.back())) {
    skip_from(key_stamp, *because, facts, checks);
    return checks;
  }
  checks.push_back(check_key_stamp(facts));
  checks.push_back(check_clock(facts));
  if (auto name = check_name(facts)) {
    checks.push_back(std::move(*name));
    if (const auto because = obstacle(checks.back())) {
      skip_from(path_send, *because, facts, checks);
      return checks;
    }
  }
  if (auto mark = check_mark(facts)) checks.push_back(std::move(*mark));
  if (facts.attempts.empty())
    checks.push_back(make_check(handshake_response, Status::unknown, "nothing was sent yet"));
  else
    add_attempts(facts, checks);
  return checks;
}

bool has_handshake(const HandshakeFacts& facts) {
  return std::ranges::any_of(facts.attempts, [](const AttemptFacts& attempt) {
    return attempt.response_after.has_value();
  });
}

Text success(const HandshakeFacts& facts) {
  Text made = text("handshake with {} works", endpoint_text(facts.wanted));
  const auto fastest =
      std::ranges::min_element(facts.attempts, {}, [](const AttemptFacts& attempt) {
        return attempt.response_after.value_or(Nanoseconds::max());
      });
  if (fastest == facts.attempts.end() || !fastest->response_after) return made;
  made.add(text(", answered after {}", *fastest->response_after));
  for (const AttemptFacts& attempt : facts.attempts) {
    if (!attempt.data || attempt.data->round_trips.empty()) continue;
    return made.add(text("; data round trip {}", median_of(attempt.data->round_trips)));
  }
  return made;
}

}  // namespace wgscope::diagnosis
