#include "wgscope/os/name_servers.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <net/if.h>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wgscope/model/address.hpp"
#include "wgscope/os/file.hpp"

namespace wgscope::os {
namespace {

constexpr std::size_t kMostServers = 3;  // MAXNS, resolv.h
constexpr std::uint16_t kDomain = 53;

std::string_view take_word(std::string_view& line) {
  constexpr std::string_view kBlanks = " \t\r";
  line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(kBlanks));
  line.remove_prefix(word.size());
  return word;
}

/// @param name  "192.0.2.1", "fe80::1%eth0"; a zone may be a number, too.
std::optional<Endpoint> server_of(std::string_view name) {
  const std::size_t zone = name.find('%');
  const auto address = IpAddress::parse(name.substr(0, zone));
  if (!address) return std::nullopt;
  Endpoint server{.address = *address, .port = kDomain};
  if (zone == std::string_view::npos) return server;
  const std::string interface(name.substr(zone + 1));
  server.scope_id = if_nametoindex(interface.c_str());
  if (server.scope_id == 0)
    std::from_chars(interface.data(), interface.data() + interface.size(), server.scope_id);
  return server;
}

}  // namespace

std::vector<Endpoint> parse_name_servers(std::string_view resolv_conf) {
  std::vector<Endpoint> servers;
  while (!resolv_conf.empty() && servers.size() < kMostServers) {
    std::string_view line = resolv_conf.substr(0, resolv_conf.find('\n'));
    resolv_conf.remove_prefix(std::min(line.size() + 1, resolv_conf.size()));
    if (take_word(line) != "nameserver") continue;
    if (const auto server = server_of(take_word(line))) servers.push_back(*server);
  }
  return servers;
}

std::vector<Endpoint> system_name_servers() {
  constexpr std::size_t kMaxSize = 1U << 16U;
  const auto file = read_file("/etc/resolv.conf", kMaxSize);
  std::vector<Endpoint> servers;
  if (file) servers = parse_name_servers(*file);
  if (servers.empty()) servers = parse_name_servers("nameserver 127.0.0.1");
  return servers;
}

}  // namespace wgscope::os
