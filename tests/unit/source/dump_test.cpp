#include "wgscope/source/netlink/dump.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <climits>
#include <gtest/gtest.h>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/wireguard.h>

#include "wgscope/base/result.hpp"

#include "attribute_builder.hpp"

namespace wgscope::netlink {
namespace {

using testing::Attributes;
using testing::Bytes;
using testing::bytes_of;
using testing::join;
using testing::message;
using testing::repeat;

constexpr std::uint32_t kSequence = 77;
constexpr std::uint16_t kType = 30;  // any type above NLMSG_MIN_TYPE

class Dump : public ::testing::Test {
 protected:
  Result<bool> feed(const Bytes& datagram) { return reader_.feed(datagram); }

  std::vector<std::size_t> seen_;  ///< payload sizes, in order
  DumpReader reader_{kSequence,
                     [this](std::uint16_t type, std::span<const std::byte> payload) -> Result<> {
                       EXPECT_EQ(type, kType);
                       seen_.push_back(payload.size());
                       if (!payload.empty() && payload[0] == std::byte{0xbd})
                         return fail(Errc::bad_length, "what the callback said");
                       return {};
                     }};
};

Bytes part(std::size_t size, std::uint16_t flags = NLM_F_MULTI) {
  return message(kType, flags, kSequence, repeat(size, 1));
}
Bytes done(int error, std::uint16_t flags = NLM_F_MULTI) {
  return message(NLMSG_DONE, flags, kSequence, bytes_of(error));
}
Bytes error(int error) {
  return message(NLMSG_ERROR, 0, kSequence, join({bytes_of(error), repeat(16, 0)}));
}

TEST_F(Dump, GoesOnUntilDone) {
  EXPECT_FALSE(feed(join({part(4), part(5), part(0)})).value());
  EXPECT_FALSE(feed(part(8)).value());
  EXPECT_TRUE(feed(join({part(12), done(0)})).value());
  EXPECT_EQ(seen_, (std::vector<std::size_t>{4, 5, 0, 8, 12}));
  EXPECT_FALSE(reader_.interrupted());
}

TEST_F(Dump, EndsAtAnAcknowledgement) {
  EXPECT_TRUE(feed(join({part(4), error(0)})).value());
  EXPECT_EQ(seen_.size(), 1U);
}

TEST_F(Dump, IgnoresWhatFollowsItsEnd) {
  EXPECT_TRUE(feed(join({done(0), part(4), repeat(3, 0xff)})).value());
  EXPECT_TRUE(seen_.empty());
}

TEST_F(Dump, GoesOnAfterAnEmptyDatagram) { EXPECT_FALSE(feed({}).value()); }

TEST_F(Dump, SkipsNoOperation) {
  EXPECT_FALSE(feed(join({message(NLMSG_NOOP, 0, kSequence, repeat(4, 0)), part(4)})).value());
  EXPECT_EQ(seen_.size(), 1U);
}

TEST_F(Dump, ReportsTheErrnoInDone) {
  const auto end = feed(join({part(4), done(-ENODEV)}));
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, Errc::no_device);
  EXPECT_EQ(end.error().sys_errno, ENODEV);
  EXPECT_EQ(seen_.size(), 1U);
}

TEST_F(Dump, ReportsTheErrnoInError) {
  const auto end = feed(error(-EPERM));
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, Errc::not_permitted);
  EXPECT_EQ(end.error().sys_errno, EPERM);
}

TEST_F(Dump, ReportsNumbersThatAreNoErrnoAsAProtocolError) {
  for (const int number : {-4096, -1'000'000, INT_MIN}) {
    const auto end = feed(error(number));
    ASSERT_FALSE(end) << number;
    EXPECT_EQ(end.error().sys_errno, EPROTO);
  }
  EXPECT_EQ(feed(error(-4095)).error().sys_errno, 4095);
}

TEST_F(Dump, TakesADoneWithoutErrnoAsASuccess) {  // kernels before 4.14 send it so
  EXPECT_TRUE(feed(message(NLMSG_DONE, NLM_F_MULTI, kSequence, {})).value());
}

TEST_F(Dump, RefusesAnErrorWithoutErrno) {
  for (const std::size_t size : {0U, 1U, 3U})
    EXPECT_EQ(feed(message(NLMSG_ERROR, 0, kSequence, repeat(size, 0))).error().code,
              Errc::truncated)
        << size;
}

TEST_F(Dump, ReportsMessagesTheKernelLost) {
  const auto end = feed(join({part(4), message(NLMSG_OVERRUN, 0, kSequence, {}), part(4)}));
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, Errc::io);
  EXPECT_EQ(seen_.size(), 1U);
}

TEST_F(Dump, IsInterruptedByAnyPart) {
  EXPECT_FALSE(feed(part(4, NLM_F_MULTI | NLM_F_DUMP_INTR)).value());
  EXPECT_TRUE(feed(join({part(4), done(0)})).value());
  EXPECT_TRUE(reader_.interrupted());
  EXPECT_EQ(seen_.size(), 2U) << "what was read stays";
}

TEST_F(Dump, IsInterruptedByDoneAlone) {
  EXPECT_TRUE(feed(join({part(4), done(0, NLM_F_MULTI | NLM_F_DUMP_INTR)})).value());
  EXPECT_TRUE(reader_.interrupted());
}

TEST_F(Dump, IgnoresMessagesOfAnotherSequence) {
  const Bytes foreign =
      join({message(kType, NLM_F_DUMP_INTR, kSequence + 1, repeat(4, 0)),
            message(NLMSG_DONE, NLM_F_DUMP_INTR, kSequence - 1, bytes_of(-EPERM)),
            message(NLMSG_ERROR, 0, 0, bytes_of(-EPERM)), message(NLMSG_OVERRUN, 0, 0, {})});
  EXPECT_FALSE(feed(foreign).value());
  EXPECT_TRUE(seen_.empty());
  EXPECT_FALSE(reader_.interrupted());
}

TEST_F(Dump, RefusesATruncatedHeader) {
  for (std::size_t size = 1; size < sizeof(nlmsghdr); ++size) {
    Bytes datagram = done(0);
    datagram.resize(size);
    EXPECT_EQ(feed(datagram).error().code, Errc::truncated) << size;
    EXPECT_EQ(feed(join({part(4), datagram})).error().code, Errc::truncated) << size;
  }
}

TEST_F(Dump, RefusesALengthThatIsNotThere) {
  for (const std::uint32_t length : {1U, 15U, 21U, 0x7fffffffU, 0xfffffff0U, 0xffffffffU})
    EXPECT_EQ(feed(message(kType, 0, kSequence, repeat(4, 0), length)).error().code,
              Errc::truncated)
        << length;
  EXPECT_TRUE(seen_.empty());
}

TEST_F(Dump, RefusesALengthOfZero) {
  Bytes datagram = part(4);
  datagram[0] = datagram[1] = datagram[2] = datagram[3] = std::byte{0};
  EXPECT_EQ(feed(datagram).error().code, Errc::truncated);
}

TEST_F(Dump, AcceptsALastMessageWithoutItsPadding) {
  Bytes datagram = part(5);
  datagram.resize(sizeof(nlmsghdr) + 5);
  EXPECT_FALSE(feed(datagram).value());
  EXPECT_EQ(seen_, (std::vector<std::size_t>{5}));
}

TEST_F(Dump, StopsAtWhatTheCallbackCannotRead) {
  const auto end = feed(join({message(kType, 0, kSequence, repeat(1, 0xbd)), part(4), done(0)}));
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().context, "what the callback said");
  EXPECT_EQ(seen_.size(), 1U);
}

Bytes with_sequence(Bytes expected, std::uint32_t sequence) {
  std::memcpy(expected.data() + offsetof(nlmsghdr, nlmsg_seq), &sequence, sizeof sequence);
  return expected;
}

Bytes copy(const Request& request) { return {request.bytes().begin(), request.bytes().end()}; }

TEST(Request, LaysOutAnInterfaceDump) {
  Request request(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP);
  const ifinfomsg any{};
  request.put_bytes(std::as_bytes(std::span(&any, 1)));
  request.begin_nest(IFLA_LINKINFO);
  request.put_string(IFLA_INFO_KIND, "wireguard");
  request.end_nest();

  const Attributes attributes =
      Attributes().nest(IFLA_LINKINFO, Attributes().put_string(IFLA_INFO_KIND, "wireguard"));
  EXPECT_EQ(copy(request), with_sequence(message(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 0,
                                                 join({bytes_of(any), attributes.bytes()})),
                                         request.sequence()));
}

TEST(Request, LaysOutAWireguardDump) {
  Request request(1234, NLM_F_REQUEST | NLM_F_DUMP);
  request.put_generic_header(WG_CMD_GET_DEVICE, WG_GENL_VERSION);
  request.put_u32(WGDEVICE_A_IFINDEX, 0x01020304);

  genlmsghdr generic{};
  generic.cmd = WG_CMD_GET_DEVICE;
  generic.version = WG_GENL_VERSION;
  const Attributes attributes = Attributes().put(WGDEVICE_A_IFINDEX, std::uint32_t{0x01020304});
  EXPECT_EQ(copy(request), with_sequence(message(1234, NLM_F_REQUEST | NLM_F_DUMP, 0,
                                                 join({bytes_of(generic), attributes.bytes()})),
                                         request.sequence()));
}

TEST(Request, LaysOutAFamilyLookUp) {
  Request request(GENL_ID_CTRL, NLM_F_REQUEST | NLM_F_ACK);
  request.put_generic_header(CTRL_CMD_GETFAMILY, 1);
  request.put_string(CTRL_ATTR_FAMILY_NAME, WG_GENL_NAME);

  genlmsghdr generic{};
  generic.cmd = CTRL_CMD_GETFAMILY;
  generic.version = 1;
  const Attributes attributes = Attributes().put_string(CTRL_ATTR_FAMILY_NAME, "wireguard");
  EXPECT_EQ(copy(request), with_sequence(message(GENL_ID_CTRL, NLM_F_REQUEST | NLM_F_ACK, 0,
                                                 join({bytes_of(generic), attributes.bytes()})),
                                         request.sequence()));
}

TEST(Request, HasASequenceOfItsOwn) {
  const Request first(1, 0);
  const Request second(1, 0);
  EXPECT_NE(first.sequence(), second.sequence());
}

}  // namespace
}  // namespace wgscope::netlink
