#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::wire {

/// Record types (RFC 1035 §3.2.2, RFC 3596).
enum class DnsType : std::uint16_t { a = 1, cname = 5, ptr = 12, aaaa = 28 };

/// Response codes (RFC 1035 §4.1.1). Others are values without a name.
enum class DnsRcode : std::uint8_t {
  no_error = 0,
  format_error = 1,
  server_failure = 2,
  no_such_name = 3,
  not_implemented = 4,
  refused = 5,
};

/// The code in DNS notation: "NXDOMAIN"; "RCODE11" for one without a name.
std::string to_string(DnsRcode code);

struct DnsQuestion {
  std::string name;  ///< such as "example.org"; a dot at its end makes no difference
  DnsType type = DnsType::a;
};

/// The question for the names of an address: "1.2.0.192.in-addr.arpa" (RFC 1035 §3.5, 3596 §2.5).
DnsQuestion reverse_question(const IpAddress& address);

/// Writes a query with recursion desired, for one UDP datagram.
/// @returns bad_value when the name is invalid: empty, a label that is empty or above 63 bytes,
/// above 253 in all, with blanks, backslashes or bytes outside ASCII.
Result<std::vector<std::byte>> build_dns_query(std::uint16_t id, const DnsQuestion& question);

struct DnsAnswer {
  DnsRcode rcode = DnsRcode::no_error;
  /// The TC bit: the whole answer is longer, and only TCP would carry it.
  bool truncated = false;
  /// What the name came to behind the message's CNAMEs; the name asked for where there are none.
  std::string canonical_name;
  std::vector<IpAddress> addresses;  ///< answers to A and AAAA questions, in the message's order
  /// Answers to PTR questions; odd bytes as \DDD (RFC 1035 §5.1).
  std::vector<std::string> names;
  /// The least of all records that were used; nothing: none was.
  std::optional<std::uint32_t> ttl_seconds;
};

/// Reads an answer. CNAMEs are followed within the message, compression pointers only backwards.
/// @returns bad_value if this is not an answer with this id to this question, and for names that
/// are too long or loop; truncated if records end early although TC is not set.
Result<DnsAnswer> parse_dns_answer(std::span<const std::byte> message, std::uint16_t id,
                                   const DnsQuestion& question);

}  // namespace wgscope::wire
