#pragma once

#include <optional>
#include <string_view>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"

// What an endpoint's address tells before anything is sent to it.

namespace wgscope::diagnosis {

/// Why no gateway can have this address: a sentence that goes on after the address, "is a multicast
/// address". Nothing where one can.
std::optional<Words> why_no_gateway(const Endpoint& endpoint);

/// What is found where `host` cannot be a gateway.
/// @param why  goes on after the host. @param from_name  the host is what a name resolves to.
Finding endpoint_unusable(const Text& host, const Text& why, bool from_name = false);

}  // namespace wgscope::diagnosis
