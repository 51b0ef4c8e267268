#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "wgscope/diagnosis/report.hpp"

namespace wgscope::diagnosis {

/// What diagnose() looks at, by meaning, in the order of layers.
enum class HandshakeCheck : std::uint8_t {
  key_use,
  key_stamp,
  clock,
  name_resolve,
  name_addresses,
  path_mark,
  path_send,
  path_icmp,
  handshake_response,
  handshake_cookie,
  handshake_preshared_key,
  handshake_responder,
  tunnel_data,
  tunnel_hold,
};

/// A row of the table of the handshake's checks. Names are what people, pipelines and test reports
/// know a check by: they are added, never renamed.
struct HandshakeCheckKind {
  HandshakeCheck key;
  std::string_view name;  ///< "handshake.response"
  Layer layer;
  /// Whether the question "does the tunnel work" hangs on it. A single check may be less: of an
  /// address that others make up for, or where there was nothing to try.
  bool essential;
  std::string_view question;  ///< what it answers
};

std::span<const HandshakeCheckKind> handshake_check_kinds();
const HandshakeCheckKind& kind_of(HandshakeCheck check);

}  // namespace wgscope::diagnosis
