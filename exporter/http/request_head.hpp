#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace wgscope::exporter::http {

/// Why a connection was refused or cut. The names are label values of
/// wireguard_exporter_connections_refused_total and are never renamed.
enum class Refusal : std::uint8_t {
  per_address,   ///< its address has as many connections as one may have
  total,         ///< so have all addresses together
  head_timeout,  ///< its request did not arrive in time
  slow_reader,   ///< it read its answer too slowly
  bad_head,      ///< what arrived is no request, or too long
  body,          ///< a request with a body
  tls,           ///< no TLS connection could be agreed on, or a certificate is not accepted
};
inline constexpr std::size_t kRefusalCount = 7;
std::string_view to_string(Refusal refusal);

/// The most bytes of a request line and its headers together.
inline constexpr std::size_t kMaxRequestHead = 8192;

enum class HeadState : std::uint8_t { incomplete, whole, refused };

struct HeadVerdict {
  HeadState state = HeadState::incomplete;
  std::size_t size = 0;  ///< of what is whole: its bytes, the empty line at its end included
  // Of what is refused:
  Refusal reason = Refusal::bad_head;
  int status = 400;
  std::string_view text = {};  ///< a line for the client, without anything that it sent
};

/// Whether the first bytes of a connection are a request that can be answered: its head is there as
/// a whole, and it has no body (RFC 9112 §6). Scrapers send none, and a server that reads bodies to
/// their announced end waits as long as a client likes.
HeadVerdict judge_head(std::string_view bytes);

}  // namespace wgscope::exporter::http
