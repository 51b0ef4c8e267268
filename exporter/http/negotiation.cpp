#include "exporter/http/negotiation.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string_view>
#include <system_error>

#include "wgscope/base/text.hpp"
#include "wgscope/base/time.hpp"

#include "exporter/exposition/writer.hpp"

namespace wgscope::exporter {
namespace {

constexpr std::string_view kTextType = "text/plain; version=0.0.4; charset=utf-8";
constexpr std::string_view kOpenMetrics1 =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";
constexpr std::string_view kOpenMetrics0 =
    "application/openmetrics-text; version=0.0.1; charset=utf-8";

/// Cuts the part before the next `separator` off the front; quoted strings are not used in the
/// headers read here.
std::string_view take_part(std::string_view& text, char separator) {
  const std::size_t size = std::min(text.find(separator), text.size());
  const std::string_view part = trim(text.substr(0, size));
  text.remove_prefix(std::min(size + 1, text.size()));
  return part;
}

std::optional<double> parse_decimal(std::string_view text) {
  double value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

/// One element of Accept or Accept-Encoding: `range;a=b;q=0.5`.
struct Element {
  std::string_view range;
  std::string_view version;  ///< of the parameter named so
  double q = 1;              ///< 0 for one that is malformed: it is then not used
};

Element take_element(std::string_view& header) {
  std::string_view text = take_part(header, ',');
  Element element;
  element.range = take_part(text, ';');
  while (!text.empty()) {
    std::string_view value = take_part(text, ';');
    const std::string_view name = take_part(value, '=');
    value = trim(value);
    if (iequals(name, "q"))
      element.q = std::clamp(parse_decimal(value).value_or(0), 0.0, 1.0);
    else if (iequals(name, "version"))
      element.version = value;
  }
  return element;
}

}  // namespace

Negotiated negotiate_format(std::string_view accept) {
  struct Preference {
    double q = -1;
    int precision = -1;  ///< 2 the type itself, 1 type/*, 0 */*
    void offer(const Element& element, int how_precise) {
      if (how_precise > precision || (how_precise == precision && element.q > q)) {
        precision = how_precise;
        q = element.q;
      }
    }
  };
  Preference text;
  Preference openmetrics;
  std::string_view openmetrics_type = kOpenMetrics1;
  while (!accept.empty()) {
    const Element element = take_element(accept);
    if (iequals(element.range, "*/*")) {
      text.offer(element, 0);
    } else if (iequals(element.range, "text/*")) {
      text.offer(element, 1);
    } else if (iequals(element.range, "text/plain")) {
      // Text 1.0.0 is 0.0.4 with more freedom in names, which we do not use.
      text.offer(element, 2);
    } else if (iequals(element.range, "application/openmetrics-text")) {
      const bool old = element.version == "0.0.1";
      if (!old && element.version != "1.0.0" && !element.version.empty()) continue;
      const double before = openmetrics.q;
      openmetrics.offer(element, 2);
      if (openmetrics.q != before) openmetrics_type = old ? kOpenMetrics0 : kOpenMetrics1;
    }
  }
  if (openmetrics.q > 0 && openmetrics.q >= text.q) return {Format::openmetrics, openmetrics_type};
  return {Format::text, kTextType};
}

bool accepts_gzip(std::string_view accept_encoding) {
  std::optional<double> gzip;
  std::optional<double> any;
  std::optional<double> identity;
  while (!accept_encoding.empty()) {
    const Element element = take_element(accept_encoding);
    if (iequals(element.range, "gzip") || iequals(element.range, "x-gzip"))
      gzip = std::max(gzip.value_or(0), element.q);
    else if (element.range == "*")
      any = element.q;
    else if (iequals(element.range, "identity"))
      identity = element.q;
  }
  const double wanted = gzip.value_or(any.value_or(0));
  return wanted > 0 && wanted >= identity.value_or(0);
}

std::optional<Nanoseconds> scrape_timeout(std::string_view header) {
  const auto seconds = parse_decimal(trim(header));
  constexpr double kMost = 3600;
  if (!seconds || !(*seconds > 0) || *seconds > kMost) return std::nullopt;
  // A fifth, and at most half a second, is left for rendering, sending and the way.
  const double reserve = std::min(0.5, *seconds / 5);
  return std::chrono::duration_cast<Nanoseconds>(std::chrono::duration<double>(*seconds - reserve));
}

}  // namespace wgscope::exporter
