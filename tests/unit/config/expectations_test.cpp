#include "wgscope/config/expectations.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::config {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

std::vector<Expectation> read(std::string_view text) {
  auto all = parse_expectations(text);
  EXPECT_TRUE(all) << all.error().context << "\n" << text.substr(0, 200);
  return all ? *all : std::vector<Expectation>();
}

std::string error_of(std::string_view text) {
  const auto all = parse_expectations(text);
  EXPECT_FALSE(all) << text.substr(0, 200);
  return all ? "" : all.error().context;
}

std::string target_error(ReachKind kind, std::string_view text) {
  const auto target = parse_target(kind, text);
  EXPECT_FALSE(target) << text;
  if (target) return "";
  EXPECT_EQ(target.error().code, Errc::bad_value);
  return target.error().context;
}

TEST(Expectations, OfEachKindAreRead) {
  const auto all = read(
      "# the branch office\n"
      "- tcp: 10.9.0.1:22\n"
      "- http: http://intranet.example:8080/health?full=1\n"
      "  status: 204\n"
      "- udp: \"[fd09::1]:7\"\n"
      "- dns: 10.9.0.53\n"
      "  name: intranet.example\n"
      "  answers: [10.9.0.7, 10.9.0.8]\n"
      "- icmp: fd09::1\n"
      "  tries: 5\n"
      "  expect: open\n");
  ASSERT_THAT(all, SizeIs(5));
  EXPECT_EQ(all[0].kind, ReachKind::tcp);
  EXPECT_EQ(all[0].where, (EndpointName{"10.9.0.1", 22}));
  EXPECT_EQ(all[0].line, 2U);
  EXPECT_FALSE(all[0].closed);
  EXPECT_FALSE(all[0].tries);
  EXPECT_EQ(all[1].where, (EndpointName{"intranet.example", 8080}));
  EXPECT_EQ(all[1].host, "intranet.example:8080");
  EXPECT_EQ(all[1].path, "/health?full=1");
  EXPECT_EQ(all[1].status, 204);
  EXPECT_EQ(all[1].line, 3U);
  EXPECT_EQ(all[2].where, (EndpointName{"fd09::1", 7}));
  EXPECT_EQ(all[3].where, (EndpointName{"10.9.0.53", 53}));
  EXPECT_EQ(all[3].question, "intranet.example");
  EXPECT_THAT(all[3].answers, ElementsAre(IpAddress::parse("10.9.0.7").value(),
                                          IpAddress::parse("10.9.0.8").value()));
  EXPECT_EQ(all[4].where, (EndpointName{"fd09::1", 0}));
  EXPECT_EQ(all[4].tries, 5);
}

TEST(Expectations, OfClosedTargetsAreRead) {
  const auto all = read(
      "- tcp: 10.8.0.1:5432\n  expect: closed\n"
      "- {icmp: 10.8.0.1, expect: closed}\n"
      "- {dns: 10.8.0.53, expect: closed}\n");
  ASSERT_THAT(all, SizeIs(3));
  for (const Expectation& one : all) EXPECT_TRUE(one.closed);
  EXPECT_EQ(all[2].question, "wgscope.invalid") << "asks for something, whatever it is";
}

TEST(Expectations, AskForAddressesOfTheFamilyThatIsExpected) {
  const auto all = read("- {dns: \"fd09::1\", name: a.example, answers: \"fd09::7\"}\n");
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_EQ(all[0].family, Family::v6);
  EXPECT_THAT(all[0].answers, SizeIs(1));
}

TEST(Expectations, TakeTheNameOfADnsEntryFromTheTargetToo) {
  EXPECT_EQ(read("- dns: a.example@10.9.0.1\n").at(0).question, "a.example");
  EXPECT_EQ(error_of("- dns: a.example@10.9.0.1\n  name: b.example\n"),
            "line 2: the name is given twice");
}

struct Mistake {
  const char* text;
  const char* error;
};

TEST(Expectations, NameTheLineOfAMistakeAndWhatBelongsThere) {
  const std::vector<Mistake> mistakes{
      {"", "there are no expectations: write a list of them"},
      {"# nothing\n", "there are no expectations: write a list of them"},
      {"[]", "there are no expectations: write a list of them"},
      {"tcp", "line 1: expected a list of expectations"},
      {"\ntcp: 10.9.0.1:22\n",
       "line 2: expected a list: each expectation starts with a dash, as in - tcp: 10.9.0.1:22"},
      {"- 10.9.0.1:22\n", "line 1: each entry must be a map, such as tcp: 10.9.0.1:22"},
      {"- [tcp]\n", "line 1: each entry must be a map, such as tcp: 10.9.0.1:22"},
      {"- tcp: 10.9.0.1:22\n- tries: 3\n",
       "line 2: the entry has none of icmp, tcp, udp, dns and http"},
      {"- tcp: 10.9.0.1:22\n  udp: 10.9.0.1:22\n",
       "line 2: an entry must have only one of icmp, tcp, udp, dns and http"},
      {"- tcp: 10.9.0.1:22\n  tries: 2\n  tries: 3\n", "line 3: a key is given twice"},
      {"- tcp: 10.9.0.1:22\n  tries: 0\n", "line 2: tries must be from 1 to 100"},
      {"- tcp: 10.9.0.1:22\n  tries: 101\n", "line 2: tries must be from 1 to 100"},
      {"- tcp: 10.9.0.1:22\n  tries: 18446744073709551617\n",
       "line 2: tries must be from 1 to 100"},
      {"- tcp: 10.9.0.1:22\n  expect: shut\n", "line 2: expect must be open or closed"},
      {"- tcp: 10.9.0.1:22\n  status: 200\n", "line 2: status is only for http"},
      {"- tcp: 10.9.0.1:22\n  name: a\n", "line 2: name is only for dns"},
      {"- tcp: 10.9.0.1:22\n  answers: [10.9.0.1]\n", "line 1: answers is only for dns"},
      {"- http: http://10.9.0.1/\n  status: 99\n",
       "line 2: status must be an HTTP status from 100 to 599"},
      {"- tcp: 10.9.0.1\n", "line 1: tcp: expected HOST:PORT, such as 10.9.0.1:22 or [fd09::1]:22"},
      {"- tcp:\n", "line 1: a value is missing"},
      {"- ~\n", "line 1: a value is missing"},
      {"- tcp: {a: b}\n", "line 1: expected text, not a map"},
      {"- tcp: [fd09::1]:22\n",
       "line 1: expected text, not a list: put an address in brackets into quotes, as in "
       "\"[fd09::1]:22\""},
      {"- dns: 10.9.0.1\n", "line 1: dns needs a name to look up"},
      {"- dns: 10.9.0.1\n  name: a b\n", "line 2: name is not a valid DNS name"},
      {"- dns: 10.9.0.1\n  name: a\n  answers:\n  - 10.9.0.1\n  - b\n",
       "line 5: an answer must be an IP address"},
      {"- dns: 10.9.0.1\n  name: a\n  answers: [10.9.0.1, \"fd09::1\"]\n",
       "line 3: IPv4 and IPv6 answers need separate entries"},
      {"- dns: 10.9.0.1\n  name: a\n  answers: []\n",
       "line 1: answers is empty: list the expected addresses"},
      {"- dns: 10.9.0.1\n  name: a\n  answers: [10.9.0.1]\n  expect: closed\n",
       "line 4: closed and answers exclude each other"},
      {"- http: http://10.9.0.1/\n  expect: closed\n",
       "line 2: closed works for icmp, tcp, udp and dns: instead of http, use tcp with the port"},
      {"- tcp: 10.9.0.1:22\n---\n- tcp: 10.9.0.1:22\n",
       "line 2: there is a second YAML document: put everything into one"},
      {"- tcp: 10.9.0.1:22\n- }\n", "line 2: not YAML: did not find expected node content"},
  };
  for (const Mistake& mistake : mistakes)
    EXPECT_EQ(error_of(mistake.text), mistake.error) << mistake.text;
}

TEST(Expectations, NeverRepeatWhatTheyRefuse) {
  constexpr std::string_view kSecret = "kPrivateKeyThatMustNotLeakAAAAAAAAAAAAAAAAAA=";
  for (const char* pattern :
       {"[Interface]\nPrivateKey = {}\n", "{}: a\n", "- {}\n", "- {}: a\n", "- tcp: {}\n",
        "- tcp: 10.9.0.1:22\n  expect: {}\n", "- tcp: 10.9.0.1:22\n  tries: {}\n",
        "- dns: 10.9.0.1\n  name: \"{} \"\n", "- http: {}\n", "- tcp: \"{}\n"})
    EXPECT_THAT(error_of(fmt::format(fmt::runtime(pattern), kSecret)), Not(HasSubstr("Leak")))
        << pattern;
}

TEST(Expectations, RefuseAnchorsAndAliasesBeforeTheyCanMultiply) {
  EXPECT_EQ(error_of("- tcp: &a 10.9.0.1:22\n"), "line 1: YAML anchors are not supported");
  EXPECT_EQ(error_of("- &a\n  tcp: 10.9.0.1:22\n"), "line 1: YAML anchors are not supported");
  EXPECT_EQ(error_of("&a\n- tcp: 10.9.0.1:22\n"), "line 1: YAML anchors are not supported");
  EXPECT_THAT(error_of("- tcp: *a\n"), StartsWith("line 1: "));
}

TEST(Expectations, HaveAnEnd) {
  std::string many;
  for (std::size_t i = 0; i < kMaxExpectations; ++i) many += "- icmp: 10.9.0.1\n";
  EXPECT_THAT(read(many), SizeIs(kMaxExpectations));
  const auto one_more = parse_expectations(many + "- icmp: 10.9.0.1\n");
  ASSERT_FALSE(one_more);
  EXPECT_EQ(one_more.error().code, Errc::too_large);
  const auto large = parse_expectations(std::string(kMaxExpectationsSize + 1, '#'));
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, Errc::too_large);
  std::string answers = "- dns: 10.9.0.1\n  name: a\n  answers:\n";
  for (int i = 0; i < 65; ++i) answers += "  - 10.9.0.1\n";
  EXPECT_EQ(error_of(answers), "line 68: too many answers");
  EXPECT_THAT(error_of(std::string(100'000, '[')), StartsWith("line 1: "));
}

TEST(Expectations, AreReadFromAFileOfWindows) {
  EXPECT_THAT(read("\xEF\xBB\xBF- tcp: 10.9.0.1:22\r\n  tries: 2\r\n- icmp: 10.9.0.1\r\n"),
              SizeIs(2));
}

TEST(ReachTarget, IsAHostWithAPortWhereOneBelongs) {
  EXPECT_EQ(parse_target(ReachKind::tcp, "gw.example:22")->where, (EndpointName{"gw.example", 22}));
  EXPECT_EQ(parse_target(ReachKind::udp, "[fd09::1]:53")->where, (EndpointName{"fd09::1", 53}));
  for (const char* text :
       {"", ":22", "10.9.0.1", "10.9.0.1:0", "10.9.0.1:65536", "a b:22", "fe80::1%eth0:22"})
    EXPECT_THAT(target_error(ReachKind::tcp, text), StartsWith("expected HOST:PORT")) << text;
  EXPECT_EQ(parse_target(ReachKind::icmp, "[fd09::1]")->where, (EndpointName{"fd09::1", 0}));
  for (const char* text : {"", "10.9.0.1:7", "[10.9.0.1", "a/b", "fe80::1%2", "[a]", "fd09:::1"})
    EXPECT_THAT(target_error(ReachKind::icmp, text), StartsWith("not a valid host")) << text;
}

TEST(ReachTarget, OfDnsIsAServersAddressAndPerhapsAName) {
  const auto target = parse_target(ReachKind::dns, "www.example@fd09::1");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->where, (EndpointName{"fd09::1", 53}));
  EXPECT_EQ(target->question, "www.example");
  EXPECT_EQ(parse_target(ReachKind::dns, "10.9.0.1:5353")->where, (EndpointName{"10.9.0.1", 5353}));
  EXPECT_EQ(parse_target(ReachKind::dns, "[fd09::1]:5353")->where, (EndpointName{"fd09::1", 5353}));
  for (const char* text : {"", "ns.example", "a@", "a@b", "10.9.0.1:0"})
    EXPECT_THAT(target_error(ReachKind::dns, text),
                AllOf(StartsWith("not a valid name server"), HasSubstr("NAME@10.9.0.1")))
        << text;
  EXPECT_THAT(target_error(ReachKind::dns, "@10.9.0.1"), StartsWith("expected NAME@SERVER"));
}

TEST(ReachTarget, OfHttpIsAUrl) {
  const auto plain = parse_target(ReachKind::http, "http://10.9.0.1");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->where, (EndpointName{"10.9.0.1", 80}));
  EXPECT_EQ(plain->host, "10.9.0.1");
  EXPECT_EQ(plain->path, "/");
  const auto whole = parse_target(ReachKind::http, "http://[fd09::1]:8080?a=b");
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->where, (EndpointName{"fd09::1", 8080}));
  EXPECT_EQ(whole->host, "[fd09::1]:8080");
  EXPECT_EQ(whole->path, "/?a=b");
  for (const char* text :
       {"", "10.9.0.1", "http://", "http:///a", "http://u@10.9.0.1/", "http://10.9.0.1/a b",
        "http://10.9.0.1/#a", "http://10.9.0.1/\r\nX: y", "http://a\r\n/", "http://10.9.0.1:0/"})
    target_error(ReachKind::http, text);
  EXPECT_THAT(target_error(ReachKind::http, "https://10.9.0.1/"), HasSubstr("tcp with port 443"));
  target_error(ReachKind::http, "http://10.9.0.1/" + std::string(2048, 'a'));
}

TEST(ReachTarget, ThatMustBeClosedSaysItsKindFirst) {
  const auto target = parse_closed_target("tcp:[fd09::1]:22");
  ASSERT_TRUE(target);
  EXPECT_TRUE(target->closed);
  EXPECT_EQ(target->kind, ReachKind::tcp);
  EXPECT_EQ(target->where, (EndpointName{"fd09::1", 22}));
  EXPECT_EQ(parse_closed_target("icmp:fd09::1")->where.host, "fd09::1");
  EXPECT_EQ(parse_closed_target("dns:10.9.0.1")->question, "wgscope.invalid");
  EXPECT_EQ(parse_closed_target("dns:a.example@10.9.0.1")->question, "a.example");
  for (const char* text : {"", "tcp", "10.9.0.1:22", "sctp:10.9.0.1:22", "tcp:10.9.0.1"})
    EXPECT_FALSE(parse_closed_target(text)) << text;
  EXPECT_THAT(parse_closed_target("http://10.9.0.1/").error().context,
              HasSubstr("instead of http"));
}

}  // namespace
}  // namespace wgscope::config
