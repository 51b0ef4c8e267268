#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/config/expectations.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"

// What answers inside the tunnel, and what that means where it should, or must not.
// checks::reach() sees; diagnose() knows.

namespace wgscope::diagnosis {

/// What became of one attempt at a target.
enum class ReachOutcome : std::uint8_t {
  answered,  ///< connected, echoed, a datagram came back, or a whole DNS or HTTP answer arrived
  refused,   ///< the target itself answers that nothing listens there
  rejected,  ///< an ICMP error other than the target's "port unreachable" came: ReachTry::icmp
  broken,    ///< the connection broke off, or the answer was not a valid one
  silent,    ///< no answer came in time
  stalled,   ///< the connection was made, and no answer came in time
  not_sent,  ///< this host could not send: ReachTry::why
};

/// An answer of a name server.
struct DnsFacts {
  std::string rcode;  ///< the response code in DNS notation: "NOERROR", "NXDOMAIN"
  std::vector<IpAddress> addresses;
};

struct ReachTry {
  ReachOutcome outcome = ReachOutcome::silent;
  Nanoseconds after{};  ///< time from the attempt's first packet to this outcome
  std::optional<IcmpReport> icmp{};
  Text why{};  ///< for `broken` and `not_sent`: what happened
  std::optional<DnsFacts> dns{};
  std::optional<int> http_status{};
  std::optional<std::uint8_t> hop_limit{};  ///< with which an echo reply arrived
};

/// What happened at one target.
struct ReachResult {
  config::Expectation expectation;
  std::optional<IpAddress> address{};    ///< the address that was tried; nothing: unknown
  std::optional<IpAddress> source{};     ///< This peer's address that it was asked from.
  std::optional<Error> resolve_error{};  ///< why `address` is not known
  /// The name server inside the tunnel that was asked; nothing: none was.
  std::optional<IpAddress> name_server{};
  /// The gateway's allowed IPs do not contain the address, so nothing was sent.
  bool not_allowed = false;
  std::vector<ReachTry> tries{};
  /// The time or the user ended the attempts before the outcome was clear.
  bool given_up = false;
  /// At or after the last attempt something inside the tunnel answered to the address that the
  /// attempt was sent from. So the tunnel is not the cause where this target is silent.
  bool tunnel_proven = false;
  /// Who answered the address that we spoke from last, though before the last attempt.
  std::optional<IpAddress> heard_before{};
};

struct ReachFacts {
  std::vector<ReachResult> results;
  /// The last address inside the tunnel that answered in any way. Nothing: none did.
  std::optional<IpAddress> heard;
  /// Addresses that were pinged only to prove that the tunnel works.
  std::vector<IpAddress> controls;
  /// Pings of hosts whose targets were silent, and of addresses that the configuration suggests where
  /// nothing had answered yet: whether it is the host, or the tunnel, that is silent.
  std::vector<ReachResult> pings;
  /// How long all names took; nothing: there were no names.
  std::optional<Nanoseconds> resolve_time;
  bool interrupted = false;  ///< the user ended the attempts early
};

/// One check for each target, in the order of the results, and where nothing inside answered one
/// about that. Pure.
///
/// A closed target is only ok where the tunnel is proven to carry: refused and rejected are proofs
/// themselves, silence of TCP, DNS and echo counts where ReachResult::tunnel_proven; silence of UDP
/// tells nothing.
std::vector<Check> diagnose(const ReachFacts& facts);

/// Adds the metrics: how long names took, and of each target whether it is as expected and how long
/// it took.
void measure(const ReachFacts& facts, Report& report);

/// For Report::success: "tcp 10.9.0.1:22 is reachable", "all 3 targets inside the tunnel are as
/// expected".
Text success(const ReachFacts& facts);

/// Adds a skipped check for each target, as skip() in check_kinds.hpp does for kinds.
void skip(std::span<const config::Expectation> expectations, std::optional<FindingId> because,
          Report& report);

/// The target as checks name it: "tcp 10.9.0.1:22", "http http://intranet.example/", "dns
/// www.example at 10.9.0.1".
Text describe(const config::Expectation& expectation);

}  // namespace wgscope::diagnosis
