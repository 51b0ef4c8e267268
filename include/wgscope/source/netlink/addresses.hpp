#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::netlink {

/// An address of an interface.
struct InterfaceAddress {
  Prefix address;             ///< with its host bits; of a point-to-point link, our own end
  std::uint32_t ifindex = 0;  ///< of the interface that has it

  friend bool operator==(const InterfaceAddress&, const InterfaceAddress&) = default;
};

/// Decodes one RTM_NEWADDR message: `payload` starts at struct ifaddrmsg.
/// @returns truncated, bad_length (also of an address that is missing, of a length that the family
/// does not have, and of a family that is not IP). Source: uapi/linux/if_addr.h, rtnetlink(7).
Result<InterfaceAddress> decode_address(std::span<const std::byte> payload);

/// The addresses of one interface of the calling thread's network namespace, of both families.
/// Needs no capability. Interrupted dumps are repeated up to kDumpAttempts times in all.
/// @returns interrupted, what ask_kernel returns.
Result<std::vector<Prefix>> list_addresses(std::uint32_t ifindex, Instant deadline,
                                           std::span<std::byte> buffer);

}  // namespace wgscope::netlink
