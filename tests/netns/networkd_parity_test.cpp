// .netdev files mean to us what they mean to systemd-networkd: hundreds of files, made from a
// grammar and damaged byte by byte, are read by config::parse_netdev() and by Debian's networkd,
// whose log tells which lines, peers and files it ignores. What it makes of the others it would
// tell the kernel only, which here has no WireGuard.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "wgscope/config/networkd.hpp"
#include "wgscope/config/unit_file.hpp"
#include "wgscope/config/wg_quick.hpp"

#include "files.hpp"
#include "need.hpp"
#include "netns.hpp"
#include "process.hpp"
#include "random.hpp"
#include "temp_dir.hpp"
#include "wireguard_go.hpp"

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

/// Files of lines that are good, odd, or bad.
class Grammar {
 public:
  explicit Grammar(std::uint64_t seed) : random_(seed) {
    for (int i = 0; i < 6; ++i) keys_.push_back(make_key_pair());
  }

  std::string file(std::size_t number) {
    std::string text =
        fmt::format("[NetDev]\nName=w{}\nKind=wireguard\n[WireGuard]\nPrivateKey={}\n", number,
                    keys_[0].private_key);
    std::string rest;
    for (std::size_t count = random_.below(4); count > 0; --count) rest += line("WireGuard");
    for (std::size_t peers = random_.below(4); peers > 0; --peers) {
      rest += "[WireGuardPeer]\n";
      if (random_.below(8) != 0) rest += "PublicKey=" + public_key() + "\n";
      for (std::size_t count = random_.below(5); count > 0; --count) rest += line("WireGuardPeer");
    }
    if (random_.below(3) == 0) damage(rest);
    // At the end of the file, networkd would name the line behind the last one.
    return text + rest + "\n\n";
  }

 private:
  using Pool = std::vector<std::string>;
  const std::string& of(const Pool& pool) { return pool[random_.below(pool.size())]; }
  const std::string& public_key() { return keys_[1 + random_.below(keys_.size() - 1)].public_key; }

  std::string line(std::string_view section) {
    static const Pool kNoise{"# comment\n",
                             "; comment\n",
                             "\n",
                             "no assignment\n",
                             "=x\n",
                             "Unknown=1\n",
                             "X-Own=1\n",
                             "[Unknown]\nA=b\n",
                             "[X-Own]\nA=b\n",
                             "publickey=1\n",
                             "ListenPort=\\\n# c\n 5\n"};
    if (random_.below(6) == 0) return of(kNoise);
    const auto& settings = section == "WireGuard" ? interface_settings() : peer_settings();
    auto setting = settings.begin();
    std::advance(setting, random_.below(settings.size()));
    std::string value = of(setting->second);
    // Not a peer's: that mistake we refuse, and networkd does not.
    if (value == "KEY")
      value = setting->first == "PrivateKey" ? keys_[0].private_key : public_key();
    static const Pool kEquals{"=", " = ", "= ", "=\t"};
    return setting->first + of(kEquals) + value + "\n";
  }

  static const std::map<std::string, Pool>& interface_settings() {
    static const std::map<std::string, Pool> kAll{
        {"ListenPort", {"51820", "0", "auto", "", "0x1F", "65536", "5x", "010", "+7", "-1", "0b1"}},
        {"FirewallMark", {"1", "0x10", "0", "", "off", "4294967295", "4294967296", "017", "08"}},
        {"FwMark", {"1", "x"}},
        {"PrivateKey", {"KEY", "bad", "AAAA", "KEYS ="}},
        {"PrivateKeyFile", {"", "relative/path"}},
        {"RouteTable", {"off", "main", "1000", "no", "", "local"}},
        {"RouteMetric", {"1", "0x5", "-1", "", "x"}}};
    return kAll;
  }

  static const std::map<std::string, Pool>& peer_settings() {
    static const std::map<std::string, Pool> kAll{
        {"PublicKey", {"KEY", "bad", "", "AAAAAAAA"}},
        {"PresharedKey", {"KEY", "bad", ""}},
        {"AllowedIPs",
         {"10.0.0.0/8", "10.0.0.0/8,fd00::/8", "10.1.2.3/16 10.2.0.0/0x10", "10.0.0.0/33", "::1",
          "x, 10.9.0.0/24", ",,", "10.7.0.0/024", "::ffff:1.2.3.4/96", "fe80::1%lo", "1.2.3/8",
          "10.0.0.0/8 /8", "\"10.0.0.0/8\"", "10.0.0.0\\/8"}},
        {"Endpoint", {"1.2.3.4:5",     "[::1]:5",       "host.example:5", "::1:51820",
                      "1.2.3.4",       "1.2.3.4:0",     "host:",          ":5",
                      "host",          "[::1]",         "a..b:5",         "a b:5",
                      "1.2.3.4:65536", "[1.2.3.4]:5",   "x:0x10",         "",
                      "a_b:5",         "-a:5",          "2001:db8::1:5",  "host.:5",
                      "1.2.3.4 :5",    "[fe80::1%lo]:5"}},
        {"PersistentKeepalive", {"25", "off", "0", "", "65536", "25s", "0x19", "OFF", "-1", "+5"}},
        {"RouteTable", {"off", "main", "1000", "", "f", "0x10"}},
        {"RouteMetric", {"1", "x", "", "-1"}}};
    return kAll;
  }

  void damage(std::string& text) {
    static constexpr std::string_view kBytes = "[]=\\#; \t\r\nxA0/:,\"'%\x7f\xC3";
    for (std::size_t count = 1 + random_.below(2); count > 0 && !text.empty(); --count) {
      const std::size_t at = random_.below(text.size());
      const char byte = kBytes[random_.below(kBytes.size())];
      if (random_.below(2) == 0)
        text[at] = byte;
      else
        text.insert(at, 1, byte);
    }
  }

  SeededRandom random_;
  std::vector<KeyPair> keys_;
};

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
  Grammar grammar(252);  // keys differ from run to run
  const TempDir folder;
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < kFiles; ++i) {
    texts.push_back(grammar.file(i));
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
