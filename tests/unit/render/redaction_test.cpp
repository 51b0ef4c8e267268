#include "wgscope/render/redaction.hpp"

#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/render/report.hpp"

#include "sample_reports.hpp"

namespace wgscope::render {
namespace {

using diagnosis::Name;
using diagnosis::Path;
using diagnosis::Text;
using diagnosis::text;
using ::testing::HasSubstr;
using ::testing::Not;

IpAddress ip(std::string_view words) { return IpAddress::parse(words).value(); }
Endpoint endpoint(std::string_view words) { return Endpoint::parse(words).value(); }

TEST(RedactionTest, ShowsEverythingWhereItIsNotWanted) {
  Redaction redaction(false);
  EXPECT_EQ(redaction.show(text("{} at {} in {}", Name{"gw"}, endpoint("192.0.2.1:7"), Path{"/x"})),
            "gw at 192.0.2.1:7 in /x");
}

TEST(RedactionTest, NamesEachKindOfThingByNumber) {
  Redaction redaction(true);
  EXPECT_EQ(redaction.show(text("{} {} {} {} {}", PublicKey{}, ip("192.0.2.1"), ip("2001:db8::1"),
                                Name{"gw"}, Path{"/x"})),
            "<key-1> <ipv4-1> <ipv6-1> <name-1> <file-1>");
}

TEST(RedactionTest, NamesTheSameThingByTheSameNumber) {
  Redaction redaction(true);
  EXPECT_EQ(redaction.show(text("{} {}", ip("192.0.2.1"), ip("192.0.2.2"))), "<ipv4-1> <ipv4-2>");
  EXPECT_EQ(redaction.show(text("{} {}", endpoint("192.0.2.2:1"), endpoint("192.0.2.1:2"))),
            "<ipv4-2>:1 <ipv4-1>:2");
  EXPECT_EQ(redaction.show(text("{} {}", Name{"x"}, Path{"x"})), "<name-1> <file-1>")
      << "a file is not a host that is called the same";
}

TEST(RedactionTest, KnowsAnAddressThatIsWrittenAsAName) {
  Redaction redaction(true);
  EXPECT_EQ(redaction.show(text("{} is {}", Name{"192.0.2.1"}, ip("192.0.2.1"))),
            "<ipv4-1> is <ipv4-1>");
  EXPECT_EQ(redaction.show(text("{} is {}", Name{"2001:DB8:0::1"}, ip("2001:db8::1"))),
            "<ipv6-1> is <ipv6-1>");
}

TEST(RedactionTest, LeavesPortsPrefixLengthsAndZonesAlone) {
  Redaction redaction(true);
  EXPECT_EQ(redaction.show(
                text("{} {}", endpoint("[fe80::1%3]:51820"), Prefix::parse("10.0.0.0/8").value())),
            "[<ipv6-1>%3]:51820 <ipv4-1>/8");
}

TEST(RedactionTest, LeavesNothingOfWhatIsSomebodys) {
  diagnosis::Report report = test::silent_report();
  report.measurements = {
      {.name = "wireguard_probe_loss_ratio", .labels = {{"to", text("{}", Name{"gw.label"})}}}};
  for (const std::string& made : {to_text(report, {.verbose = true, .redact = true}),
                                  to_json(report, diagnosis::FailOn::warning, true),
                                  to_junit(report, diagnosis::FailOn::warning, true),
                                  to_prometheus(report, diagnosis::FailOn::warning, true)}) {
    for (const char* somebodys :
         {"192.0.2", "2001:db8", "10.8.0", "gw.", "AQEB", "AgIC", "/etc", "probe.conf"})
      EXPECT_THAT(made, Not(HasSubstr(somebodys)));
    EXPECT_THAT(made, HasSubstr(":51820"));
  }
}

TEST(RedactionTest, NumbersTheSameInEveryOutputOfAReport) {
  diagnosis::Report report = test::silent_report();
  // Shown first in one output and last in another.
  report.checks.push_back({.name = "reach.tcp",
                           .layer = diagnosis::Layer::configuration,
                           .status = diagnosis::Status::critical,
                           .summary = text("{}", ip("203.0.113.9"))});
  const std::string line = "\"summary\": \"<ipv4-3>\"";
  EXPECT_THAT(to_json(report, diagnosis::FailOn::warning, true), HasSubstr(line));
  EXPECT_THAT(to_text(report, {.redact = true}), HasSubstr("× TCP: <ipv4-3>\n"));
  EXPECT_THAT(to_junit(report, diagnosis::FailOn::warning, true),
              HasSubstr("message=\"critical: &lt;ipv4-3&gt;\""));
}

TEST(OneLine, LeavesOnlyWhatNoDocumentOrTerminalTrips) {
  EXPECT_EQ(one_line("plain µ é ≤ 😀"), "plain µ é ≤ 😀");
  EXPECT_EQ(one_line(std::string_view("\0\t\n\r\x1b\x7f", 6)), "\\x00\\x09\\x0a\\x0d\\x1b\\x7f");
  EXPECT_EQ(one_line("\xc2\x80\xc2\x9f\xc2\xa0"), "\\xc2\\x80\\xc2\\x9f\xc2\xa0")
      << "C1 controls, but no other characters that begin alike";
  EXPECT_EQ(one_line("\xef\xbf\xbe\xef\xbf\xbf\xef\xbf\xbd"),
            "\\xef\\xbf\\xbe\\xef\\xbf\\xbf\xef\xbf\xbd");
  EXPECT_EQ(one_line("\xff\xed\xa0\x80"),
            "\xef\xbf\xbd"
            "ff\xef\xbf\xbd"
            "ed\xef\xbf\xbd"
            "a0\xef\xbf\xbd"
            "80");
  EXPECT_EQ(one_line(""), "");
}

}  // namespace
}  // namespace wgscope::render
