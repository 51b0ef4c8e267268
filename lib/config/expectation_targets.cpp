// Targets as people write them: behind options, and in files of expectations.

#include "expectation_targets.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "wgscope/base/result.hpp"
#include "wgscope/config/expectations.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/address.hpp"

#include "wg_quick_values.hpp"

namespace wgscope::config {
namespace {

constexpr std::size_t kLongestPath = 2048;
constexpr std::size_t kLongestName = 253;  // RFC 1035 §2.3.4, without the last dot
/// Nobody has it (RFC 6761 §6.4): asked for where only an answer of any kind matters.
constexpr std::string_view kNobodysName = "wgscope.invalid";

tl::unexpected<Error> bad(std::string_view what) {
  return fail(Errc::bad_value, std::string(what));
}

std::string_view without_brackets(std::string_view host) {
  const bool brackets = host.size() > 2 && host.starts_with('[') && host.ends_with(']');
  return brackets ? host.substr(1, host.size() - 2) : host;
}

/// A host without a port. Zones mean nothing inside a tunnel.
Result<std::string> parse_host(std::string_view text) {
  const std::string_view host = without_brackets(text);
  const bool is_address = IpAddress::parse(host).has_value();
  const bool only_address = host.find(':') != std::string_view::npos || host != text;
  if (!is_host(host) || host.find('%') != std::string_view::npos || (only_address && !is_address))
    return bad("not a valid host: give a name or an address without a port");
  return std::string(host);
}

Result<EndpointName> parse_host_and_port(std::string_view text) {
  auto parsed = EndpointName::parse(text);
  if (!parsed || parsed->host.find('%') != std::string::npos)
    return bad("expected HOST:PORT, such as 10.9.0.1:22 or [fd09::1]:22");
  return parsed;
}

/// An address, and perhaps a port. A bare IPv6 address has none.
Result<EndpointName> parse_server(std::string_view text) {
  const std::string_view bare = without_brackets(text);
  if (IpAddress::parse(bare)) return EndpointName{std::string(bare), kDnsPort};
  auto parsed = EndpointName::parse(text);
  if (!parsed || !IpAddress::parse(parsed->host))
    return bad(
        "not a valid name server: give its address, such as 10.9.0.1 or [fd09::1]:53, or also a "
        "name to look up, as in NAME@10.9.0.1");
  return parsed;
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kLongestName && is_host(text) &&
         text.find_first_of(":%") == std::string_view::npos;
}

Result<> parse_dns(std::string_view text, Expectation& into) {
  const std::size_t at = text.rfind('@');
  if (at != std::string_view::npos) {
    into.question = std::string(text.substr(0, at));
    if (!is_name(into.question))
      return bad("expected NAME@SERVER: there is no valid name before the @");
    text.remove_prefix(at + 1);
  }
  auto server = parse_server(text);
  if (!server) return tl::unexpected(server.error());
  into.where = std::move(*server);
  return {};
}

/// RFC 3986 §3. A blank or a control character would end a word or a line of the HTTP request.
bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

Result<> parse_url(std::string_view text, Expectation& into) {
  constexpr std::string_view kScheme = "http://";
  if (text.starts_with("https://"))
    return bad("https is not supported: use tcp with port 443 to check whether the port is open");
  if (!text.starts_with(kScheme)) return bad("not a valid URL: expected http://HOST[:PORT][/PATH]");
  text.remove_prefix(kScheme.size());
  const std::size_t slash = std::min(text.find_first_of("/?"), text.size());
  const std::string_view authority = text.substr(0, slash);
  const std::string_view path = text.substr(slash);
  if (authority.find('@') != std::string_view::npos)
    return bad("a URL with a user name is not supported: the probe does not log in");
  if (!is_plain(path) || path.size() > kLongestPath || path.find('#') != std::string_view::npos)
    return bad("the URL's path has a blank, a '#' or an unprintable character, or is too long");
  auto host = parse_host(authority);
  auto where =
      host ? Result<EndpointName>(EndpointName{*host, kHttpPort}) : parse_host_and_port(authority);
  if (!where) return bad("the URL's host is not valid: expected http://HOST[:PORT][/PATH]");
  into.where = std::move(*where);
  into.host = std::string(authority);
  into.path = path.starts_with('/') ? std::string(path) : "/" + std::string(path);
  return {};
}

}  // namespace

std::string_view to_string(ReachKind kind) {
  switch (kind) {
    case ReachKind::icmp: return "icmp";
    case ReachKind::tcp: return "tcp";
    case ReachKind::udp: return "udp";
    case ReachKind::dns: return "dns";
    case ReachKind::http: return "http";
  }
  return "";
}

Result<Expectation> parse_target(ReachKind kind, std::string_view text) {
  Expectation made;
  made.kind = kind;
  switch (kind) {
    case ReachKind::icmp: {
      auto host = parse_host(text);
      if (!host) return tl::unexpected(host.error());
      made.where.host = std::move(*host);
      return made;
    }
    case ReachKind::tcp:
    case ReachKind::udp: {
      auto where = parse_host_and_port(text);
      if (!where) return tl::unexpected(where.error());
      made.where = std::move(*where);
      return made;
    }
    case ReachKind::dns:
      if (auto parsed = parse_dns(text, made); !parsed) return tl::unexpected(parsed.error());
      return made;
    case ReachKind::http:
      if (auto parsed = parse_url(text, made); !parsed) return tl::unexpected(parsed.error());
      return made;
  }
  return made;
}

Result<Expectation> must_not_be_reachable(Expectation expectation) {
  if (expectation.kind == ReachKind::http)
    return bad("closed works for icmp, tcp, udp and dns: instead of http, use tcp with the port");
  if (!expectation.answers.empty()) return bad("closed and answers exclude each other");
  if (expectation.kind == ReachKind::dns && expectation.question.empty())
    expectation.question = kNobodysName;
  expectation.closed = true;
  return expectation;
}

Result<Expectation> parse_closed_target(std::string_view text) {
  constexpr std::array kKinds{ReachKind::icmp, ReachKind::tcp, ReachKind::udp, ReachKind::dns,
                              ReachKind::http};
  const std::size_t colon = text.find(':');
  const auto kind = std::ranges::find(kKinds, text.substr(0, colon),
                                      [](ReachKind known) { return to_string(known); });
  if (colon == std::string_view::npos || kind == kKinds.end())
    return bad("expected tcp:HOST:PORT, udp:HOST:PORT, icmp:HOST or dns:SERVER");
  // Whatever the URL is, the message says that http cannot be closed.
  if (*kind == ReachKind::http) return must_not_be_reachable({.kind = *kind});
  auto parsed = parse_target(*kind, text.substr(colon + 1));
  if (!parsed) return parsed;
  return must_not_be_reachable(std::move(*parsed));
}

}  // namespace wgscope::config
