// Accept, Accept-Encoding and X-Prometheus-Scrape-Timeout-Seconds, as any client may send them.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "wgscope/base/time.hpp"

#include "exporter/exposition/writer.hpp"
#include "exporter/http/negotiation.hpp"
#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wgscope;
  const std::string_view header = fuzz::as_text(data, size);
  const exporter::Negotiated negotiated = exporter::negotiate_format(header);
  WGSCOPE_PROMISE(negotiated.content_type.starts_with(negotiated.format == exporter::Format::text
                                                          ? "text/plain;"
                                                          : "application/openmetrics-text;"));
  // Whoever does not name OpenMetrics does not get it: it would not be understood.
  WGSCOPE_PROMISE(negotiated.format == exporter::Format::text ||
                  size >= std::string_view("application/openmetrics-text").size());
  WGSCOPE_PROMISE(!exporter::accepts_gzip("") && (!exporter::accepts_gzip(header) || size > 0));

  const auto timeout = exporter::scrape_timeout(header);
  WGSCOPE_PROMISE(!timeout || (*timeout >= Nanoseconds(0) && *timeout < std::chrono::hours(1)));
  return 0;
}
