// Answers of routers, by NAT-PMP and PCP.

#include "wgscope/wire/port_control.hpp"

#include <cstddef>
#include <cstdint>

#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wgscope;
  const auto read = wire::parse_port_control(fuzz::as_bytes(data, size));
  if (!read) return 0;
  using Protocol = wire::PortControlAnswer::Protocol;
  WGSCOPE_PROMISE(size >= 8);
  WGSCOPE_PROMISE(read->outer.has_value() == (read->protocol == Protocol::nat_pmp &&
                                              read->result == wire::kPortControlSuccess));
  WGSCOPE_PROMISE(!read->outer || (size >= 12 && read->outer->family == Family::v4));
  WGSCOPE_PROMISE((read->version == 0) == (read->protocol == Protocol::nat_pmp));
  return 0;
}
