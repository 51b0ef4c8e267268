#include "wgscope/render/sentence.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/render/redaction.hpp"

namespace wgscope::render {
namespace {

std::string redacted(const std::string& sentence, std::vector<std::string> given = {}) {
  const diagnosis::Text marked = mark(sentence, given);
  const bool is_ascii = sentence.find('\xc3') == std::string::npos;
  EXPECT_TRUE(!is_ascii || marked.plain() == sentence) << "nothing is lost";
  return Redaction(true).show(marked);
}

TEST(MarkedSentence, HidesWhatLooksLikeSomebodys) {
  EXPECT_EQ(redacted("/etc/wireguard/acme.conf: open: No such file or directory"),
            "<file-1>: open: No such file or directory");
  EXPECT_EQ(redacted("read conf/acme: not permitted (as acme@gw)"),
            "read <file-1>: not permitted (as <name-1>)");
  EXPECT_EQ(redacted("gw.acme.net:51820, acme:7 and [2001:db8::1]:9 or 192.0.2.1:80 refuse"),
            "<name-1>:51820, <name-2>:7 and [<ipv6-1>]:9 or <ipv4-1>:80 refuse");
  EXPECT_EQ(redacted("10.0.0.0/8 contains 10.1.2.3."), "<ipv4-1>/8 contains <ipv4-2>.");
  EXPECT_EQ(redacted("the key 3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08 and b\xc3\xbcro"),
            "the key <name-1> and <name-2>");
  EXPECT_EQ(redacted("3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08= on UDP port 5"),
            "<key-1> on UDP port 5");
}

TEST(MarkedSentence, HidesWhatIsQuotedToTheLastQuote) {
  EXPECT_EQ(redacted("no peer has the name 'Ada's laptop' or so"),
            "no peer has the name '<name-1>' or so");
  EXPECT_EQ(redacted("unknown option '--acme=b': did you mean '--ping'? (see --help)"),
            "unknown option '<name-1>': did you mean '--ping'? (see --help)");
  EXPECT_EQ(redacted("the gateway's AllowedIPs and this host's clock"),
            "the gateway's AllowedIPs and this host's clock");
}

TEST(MarkedSentence, HidesWhatWasGivenHoweverPlainItIs) {
  EXPECT_EQ(redacted("acme: open: no file acme/x, acmes (acme)", {"acme"}),
            "<name-1>: open: no file <file-1>, acmes (<name-1>)");
  EXPECT_EQ(redacted("read /home/two words/state/ab.stamp: no", {"/home/two words", "/home"}),
            "read <file-1>: no");
}

TEST(MarkedSentence, LeavesPlainWordsNumbersAndOptions) {
  for (const char* plain :
       {"--interval: must be at least 10ms", "give a duration of 4.2 s or 12 µs", "and so on …",
        "standard input can be used only once: for --config, --private-key-file or "
        "--preshared-key-file",
        "there is no [Peer]: add one with the gateway's PublicKey", ""})
    EXPECT_EQ(redacted(plain), plain);
}

}  // namespace
}  // namespace wgscope::render
