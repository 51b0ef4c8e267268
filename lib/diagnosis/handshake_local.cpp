#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"

#include "handshake_parts.hpp"

namespace wgscope::diagnosis {
namespace {

using enum CheckKind;

/// A run that was killed leaves the key's stamp a little ahead (os/stamp_store.hpp); what is more
/// than that is the clock.
constexpr std::chrono::seconds kLeftByKilledRun{1};

/// What keeps a datagram from leaving, by errno (sendmsg(2), ip(7), ip-route(8)).
struct SendError {
  int number = 0;
  Words name;
  FindingId finding{};
  Words cause;  ///< goes on after "… to ENDPOINT: "
};

constexpr std::array<SendError, 14> kSendErrors{{
    {EPERM, "EPERM", FindingId::local_firewall, "a firewall on this host drops it"},
    {EACCES, "EACCES", FindingId::local_firewall,
     "a firewall or a prohibit route of this host forbids it, or it is a broadcast address"},
    {ENETUNREACH, "ENETUNREACH", FindingId::no_route, "this host has no route there"},
    {EHOSTUNREACH, "EHOSTUNREACH", FindingId::no_route,
     "this host's route there is an unreachable route, or the next hop does not answer"},
    {ENETDOWN, "ENETDOWN", FindingId::no_route, "the interface of the route there is down"},
    {ENODEV, "ENODEV", FindingId::no_route, "the interface of the route there is gone"},
    {ENOKEY, "ENOKEY", FindingId::no_route,
     "the route there leads into a WireGuard interface whose peers do not cover it"},
    {EDESTADDRREQ, "EDESTADDRREQ", FindingId::no_route,
     "the route there leads into a WireGuard interface whose peer has no endpoint"},
    {EMSGSIZE, "EMSGSIZE", FindingId::too_long_for_interface,
     "the datagram is larger than the interface's MTU"},
    {EAFNOSUPPORT, "EAFNOSUPPORT", FindingId::no_such_family,
     "this host does not have that IP version"},
    {EADDRNOTAVAIL, "EADDRNOTAVAIL", FindingId::no_such_family,
     "this host has no address of that IP version to send from"},
    {EINVAL, "EINVAL", FindingId::send_failed,
     "the kernel refuses it, as for a blackhole route or an address that cannot be sent to"},
    {ENOBUFS, "ENOBUFS", FindingId::send_failed, "the interface's queue is full"},
    {ECONNREFUSED, "ECONNREFUSED", FindingId::send_failed,
     "an earlier datagram there was answered by an ICMP error"},
}};

const SendError* send_error(int number) {
  for (const SendError& known : kSendErrors) {
    if (known.number == number) return &known;
  }
  return nullptr;
}

Text errno_text(int number) {
  const SendError* known = send_error(number);
  Text made;
  if (known != nullptr)
    made.add(known->name);
  else
    made.add("errno ").add(number);
  const std::string meaning = std::generic_category().message(number);
  return made.add(" (").add(vouched(meaning)).add(")");
}

/// An IPv4 endpoint as hosts behind NAT64 with the prefix that RFC 6052 reserves for that see it.
IpAddress through_nat64(const IpAddress& v4) {
  constexpr std::array<unsigned char, 4> kPrefix{0x00, 0x64, 0xff, 0x9b};
  IpAddress v6;
  v6.family = Family::v6;
  std::ranges::transform(kPrefix, v6.bytes.begin(),
                         [](unsigned char byte) { return std::byte{byte}; });
  std::ranges::copy(v4.octets(), v6.bytes.begin() + 12);
  return v6;
}

std::vector<Text> how_to_have_family(const Endpoint& endpoint) {
  if (endpoint.address.family == Family::v6)
    return {"give this host an IPv6 address, or use the endpoint's IPv4 address"};
  const Endpoint translated{.address = through_nat64(endpoint.address), .port = endpoint.port};
  return {"give this host an IPv4 address, or use the endpoint's IPv6 address",
          "if this network has NAT64 (then the name ipv4only.arpa has IPv6 addresses: getent "
          "ahostsv6 ipv4only.arpa), use a name as Endpoint, which DNS64 translates",
          text("or write the translated address, with NAT64's usual prefix: Endpoint = {}",
               translated)};
}

std::vector<Text> how_to_send(FindingId id, const Endpoint& endpoint) {
  std::vector<Text> fix;
  switch (id) {
    case FindingId::local_firewall:
      fix.push_back(text(
          "let UDP to {} out: look at the output chains of nft list ruleset, and at {} -S OUTPUT",
          endpoint, iptables(endpoint.address)));
      break;
    case FindingId::no_route:
      fix.push_back(text("bring the network up, or add a route: ip {}route add default via ROUTER",
                         either(endpoint.address.family == Family::v6, "-6 ", "")));
      break;
    case FindingId::too_long_for_interface:
      fix.emplace_back(
          "raise the MTU of the interface that the route names, which is below 200 bytes: ip link "
          "set INTERFACE mtu 1500");
      break;
    case FindingId::no_such_family: fix = how_to_have_family(endpoint); break;
    default: break;
  }
  fix.push_back(text("show the route that is taken: ip route get {}", endpoint.address));
  return fix;
}

std::vector<Hypothesis> reasons_not_to_send(int number, const Endpoint& endpoint) {
  const Hypothesis rule{"a rule in an output chain drops or limits it",
                        text("nft list ruleset; {} -S OUTPUT", iptables(endpoint.address))};
  if (number == EACCES)
    return {{"the endpoint is the broadcast address of a network of this host",
             text("ip route get {}: the answer begins with broadcast", endpoint.address)},
            {"a prohibit route covers the endpoint", text("ip route get {}", endpoint.address)},
            rule};
  if (number == EPERM)
    return {rule,
            {"a control group or container policy filters what this process sends",
             "run it outside of the container"}};
  if (number == ENOKEY || number == EDESTADDRREQ)
    return {{"a tunnel's allowed IPs and routes cover the endpoint, its own or this one",
             text("ip route get {}; wg show all allowed-ips", endpoint.address)}};
  return {};
}

Check key_use_not_known(const HandshakeFacts& facts) {
  const Name unread{facts.key_unread};
  const Text obstacle = facts.key_unread.empty()
                            ? text("the interfaces could not be listed")
                            : text("the interface {} could not be read", unread);
  Finding finding{
      .id = FindingId::key_use_unknown,
      .cause = text("unknown whether an interface of this host uses the probe's key: {}", obstacle),
      .evidence = {},
      .fix = {
          text("make sure that the key {} on the gateway is used by this probe only", facts.ours)}};
  if (facts.key_look_forbidden)
    finding.fix.emplace_back("to check this host, run as root or with CAP_NET_ADMIN");
  else if (!facts.key_unread.empty())
    finding.fix.push_back(
        text("on this host: ss -xlp | grep {}.sock shows the process that serves "
             "the interface; restart it if it hangs",
             unread));
  if (!facts.key_user.empty()) finding.evidence = {text("{}", Name{facts.key_user})};
  return make_check(key_use, Status::unknown, obstacle, std::move(finding));
}

}  // namespace

Text send_error_text(int number) {
  const SendError* known = send_error(number);
  return known != nullptr ? Text(known->cause) : errno_text(number);
}

bool stamp_is_ahead(const HandshakeFacts& facts) {
  return facts.stamp_ahead && *facts.stamp_ahead >= kLeftByKilledRun;
}

bool stamp_was_taken(const HandshakeFacts& facts) {
  return std::ranges::any_of(facts.attempts, [](const AttemptFacts& attempt) {
    return attempt.response_after || attempt.preshared_key;
  });
}

Check check_key_use(const HandshakeFacts& facts) {
  const Name user{facts.key_user};
  if (facts.key_use == KeyUse::free)
    return make_check(key_use, Status::ok, "no interface of this host uses the probe's key");
  if (facts.key_use == KeyUse::not_known) return key_use_not_known(facts);
  if (facts.key_use_accepted)
    return make_check(key_use, Status::ok,
                      text("{} uses it, as accepted with --i-know-this-steals-the-endpoint: the "
                           "gateway sends {}'s traffic to this probe until {} sends again",
                           user, user, user));
  return make_check(
      key_use, Status::critical, text("{} uses it", user),
      {.id = FindingId::key_in_use,
       .cause = text("the interface {} of this host uses this key: a probe with the same key would "
                     "take its traffic away, so nothing was sent",
                     user),
       .evidence = {text("{} has the public key {}", user, facts.ours),
                    "a gateway sends a peer's traffic to where its last handshake came from"},
       .fix = {"give the probe a peer of its own: wg genkey | tee probe.key | wg pubkey",
               "on the gateway: wg set INTERFACE peer PUBLIC-KEY allowed-ips ADDRESS/32",
               "or accept that the tunnel's traffic moves to the probe: "
               "--i-know-this-steals-the-endpoint"}});
}

Check check_key_stamp(const HandshakeFacts& facts) {
  if (facts.stamps_not_kept)
    return make_check(
        key_stamp, Status::unknown,
        "unknown (this host cannot keep a record of this key's handshakes)",
        {.id = FindingId::stamps_not_kept,
         .cause = "this host cannot record the time of the key's last handshake: if the clock is "
                  "set back, the gateway ignores this key, and that would not be noticed",
         .evidence = {text("{}", Name{*facts.stamps_not_kept})},
         .fix = {"make the state directory writable, or name another one: --state.dir DIRECTORY"}});
  if (!stamp_is_ahead(facts)) {
    if (stamp_was_taken(facts)) return make_check(key_stamp, Status::ok, "accepted by the gateway");
    if (facts.stamp_recorded)
      return make_check(key_stamp, Status::ok,
                        "later than the key's last handshake from this host");
    return make_check(key_stamp, Status::unknown,
                      "this host has no record of an earlier handshake of the key, so the gateway "
                      "may have seen a later timestamp");
  }
  return make_check(
      key_stamp, Status::warning,
      text("the key's last handshake is {} in the future of this host's clock", *facts.stamp_ahead),
      {.id = FindingId::clock_set_back,
       .cause = text("this host's clock is {} behind the key's last handshake", *facts.stamp_ahead),
       .evidence = {text("the timestamp of the key's last handshake is {} later than now",
                         *facts.stamp_ahead),
                    "a gateway silently ignores a handshake that is not later than the last one; "
                    "the probe uses a timestamp as if the clock had not gone back"},
       .fix = {"compare with true time: date -u; timedatectl; chronyc tracking",
               "set the clock right; the gateway ignores other tunnels of this host until the "
               "clock has passed their last handshakes",
               "if the last handshake had the wrong time, on the gateway: remove the peer and add "
               "it again, which forgets its last timestamp"}});
}

Check check_clock(const HandshakeFacts& facts) {
  if (!facts.clock_synchronised)
    return make_check(clock, Status::unknown,
                      "the kernel does not tell whether the clock is synchronised");
  if (*facts.clock_synchronised) return make_check(clock, Status::ok, "synchronised");
  // WireGuard needs a clock that does not go back, not one that is right.
  if (stamp_was_taken(facts))
    return make_check(clock, Status::ok,
                      "not synchronised by NTP, but the gateway accepted this handshake's "
                      "timestamp");
  return make_check(clock, Status::unknown,
                    "not synchronised by NTP; the gateway did not confirm that it accepts this "
                    "handshake's timestamp",
                    {.id = FindingId::clock_not_synchronised,
                     .cause = "this host's clock is not synchronised",
                     .evidence = {"this host's kernel reports that nothing synchronises its clock "
                                  "(adjtimex: STA_UNSYNC)"},
                     .fix = {"compare with true time: date -u; timedatectl; chronyc tracking",
                             "run a time service: chrony, systemd-timesyncd"}});
}

std::optional<Check> check_mark(const HandshakeFacts& facts) {
  if (!facts.mark_refused) return std::nullopt;
  return make_check(path_mark, Status::unknown,
                    text("datagrams were sent without the configuration's FwMark, so they may have "
                         "taken another path than the tunnel's: {}",
                         Name{*facts.mark_refused}));
}

bool lacks_family(const AttemptFacts& attempt) {
  if (!attempt.send_errno || gateway_answered(attempt) || !attempt.icmp.empty()) return false;
  const int number = *attempt.send_errno;
  return number == ENETUNREACH || number == EAFNOSUPPORT || number == EADDRNOTAVAIL;
}

Check check_send(const Scene& scene) {
  const AttemptFacts& attempt = scene.one;
  const Text sent = counted(attempt.initiations, "initiation", "initiations");
  if (!attempt.send_errno) {
    if (attempt.initiations == 0 && !gateway_answered(attempt))
      return make_check(path_send, Status::unknown, "nothing was sent to this address yet");
    return make_check(path_send, Status::ok, text("{} sent", sent));
  }
  const int number = *attempt.send_errno;
  // What a datagram ran into is told to the next one, too; a firewall's EPERM never is that.
  const bool echoes_icmp = number != EPERM && icmp_verdict(attempt).has_value();
  if (gateway_answered(attempt) || echoes_icmp)
    return make_check(path_send, Status::ok,
                      text("{} sent, one refused by the kernel: {}", sent, errno_text(number)));
  const SendError* known = send_error(number);
  FindingId id = known != nullptr ? known->finding : FindingId::send_failed;
  Words cause = known != nullptr ? known->cause : Words("the kernel refuses it");
  // Without an address there is no route either, so that is the cause.
  if (attempt.family_missing && id == FindingId::no_route) {
    id = FindingId::no_such_family;
    cause = either(attempt.endpoint.address.family == Family::v4,
                   "this host has no IPv4 address to send from",
                   "this host has no IPv6 address to send from, other than link-local ones");
  }
  return make_check(
      path_send, Status::critical, text("refused: {}", errno_text(number)),
      {.id = id,
       .cause = text("cannot send to {}: {}", attempt.endpoint, cause),
       .evidence = {text("sending to {} failed with {}", attempt.endpoint, errno_text(number))},
       .hypotheses = reasons_not_to_send(number, attempt.endpoint),
       .fix = how_to_send(id, attempt.endpoint)});
}

}  // namespace wgscope::diagnosis
