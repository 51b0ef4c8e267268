// .netdev files mean to us what they mean to systemd-networkd: hundreds of files, made from a
// grammar and damaged byte by byte, are read by config::parse_netdev() and by Debian's networkd,
// whose log tells which lines, peers and files it ignores. What it makes of the others it would
// tell the kernel only, which here has no WireGuard.

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "wgscope/config/networkd.hpp"
#include "wgscope/config/unit_file.hpp"
#include "wgscope/config/wg_quick.hpp"

#include "files.hpp"
#include "need.hpp"
#include "netdev_files.hpp"
#include "netns.hpp"
#include "process.hpp"
#include "temp_dir.hpp"

namespace wgscope::test {
namespace {

constexpr const char* kNetworkd = "/lib/systemd/systemd-networkd";

std::optional<std::string> why_no_networkd() {
  if (auto why = why_no_netns()) return why;
  if (!std::filesystem::exists(kNetworkd))
    return fmt::format("{} is missing: script/bootstrap --tests", kNetworkd);
  return std::nullopt;
}

/// What was ignored of a file. Lines are those on which an assignment ends.
struct Ignored {
  bool whole = false;
  std::set<std::size_t> lines;
  std::set<std::size_t> keyless_peers;  ///< the lines of their headers

  friend bool operator==(const Ignored&, const Ignored&) = default;
};

std::string print(const Ignored& ignored) {
  return ignored.whole ? "the whole file"
                       : fmt::format("lines {} and peers without a key in {}", ignored.lines,
                                     ignored.keyless_peers);
}

/// The headers of peers with a setting. Without one, networkd does not notice the section.
std::set<std::size_t> headers_of_peers(const config::UnitFile& file) {
  static const std::set<std::string_view> kSettings{
      "PublicKey", "PresharedKey",        "PresharedKeyFile", "AllowedIPs",
      "Endpoint",  "PersistentKeepalive", "RouteTable",       "RouteMetric"};
  std::set<std::size_t> headers;
  std::size_t header = 0;
  for (const config::UnitLine& line : file.lines()) {
    if (line.kind == config::UnitLine::Kind::section)
      header = line.name == "WireGuardPeer" ? line.last_line : 0;
    if (header != 0 && line.kind == config::UnitLine::Kind::assignment &&
        kSettings.contains(line.name))
      headers.insert(header);
  }
  return headers;
}

/// What we ignore of a file.
Ignored ours(const std::string& text) {
  const std::vector<config::UnitText> files{{"f", text}};
  const auto netdev = config::parse_netdev(files);
  if (!netdev) return {.whole = true, .lines = {}, .keyless_peers = {}};
  std::map<std::size_t, std::size_t> last_lines;
  const auto unit = config::parse_unit_file(text);
  for (const config::UnitLine& line : unit->lines())
    for (std::size_t number = line.line; number <= line.last_line; ++number)
      last_lines[number] = line.last_line;
  const std::set<std::size_t> headers = headers_of_peers(*unit);
  Ignored ignored;
  for (const config::UnitWarning& warning : netdev->warnings) {
    if (warning.kind != config::WarningKind::ignored) continue;
    const auto says = [&](std::string_view words) {
      return warning.text.find(words) != std::string::npos;
    };
    if (says("has no PublicKey")) {
      if (headers.contains(last_lines[warning.at.line]))
        ignored.keyless_peers.insert(last_lines[warning.at.line]);
    } else if (!says("nothing can be sent there")) {
      ignored.lines.insert(last_lines[warning.at.line]);
    }
  }
  return ignored;
}

/// What networkd's log says about each of the files w0.netdev, w1.netdev …
std::map<std::size_t, Ignored> theirs(std::string_view log) {
  static const std::regex kLine(R"(^\S*/w(\d+)\.netdev:(\d+): (.*)$)");
  static const std::regex kKeyless(
      R"(^\S+: \S*/w(\d+)\.netdev: WireGuardPeer section without .* from line (\d+)\.$)");
  static const std::regex kWhole(R"(^\S+: \S*/w(\d+)\.netdev: Missing PrivateKey.*$)");
  std::map<std::size_t, Ignored> all;
  std::istringstream lines{std::string(log)};
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (std::regex_match(line, match, kLine)) {
      Ignored& ignored = all[std::stoul(match[1])];
      const std::string what = match[3];
      if (what.starts_with("Failed to parse file")) ignored.whole = true;
      if (what.find("not properly masked") == std::string::npos)
        ignored.lines.insert(std::stoul(match[2]));
    } else if (std::regex_match(line, match, kKeyless)) {
      all[std::stoul(match[1])].keyless_peers.insert(std::stoul(match[2]));
    } else if (std::regex_match(line, match, kWhole)) {
      // We take such a file: options or a credential may have the key.
      continue;
    }
  }
  for (auto& [number, ignored] : all)
    if (ignored.whole) ignored = {.whole = true, .lines = {}, .keyless_peers = {}};
  return all;
}

/// networkd, alone in namespaces of its own, up to where it has read all files.
std::string log_of_networkd(const std::filesystem::path& files) {
  constexpr const char* kScript =
      "set -e; mount -t tmpfs none /run; mkdir -p /run/systemd/netif/links /run/systemd/netif/lldp "
      "/run/systemd/netif/leases; mkfifo /run/log; mount -t tmpfs none /etc/systemd; "
      "mkdir /etc/systemd/network; cp \"$1\"/*.netdev /etc/systemd/network; "
      "chmod 600 /etc/systemd/network/*; chown systemd-network /etc/systemd/network/*; "
      "chown -R systemd-network /run/systemd/netif; ip link set lo up; "
      "SYSTEMD_LOG_LEVEL=info SYSTEMD_LOG_TARGET=console SYSTEMD_LOG_COLOR=0 \"$2\" "
      "> /run/log 2>&1 & sed '/Enumeration completed/q' /run/log";
  const Finished ended = run({"unshare", "--mount", "--net", "--pid", "--fork", "--kill-child",
                              "sh", "-c", kScript, "sh", files.string(), kNetworkd});
  EXPECT_NE(ended.out.find("Enumeration completed"), std::string::npos) << ended.out << ended.err;
  return ended.out;
}

TEST(NetworkdParity, IgnoresWhatNetworkdIgnores) {
  WGSCOPE_NEED(why_no_networkd());
  constexpr std::size_t kFiles = 1500;
  NetdevFiles made(252);  // keys differ from run to run
  const TempDir folder;
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < kFiles; ++i) {
    texts.push_back(made.next(i));
    write_file(folder / fmt::format("w{}.netdev", i), texts.back());
  }
  std::map<std::size_t, Ignored> judged = theirs(log_of_networkd(folder.path()));
  std::size_t whole = 0;
  std::size_t lines = 0;
  std::size_t differing = 0;
  for (std::size_t i = 0; i < kFiles; ++i) {
    const Ignored mine = ours(texts[i]);
    whole += judged[i].whole ? 1U : 0U;
    lines += judged[i].lines.size();
    if (mine == judged[i] || ++differing > 5) continue;
    ADD_FAILURE() << "networkd ignores " << print(judged[i]) << "\nwe ignore " << print(mine)
                  << '\n'
                  << texts[i];
  }
  EXPECT_EQ(differing, 0U);
  EXPECT_GT(whole, 10U) << "the judge has to refuse some";
  EXPECT_GT(lines, 300U);
}

}  // namespace
}  // namespace wgscope::test
