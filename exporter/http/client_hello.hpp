#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace wgscope::exporter::http {

/// The most bytes of a ClientHello that is waited for, its records' headers included. Browsers send
/// less than 2 KiB, also with keys that quantum computers do not break.
inline constexpr std::size_t kMaxClientHello = 8192;

enum class HelloState : std::uint8_t {
  incomplete,
  whole,
  http,     ///< an HTTP request, which gets a sentence that says so
  refused,  ///< anything else, or too long
};

/// Whether the first bytes of a connection are a whole ClientHello (RFC 8446 §4.1.2), which may be
/// spread over several records (§5.1). Only lengths are looked at: OpenSSL reads the rest.
HelloState judge_client_hello(std::string_view bytes);

}  // namespace wgscope::exporter::http
