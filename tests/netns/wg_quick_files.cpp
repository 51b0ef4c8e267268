#include "wg_quick_files.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "wgscope/model/public_key.hpp"

#include "random.hpp"

namespace wgscope::test {
namespace {

void repeat_line(std::string& file, std::size_t at) {
  const std::size_t begin = file.rfind('\n', at) + 1;
  const std::size_t end = std::min(file.find('\n', at), file.size() - 1) + 1;
  if (begin < end) file.insert(end, file.substr(begin, end - begin));
}

}  // namespace

const std::vector<std::string>& file_keys() {
  static const std::vector<std::string> made = [] {
    SeededRandom random(1);
    std::vector<std::string> texts;
    for (int i = 0; i < 5; ++i) {
      PublicKey key;
      random.fill(key.bytes);
      texts.push_back(key.base64());
    }
    return texts;
  }();
  return made;
}

std::string WgQuickFiles::next(bool quick) {
  std::string file;
  if (chance(90)) interface(file, quick);
  const std::size_t peers = random_.below(4);
  for (std::size_t i = 0; i < peers; ++i) peer(file);
  if (chance(4)) interface(file, quick);
  if (chance(30)) damage(file);
  return file;
}

std::string WgQuickFiles::value(const Choices& right, const Choices& odd) {
  return chance(94) ? one_of(right) : one_of(odd);
}
std::string WgQuickFiles::blanks() {
  return chance(85) ? " " : one_of({"", "  ", "\t", "\v", "\f", " \r"});
}
std::string WgQuickFiles::spelt(std::string text) {
  if (chance(90)) return text;
  for (char& c : text)
    if (chance(30)) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (chance(30)) text.insert(random_.below(text.size() + 1), " ");
  return text;
}
void WgQuickFiles::line(std::string& file, const std::string& key, const std::string& value) {
  if (chance(3)) file += one_of({"\n", "# a comment\n", " \t\n", "# Name = x\n", "#[Peer]\n"});
  file += spelt(key) + blanks() + "=" + blanks() + value;
  file += chance(92) ? "" : one_of({" # comment", "#", "\r", " ", "# = [Peer]"});
  file += "\n";
}

void WgQuickFiles::interface(std::string& file, bool quick) {
  file += spelt("[Interface]") + "\n";
  if (chance(80))
    line(file, "PrivateKey",
         value({file_keys()[0]}, {std::string(43, 'A') + "=", file_keys()[0] + "=", ""}));
  if (chance(40))
    line(file, "ListenPort",
         value({"51820", "0", "65535", "00051820"},
               {"65536", "65537", "-1", "+5", "0x19", "domain", "off", "", "5 1"}));
  if (chance(30))
    line(file, "FwMark",
         value({"off", "0", "0xca6c", "51820", "0xFFFFFFFF", "007"},
               {"0XCA", "0x", "4294967296", "OFF", "0x1ffffffff", "-1", "ca6c"}));
  if (quick) quick_lines(file);
  if (chance(3)) file += one_of({"Jc = 4\n", "H1 = 5\n", "Reserved = 1,2,3\n", "Foo = 1\n"});
}

void WgQuickFiles::quick_lines(std::string& file) {
  if (chance(80))
    line(file, "Address",
         value({"10.0.0.2/24", "10.0.0.2/24, fd00::2/64", "fd00::2"},
               {"10.0.0.2/24 10.0.0.3/32", ""}));
  if (chance(40)) line(file, "DNS", value({"1.1.1.1", "1.1.1.1, corp.example"}, {"~.", ""}));
  if (chance(30)) line(file, "MTU", value({"1420", "1280"}, {""}));
  if (chance(20)) line(file, "Table", value({"off", "auto", "1234"}, {""}));
  if (chance(20)) line(file, one_of({"PostUp", "PreDown"}), "ip rule add from %i");
  if (chance(10)) line(file, "SaveConfig", value({"true", "FALSE"}, {"yes", ""}));
}

void WgQuickFiles::peer(std::string& file) {
  file += spelt("[Peer]") + "\n";
  const Choices publics(file_keys().begin() + 1, file_keys().end());
  if (chance(98))
    line(file, "PublicKey",
         value(publics, {file_keys()[0], std::string(43, 'A') + "=", file_keys()[1].substr(1),
                         "\"" + file_keys()[1] + "\"",
                         file_keys()[1].substr(0, 20) + " " + file_keys()[1].substr(20)}));
  if (chance(20))
    line(file, "PresharedKey",
         value({file_keys()[2], file_keys()[3]}, {std::string(43, 'A') + "=", "x"}));
  for (int i = 0; i < 2; ++i)
    if (chance(60)) line(file, "AllowedIPs", allowed_ips());
  peer_settings(file);
}

void WgQuickFiles::peer_settings(std::string& file) {
  if (chance(60))
    line(file, "Endpoint",
         value({"192.0.2.1:51820", "[2001:db8::1]:51820", "gw.example.net:51820",
                "2001:db8::1:51820", "[::ffff:192.0.2.1]:1"},
               {"[gw.example.net]:5", "[192.0.2.1]:5", "192.0.2.1 : 5", "10.1:5", "192.0.2.1",
                "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:domain", "192.0.2.1:0x50", ":5",
                "[::1]5", "[::1:5", "[fe80::1%nope]:5", "no.such.name:5", "", "192.0.2.1:+5",
                "[]:5", "[::1]:"}));
  if (chance(40))
    line(
        file, "PersistentKeepalive",
        value({"25", "0", "off", "65535", "025"}, {"65536", "0x19", "", "-1", "+5", "25s", "OFF"}));
  if (chance(2)) line(file, one_of({"Address", "Reserved", "Foo"}), "1,2,3");
  if (chance(2)) file += one_of({"Endpoint\n", "=\n", "[Foo]\n", "[Peer\n", "= 5\n"});
}

std::string WgQuickFiles::allowed_ips() {
  std::string list;
  const std::size_t count = 1 + random_.below(3);
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) list += one_of({",", ", ", " , ", ",  "});
    list += value({"10.0.0.0/8", "10.1.0.0/16", "10.9.0.2/32", "10.9.0.2", "0.0.0.0/0", "::/0",
                   "fd00::/64", "fd00::1", "10.1.2.3/8", "::ffff:10.0.0.1/96"},
                  {"10.0.0.0/33", "10.0.0.0/08", "10.0.0/8", "010.0.0.0/8", "10.0.0.0/", "/8",
                   "fd00::/129", "fd00::/-1", "10.0.0.0 / 24", "", "fd00:::/64", "0.0.0.0", "::0",
                   "10.0.0.0/8x", "fd00::1%1/64", "10.0.0.0/+8", "1.2.3.4.5/8", "::1.2.3.4"});
  }
  if (chance(2)) list += ",";
  if (chance(2)) list.clear();
  return list;
}

/// A few bytes, or a line, as an editor's user does by mistake.
void WgQuickFiles::damage(std::string& file) {
  constexpr std::string_view kBytes("=#[],/:.%+-0xA \t\n\r\v\f\0\xA0\xC2\"'|", 27);
  const std::size_t times = 1 + random_.below(3);
  for (std::size_t i = 0; i < times && !file.empty(); ++i) {
    const std::size_t at = random_.below(file.size());
    switch (random_.below(4)) {
      case 0: file[at] = kBytes[random_.below(kBytes.size())]; break;
      case 1: file.erase(at, 1 + random_.below(2)); break;
      case 2: file.insert(at, 1, kBytes[random_.below(kBytes.size())]); break;
      default: repeat_line(file, at); break;
    }
  }
}

}  // namespace wgscope::test
