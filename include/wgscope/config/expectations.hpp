#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::config {

/// How the probe asks whether a target inside the tunnel is reachable.
enum class ReachKind : std::uint8_t {
  icmp,  ///< an echo request
  tcp,   ///< a connection
  udp,   ///< a datagram; the target need not answer it
  dns,   ///< a query to a name server
  http,  ///< a GET request
};
std::string_view to_string(ReachKind kind);  ///< "icmp"

/// What is expected of one target inside the tunnel.
struct Expectation {
  ReachKind kind = ReachKind::tcp;
  EndpointName where{};                  ///< the target; port 0 for icmp
  bool closed = false;                   ///< the target must not be reachable
  std::optional<std::uint16_t> tries{};  ///< how often the target is asked, at least 1

  std::string question{};            ///< dns: the name to look up
  Family family = Family::v4;        ///< dns: family of the addresses to look up (A or AAAA)
  std::vector<IpAddress> answers{};  ///< dns: exactly these, in any order; empty: any answer

  std::string host{};           ///< http: value of the Host header
  std::string path{};           ///< http: the path with its query
  std::optional<int> status{};  ///< http: exactly this status; nothing: any below 400

  std::size_t line = 0;  ///< line in the file; 0: not from a file

  friend bool operator==(const Expectation&, const Expectation&) = default;
};

inline constexpr std::uint16_t kDnsPort = 53;   ///< RFC 1035 §4.2
inline constexpr std::uint16_t kHttpPort = 80;  ///< RFC 9110 §4.2.1

inline constexpr std::size_t kMaxExpectationsSize = 1U << 20U;  ///< bytes per file
inline constexpr std::size_t kMaxExpectations = 1024;           ///< expectations per file
inline constexpr std::uint16_t kMaxTries = 100;

/// Parses a target as it is written after an option or in a file:
///
///     icmp  HOST            tcp, udp  HOST:PORT
///     dns   NAME@SERVER, or SERVER alone; SERVER is followed by its port if that is not 53
///     http  http://HOST[:PORT][/PATH]
///
/// HOST is a name, an IPv4 address or an IPv6 address, the latter in brackets if a port follows.
/// SERVER is an address. SERVER alone leaves `question` empty.
/// @returns bad_value, which says what is expected and does not repeat the text.
Result<Expectation> parse_target(ReachKind kind, std::string_view text);

/// Parses a target that must not be reachable: "tcp:HOST:PORT", "udp:HOST:PORT", "icmp:HOST" or
/// "dns:SERVER".
/// @returns as parse_target().
Result<Expectation> parse_closed_target(std::string_view text);

/// Parses a file of expectations, which is a YAML list of maps:
///
///     - tcp: 10.9.0.1:22
///     - http: http://10.9.0.1/health
///       status: 200
///     - dns: 10.9.0.1
///       name: intranet.example
///       answers: [10.9.0.7]
///     - tcp: 10.8.0.1:5432
///       expect: closed
///
/// Each entry has exactly one kind. `expect` is open or closed, and `tries` is a number; `status`
/// is for http only, `name` and `answers` are for dns only. Anchors and aliases are refused.
/// @param text  not retained.
/// @returns bad_value with the number of the line, never its text, or without a number if there are
/// no expectations; too_large above kMaxExpectationsSize or kMaxExpectations.
Result<std::vector<Expectation>> parse_expectations(std::string_view text);

}  // namespace wgscope::config
