#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"

namespace wgscope::netlink {

/// The kernel fills a dump's blocks to the largest read it has seen, up to about 32 KiB: fewer and
/// larger blocks take RTNL and the interface's update lock less often. Reads of one socket must
/// never get smaller.
inline constexpr std::size_t kReceiveBufferSize = 32UL * 1024;

/// How often a dump that the kernel calls interrupted is asked for in all, before it is reported.
inline constexpr int kDumpAttempts = 4;

/// Handles one message of the answer; `payload` starts after struct nlmsghdr.
using OnMessage = std::function<Result<>(std::uint16_t type, std::span<const std::byte> payload)>;

/// Takes the datagrams of one answer apart: pure, so that recorded and hostile bytes are its tests.
class DumpReader {
 public:
  DumpReader(std::uint32_t sequence, OnMessage on_message)
      : sequence_(sequence), on_message_(std::move(on_message)) {}

  /// Reads one datagram.
  /// @returns true once the answer is complete; truncated, or the errno of NLMSG_ERROR or
  /// NLMSG_DONE,
  ///          or what on_message returned.
  Result<bool> feed(std::span<const std::byte> datagram);

  /// Whether what was dumped changed meanwhile (NLM_F_DUMP_INTR, on any part or on NLMSG_DONE).
  [[nodiscard]] bool interrupted() const { return interrupted_; }

 private:
  std::uint32_t sequence_;
  OnMessage on_message_;
  bool interrupted_ = false;
};

/// A request under construction: header, fixed part, attributes. Small and fixed, since ours are.
class Request {
 public:
  Request(std::uint16_t type, std::uint16_t flags);

  void put_generic_header(std::uint8_t command, std::uint8_t version);
  void put_bytes(std::span<const std::byte> fixed);
  void put_u32(std::uint16_t type, std::uint32_t value);
  void put_attribute(std::uint16_t type, std::span<const std::byte> value);
  void put_string(std::uint16_t type, std::string_view value);
  /// Starts a nested attribute; everything put until end_nest lies in it.
  void begin_nest(std::uint16_t type);
  void end_nest();
  /// The kernel is to send only what the fixed part and the attributes of a dump ask for
  /// (NETLINK_GET_STRICT_CHK, since Linux 4.20). Older kernels send everything all the same.
  void filter_strictly() { strict_ = true; }
  [[nodiscard]] bool is_strict() const { return strict_; }

  [[nodiscard]] std::span<const std::byte> bytes() const;
  [[nodiscard]] std::uint32_t sequence() const;

 private:
  alignas(8) std::byte buffer_[512] = {};
  std::size_t nest_ = 0;
  bool strict_ = false;
};

/// Asks the kernel once, on a socket of its own in the calling thread's network namespace, and
/// reads the answer until it is complete. A socket a question: a dump that failed midway cannot
/// disturb the next one. Every received byte is wiped before return, since WireGuard's answers
/// carry private keys.
///
/// The kernel fills the first block within the call that sends the question, waiting for locks if
/// it must; that wait has no deadline. Everything after it ends at `deadline`.
/// @param buffer  at least kReceiveBufferSize; reused between calls.
/// @returns timeout; interrupted, when the answer is complete but inconsistent; what
/// DumpReader::feed returns.
Result<> ask_kernel(int protocol, const Request& request, Instant deadline,
                    std::span<std::byte> buffer, const OnMessage& on_message);

}  // namespace wgscope::netlink
