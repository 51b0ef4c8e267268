#include "wgscope/wire/dns.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "packets.hpp"

namespace wgscope::wire {
namespace {

using testing::address;
using testing::Bytes;
using ::testing::ElementsAre;
using testing::hex;
using ::testing::IsEmpty;
using testing::join;

constexpr std::uint16_t kId = 0x1234;
const DnsQuestion kAsked{"www.example.org", DnsType::a};
// "www.example.org" stands at 12, "example.org" at 16, "org" at 24; the answers begin at 33.
const Bytes kName = hex("03777777 076578616d706c65 036f7267 00");
const Bytes kQuestion = join({kName, hex("0001 0001")});

Bytes header(const char* flags, const char* answers, const char* questions = "0001") {
  return join({hex("1234"), hex(flags), hex(questions), hex(answers), hex("0000 0000")});
}

Bytes answer(const char* count, const Bytes& records, const char* flags = "8180") {
  return join({header(flags, count), kQuestion, records});
}

Result<DnsAnswer> parse(const Bytes& message) { return parse_dns_answer(message, kId, kAsked); }

const Bytes kAddress = hex("c00c 0001 0001 0000003c 0004 c0000207");

TEST(BuildDnsQuery, WritesWhatTheRfcDescribes) {
  for (const char* name : {"www.example.org", "www.example.org."})
    EXPECT_EQ(build_dns_query(kId, {name, DnsType::a}).value(),
              join({hex("1234 0100 0001 0000 0000 0000"), kQuestion}));
  EXPECT_EQ(build_dns_query(1, {"a", DnsType::aaaa}).value(),
            hex("0001 0100 0001 0000 0000 0000 01 61 00 001c 0001"));
}

TEST(BuildDnsQuery, RefusesWhatIsNoName) {
  const std::string label(63, 'a');
  const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'b');
  EXPECT_TRUE(build_dns_query(1, {longest, DnsType::a}));
  for (const std::string& name :
       {std::string(), std::string("."), std::string("a..b"), std::string(".a"), std::string("a.."),
        label + "a", longest + "b", std::string("a b"), std::string("a\\046b"),
        std::string("\xc3\xa4"), std::string("a\0b", 3), std::string("a\nb")})
    EXPECT_EQ(build_dns_query(1, {name, DnsType::a}).error().code, Errc::bad_value) << name;
}

TEST(ReverseQuestion, NamesAddresses) {
  EXPECT_EQ(reverse_question(address("192.0.2.1")).name, "1.2.0.192.in-addr.arpa");
  EXPECT_EQ(reverse_question(address("2001:db8::567:89ab")).name,
            "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
  EXPECT_EQ(reverse_question(address("::1")).type, DnsType::ptr);
  EXPECT_TRUE(build_dns_query(1, reverse_question(address("::1"))));
}

TEST(ParseDnsAnswer, ReadsAddresses) {
  const DnsAnswer read =
      parse(answer("0002", join({kAddress, hex("c00c 0001 0001 00000014 0004 c0000208")}))).value();
  EXPECT_EQ(read.rcode, DnsRcode::no_error);
  EXPECT_THAT(read.addresses, ElementsAre(address("192.0.2.7"), address("192.0.2.8")));
  EXPECT_EQ(read.ttl_seconds, 20U);
  EXPECT_EQ(read.canonical_name, "www.example.org");
  EXPECT_FALSE(read.truncated);
}

TEST(ParseDnsAnswer, ReadsIpv6AddressesAndNames) {
  const DnsQuestion six{"www.example.org", DnsType::aaaa};
  const Bytes message =
      join({header("8180", "0001"), kName, hex("001c 0001"),
            hex("c00c 001c 0001 0000003c 0010 20010db8000000000000000000000001")});
  EXPECT_THAT(parse_dns_answer(message, kId, six).value().addresses,
              ElementsAre(address("2001:db8::1")));

  const DnsQuestion reverse{"www.example.org", DnsType::ptr};
  const Bytes names = join({header("8180", "0001"), kName, hex("000c 0001"),
                            hex("c00c 000c 0001 0000003c 0008 04 612e2001 c010 00")});
  EXPECT_EQ(parse_dns_answer(names, kId, reverse).error().code, Errc::truncated)
      << "a byte too many behind the name";
  const Bytes right = join({header("8180", "0001"), kName, hex("000c 0001"),
                            hex("c00c 000c 0001 0000003c 0007 04 612e2001 c010")});
  EXPECT_THAT(parse_dns_answer(right, kId, reverse).value().names,
              ElementsAre("a\\.\\032\\001.example.org"));
}

TEST(ParseDnsAnswer, FollowsAliasesInAnyOrder) {
  // www -> a.example.org (at 45 in the first order) -> its address.
  const Bytes alias = hex("c00c 0005 0001 0000000a 0004 0161 c010");
  const Bytes target = hex("0161 c010 0001 0001 0000003c 0004 c0000209");
  for (const Bytes& records : {join({alias, target}), join({target, alias})}) {
    const DnsAnswer read = parse(answer("0002", records)).value();
    EXPECT_EQ(read.canonical_name, "a.example.org");
    EXPECT_THAT(read.addresses, ElementsAre(address("192.0.2.9")));
    EXPECT_EQ(read.ttl_seconds, 10U);
  }
}

TEST(ParseDnsAnswer, EndsOnAliasesThatGoRound) {
  const Bytes to_a = hex("c00c 0005 0001 0000000a 0004 0161 c010");
  const Bytes back = hex("0161 c010 0005 0001 0000000a 0002 c00c");
  const auto read = parse(answer("0002", join({to_a, back})));
  ASSERT_TRUE(read);
  EXPECT_THAT(read->addresses, IsEmpty());
}

TEST(ParseDnsAnswer, UsesNoRecordsOfOtherNamesTypesOrClasses) {
  const Bytes records = join({hex("c010 0001 0001 0000003c 0004 c0000201"),    // example.org
                              hex("c00c 0010 0001 0000003c 0002 0161"),        // TXT
                              hex("c00c 0001 0003 0000003c 0004 c0000202")});  // class CH
  EXPECT_THAT(parse(answer("0003", records)).value().addresses, IsEmpty());
}

TEST(ParseDnsAnswer, GivesTheCodeAsAValue) {
  const DnsAnswer none = parse(answer("0000", {}, "8183")).value();
  EXPECT_EQ(none.rcode, DnsRcode::no_such_name);
  EXPECT_EQ(to_string(none.rcode), "NXDOMAIN");
  EXPECT_EQ(to_string(DnsRcode{11}), "RCODE11");
  EXPECT_FALSE(none.ttl_seconds);
  // Servers that could not read the question do not repeat it.
  EXPECT_EQ(parse(header("8181", "0000", "0000")).value().rcode, DnsRcode::format_error);
  EXPECT_EQ(parse(header("8180", "0000", "0000")).error().code, Errc::bad_value);
}

TEST(ParseDnsAnswer, TellsTruncation) {
  const Bytes cut = answer("0002", join({kAddress, hex("c00c 0001 00")}), "8380");
  const DnsAnswer read = parse(cut).value();
  EXPECT_TRUE(read.truncated);
  EXPECT_THAT(read.addresses, ElementsAre(address("192.0.2.7")));
  EXPECT_EQ(parse(answer("0002", join({kAddress, hex("c00c 0001 00")}))).error().code,
            Errc::truncated);
}

TEST(ParseDnsAnswer, RefusesEveryLengthThatIsTooShort) {
  const Bytes whole = answer("0001", kAddress);
  ASSERT_TRUE(parse(whole));
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(parse_dns_answer(std::span(whole).first(size), kId, kAsked)) << size;
}

TEST(ParseDnsAnswer, RefusesWhatAnswersSomethingElse) {
  const Bytes good = answer("0001", kAddress);
  EXPECT_EQ(parse_dns_answer(good, kId + 1, kAsked).error().code, Errc::bad_value);
  EXPECT_EQ(parse_dns_answer(good, kId, {"www.example.com", DnsType::a}).error().code,
            Errc::bad_value);
  EXPECT_EQ(parse_dns_answer(good, kId, {"www.example.org", DnsType::aaaa}).error().code,
            Errc::bad_value);
  EXPECT_TRUE(parse_dns_answer(good, kId, {"WWW.Example.ORG.", DnsType::a})) << "case is nothing";
  EXPECT_EQ(parse(answer("0001", kAddress, "0180")).error().code, Errc::bad_value) << "a query";
  EXPECT_EQ(parse(answer("0001", kAddress, "a180")).error().code, Errc::bad_value) << "an update";
}

TEST(ParseDnsAnswer, RefusesPointersThatLeadForwardOrToThemselves) {
  for (const char* owner : {"c021", "c022", "ffff", "01 61 c021", "c0ff", "4061", "8061"})
    EXPECT_FALSE(parse(answer("0001", join({hex(owner), hex("0001 0001 0000003c 0004 c0000207")}))))
        << owner;
  // Two names that point at each other.
  EXPECT_FALSE(parse(answer("0001", hex("c00c 0005 0001 0000003c 0004 c02f c02d"))));
}

TEST(ParseDnsAnswer, RefusesNamesThatPointersMakeTooLong) {
  // Each record's name is the former one's with 64 bytes in front.
  Bytes records = hex("c00c 0001 0001 00000000 0004 00000000");
  std::size_t last = 12;
  std::size_t position = 33 + records.size();
  Bytes label(64, std::byte{'a'});
  label[0] = std::byte{63};
  for (int i = 0; i < 5; ++i) {
    const Bytes pointer{static_cast<std::byte>(0xc0U | last >> 8U), static_cast<std::byte>(last)};
    const Bytes record = join({label, pointer, hex("0001 0001 00000000 0004 00000000")});
    records = join({records, record});
    last = position;
    position += record.size();
  }
  EXPECT_FALSE(parse(answer("0006", records)));
  EXPECT_TRUE(parse(answer("0004", records))) << "up to 255 bytes";
}

}  // namespace
}  // namespace wgscope::wire
