#include "netdev_files.hpp"

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "wireguard_go.hpp"

namespace wgscope::test {

const std::map<std::string, NetdevFiles::Pool> NetdevFiles::kInterfaceSettings{
    {"ListenPort", {"51820", "0", "auto", "", "0x1F", "65536", "5x", "010", "+7", "-1", "0b1"}},
    {"FirewallMark", {"1", "0x10", "0", "", "off", "4294967295", "4294967296", "017", "08"}},
    {"FwMark", {"1", "x"}},
    {"PrivateKey", {"KEY", "bad", "AAAA", "KEYS ="}},
    {"PrivateKeyFile", {"", "relative/path"}},
    {"RouteTable", {"off", "main", "1000", "no", "", "local"}},
    {"RouteMetric", {"1", "0x5", "-1", "", "x"}}};

const std::map<std::string, NetdevFiles::Pool> NetdevFiles::kPeerSettings{
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

NetdevFiles::NetdevFiles(std::uint64_t seed) : random_(seed) {
  for (int i = 0; i < 6; ++i) keys_.push_back(make_key_pair());
}

std::string NetdevFiles::next(std::size_t number) {
  std::string text = fmt::format("[NetDev]\nName=w{}\nKind=wireguard\n[WireGuard]\nPrivateKey={}\n",
                                 number, keys_[0].private_key);
  std::string rest;
  for (std::size_t count = random_.below(4); count > 0; --count) rest += line(kInterfaceSettings);
  for (std::size_t peers = random_.below(4); peers > 0; --peers) {
    rest += "[WireGuardPeer]\n";
    if (random_.below(8) != 0) rest += "PublicKey=" + public_key() + "\n";
    for (std::size_t count = random_.below(5); count > 0; --count) rest += line(kPeerSettings);
  }
  if (random_.below(3) == 0) damage(rest);
  // At the end of the file, networkd would name the line behind the last one.
  return text + rest + "\n\n";
}

std::string NetdevFiles::line(const std::map<std::string, Pool>& settings) {
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
  auto setting = settings.begin();
  std::advance(setting, random_.below(settings.size()));
  std::string value = of(setting->second);
  // Not a peer's: that mistake we refuse, and networkd does not.
  if (value == "KEY") value = setting->first == "PrivateKey" ? keys_[0].private_key : public_key();
  static const Pool kEquals{"=", " = ", "= ", "=\t"};
  return setting->first + of(kEquals) + value + "\n";
}

void NetdevFiles::damage(std::string& text) {
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

}  // namespace wgscope::test
