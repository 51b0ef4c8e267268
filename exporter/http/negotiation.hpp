#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "wgscope/base/time.hpp"

#include "exporter/exposition/writer.hpp"

namespace wgscope::exporter {

struct Negotiated {
  Format format = Format::text;
  std::string_view content_type;
};

/// The format that the client prefers among ours (RFC 9110 §12.5.1): the higher q of the most
/// specific range that matches, OpenMetrics where they are equal. Text 0.0.4 when nothing matches,
/// as every client of /metrics reads it.
/// @param accept  the Accept header's value, empty where there is none.
Negotiated negotiate_format(std::string_view accept);

/// Whether the answer may be compressed: gzip, x-gzip or * with q > 0, and not less than identity's
/// (RFC 9110 §12.5.3).
bool accepts_gzip(std::string_view accept_encoding);

/// The scrape timeout Prometheus announces (X-Prometheus-Scrape-Timeout-Seconds), less what sending
/// needs; nothing when it is absent or not a positive number.
std::optional<Nanoseconds> scrape_timeout(std::string_view header);

}  // namespace wgscope::exporter
