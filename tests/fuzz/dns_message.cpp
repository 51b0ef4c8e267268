// DNS answers: the first two bytes choose the question's type and the answer's identifier is what
// the message says, so that the records behind are reached.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "wgscope/base/bytes.hpp"
#include "wgscope/wire/dns.hpp"

#include "fuzz.hpp"

namespace {

bool is_shown(std::string_view name) {
  return std::ranges::all_of(name, [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wgscope;
  const auto bytes = fuzz::as_bytes(data, size);
  if (bytes.size() < 3) return 0;
  const wire::DnsType types[] = {wire::DnsType::a, wire::DnsType::aaaa, wire::DnsType::ptr,
                                 wire::DnsType::cname};
  const wire::DnsQuestion question{"www.example.org", types[data[0] % 4]};
  const auto message = bytes.subspan(1);
  const auto answer = wire::parse_dns_answer(message, load_be16(message.first<2>()), question);
  if (answer) {
    WGSCOPE_PROMISE(answer->addresses.size() + answer->names.size() <= size / 11);
    WGSCOPE_PROMISE(question.type == wire::DnsType::ptr || answer->names.empty());
    for (const IpAddress& address : answer->addresses)
      WGSCOPE_PROMISE((address.family == Family::v4) == (question.type == wire::DnsType::a));
    // Four characters for each of at most 255 bytes.
    WGSCOPE_PROMISE(answer->canonical_name.size() <= 1020);
    for (const std::string& name : answer->names)
      WGSCOPE_PROMISE(name.size() <= 1020 && is_shown(name));
  }

  // The bytes as a name.
  const std::string name(fuzz::as_text(data, size));
  if (const auto query = wire::build_dns_query(1, {name, wire::DnsType::a})) {
    WGSCOPE_PROMISE(query->size() <= 12 + 255 + 4);
    auto echoed = *query;
    echoed[2] |= std::byte{0x80};
    WGSCOPE_PROMISE(wire::parse_dns_answer(echoed, 1, {name, wire::DnsType::a}).has_value() ==
                    (name.find("..") == std::string::npos));
  }
  return 0;
}
