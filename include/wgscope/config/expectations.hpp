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

/// How something inside the tunnel is asked whether it is there.
enum class ReachKind : std::uint8_t {
  icmp,  ///< an echo request
  tcp,   ///< a connection
  udp,   ///< a datagram, which need not be answered
  dns,   ///< a question to a name server
  http,  ///< a GET
};
std::string_view to_string(ReachKind kind);  ///< "icmp"

/// What is expected of one target inside the tunnel.
struct Expectation {
  ReachKind kind = ReachKind::tcp;
  EndpointName where{};                  ///< whom to ask; the port is 0 with icmp
  bool closed = false;                   ///< it must not be reachable
  std::optional<std::uint16_t> tries{};  ///< how often it is asked, at least 1

  std::string question{};            ///< dns: the name to ask for
  Family family = Family::v4;        ///< dns: of the addresses asked for (A or AAAA)
  std::vector<IpAddress> answers{};  ///< dns: exactly these, in any order; none: whichever

  std::string host{};           ///< http: of the Host header
  std::string path{};           ///< http: with its query
  std::optional<int> status{};  ///< http: exactly this; nothing: one below 400

  std::size_t line = 0;  ///< where it stands; 0: in no file

  friend bool operator==(const Expectation&, const Expectation&) = default;
};

inline constexpr std::uint16_t kDnsPort = 53;   ///< RFC 1035 §4.2
inline constexpr std::uint16_t kHttpPort = 80;  ///< RFC 9110 §4.2.1

inline constexpr std::size_t kMaxExpectationsSize = 1U << 20U;  ///< bytes of a file
inline constexpr std::size_t kMaxExpectations = 1024;           ///< in a file
inline constexpr std::uint16_t kMaxTries = 100;

/// A target as it stands behind an option or in a file:
///
///     icmp  HOST            tcp, udp  HOST:PORT
///     dns   NAME@SERVER, or SERVER alone; a port behind the server where it is not 53
///     http  http://HOST[:PORT][/PATH]
///
/// HOST is a name, an IPv4 address or an IPv6 address, in brackets where a port follows; SERVER is
/// an address. SERVER alone leaves `question` empty.
/// @returns bad_value, saying what belongs there, without the text.
Result<Expectation> parse_target(ReachKind kind, std::string_view text);

/// What must not be reachable: "tcp:HOST:PORT", "udp:HOST:PORT", "icmp:HOST", "dns:SERVER".
/// @returns as parse_target().
Result<Expectation> parse_closed_target(std::string_view text);

/// A file of expectations: a YAML list of maps.
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
/// Each entry has one of the kinds; `expect` is open or closed, `tries` a number, `status` belongs
/// to http, `name` and `answers` to dns. Anchors and aliases are refused.
/// @param text  not retained.
/// @returns bad_value with the line's number, never its text; too_large above kMaxExpectationsSize
/// or kMaxExpectations.
Result<std::vector<Expectation>> parse_expectations(std::string_view text);

}  // namespace wgscope::config
