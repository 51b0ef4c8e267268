#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::os {

/// The endpoints that a name or an address stands for, as getaddrinfo(3) finds them: in the order
/// in which they should be tried (RFC 6724), each once. Waits for name servers, for many seconds if
/// they are silent. From any thread.
/// @param host  a name, or an address without brackets; a link-local one with its zone
/// ("fe80::1%eth0"), which becomes the endpoints' scope_id.
/// @param family  absent: both.
/// @returns bad_value (there is no such name, or it has no address of the family), timeout (no name
/// server answered), io.
Result<std::vector<Endpoint>> resolve(const std::string& host, std::uint16_t port,
                                      std::optional<Family> family = std::nullopt);

}  // namespace wgscope::os
