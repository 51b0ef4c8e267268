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
  answered,  ///< connected, echoed, a datagram came back, a whole answer of DNS or HTTP
  refused,   ///< the target itself: nobody listens there
  rejected,  ///< another ICMP error: ReachTry::icmp
  broken,    ///< connected, then broken off, or an answer that is none
  silent,    ///< no answer in time
  stalled,   ///< connected, then no answer in time
  not_sent,  ///< our side could not: ReachTry::why
};

/// An answer of a name server.
struct DnsFacts {
  std::string rcode;  ///< "NOERROR", "NXDOMAIN"
  std::vector<IpAddress> addresses;
};

struct ReachTry {
  ReachOutcome outcome = ReachOutcome::silent;
  Nanoseconds after{};  ///< from its first packet
  std::optional<IcmpReport> icmp{};
  Text why{};  ///< of broken and not_sent
  std::optional<DnsFacts> dns{};
  std::optional<int> http_status{};
  std::optional<std::uint8_t> hop_limit{};  ///< with which an echo reply arrived
};

/// What happened at one target.
struct ReachResult {
  config::Expectation wanted;
  std::optional<IpAddress> address{};      ///< what its name stands for; nothing: not known
  std::optional<Error> resolve_error{};    ///< why it is not
  std::optional<IpAddress> name_server{};  ///< inside, that was asked; nothing: none, or the system
  /// No allowed IP covers the address: nothing was sent.
  bool not_allowed = false;
  std::vector<ReachTry> tries{};
  bool given_up = false;  ///< the time was over, or the user had enough, before it was settled
  /// Something inside answered the address that we spoke from at or after the last attempt: by what
  /// is silent, the tunnel itself is not the cause.
  bool tunnel_proven = false;
  /// Who answered the address that we spoke from last, though before the last attempt.
  std::optional<IpAddress> heard_before{};
};

struct ReachFacts {
  std::vector<ReachResult> results;
  /// Who answered inside the tunnel in any way, last; nothing: nobody did.
  std::optional<IpAddress> heard;
  std::vector<IpAddress> controls;          ///< that were pinged only to prove the tunnel
  std::optional<Nanoseconds> resolve_time;  ///< nothing: there were no names
  bool interrupted = false;                 ///< by the user
};

/// One check for each target, in the order of the results, and where nothing inside answered one
/// about that. Pure.
///
/// A closed target is only ok where the tunnel is proven to carry: refused and rejected are proofs
/// themselves, silence of TCP, DNS and echo counts where ReachResult::tunnel_proven; silence of UDP
/// tells nothing.
std::vector<Check> diagnose(const ReachFacts& facts);

/// Adds how long names took, and of each target whether it is as expected and how long it took.
void measure(const ReachFacts& facts, Report& report);

/// "tcp 10.9.0.1:22 is reachable", "all 3 targets inside the tunnel are as
/// expected": Report::success.
Text success(const ReachFacts& facts);

/// skip() for targets: a check for each.
void skip(std::span<const config::Expectation> wanted, std::optional<FindingId> because,
          Report& report);

/// "tcp 10.9.0.1:22", "http http://intranet.example/", "dns www.example at 10.9.0.1": for a check.
Text describe(const config::Expectation& expectation);

}  // namespace wgscope::diagnosis
