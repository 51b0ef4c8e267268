#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/inner/http.hpp"

namespace wgscope::inner {
namespace {

// A chunk's size with its extensions, and a trailer's line: neither is kept.
constexpr std::size_t kLongestLine = 4096;

/// All of `text` as a number in that base.
std::optional<std::uint64_t> parse_number(std::string_view text, int base) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// RFC 9110 §5.6.2.
bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

Result<> HttpAnswer::feed(std::span<const std::byte> bytes) {
  while (!bytes.empty() && !complete()) {
    if (!reads_lines()) {
      bytes = bytes.subspan(take_body(bytes));
      continue;
    }
    bool whole = false;
    bytes = bytes.subspan(take_line(bytes, whole));
    const bool in_head = state_ == State::status_line || state_ == State::header_lines;
    if (in_head ? head_used_ + line_.size() > limits_.head : line_.size() > kLongestLine)
      return fail(Errc::too_large, "the header of the HTTP answer is too long");
    if (!whole) break;
    if (in_head) head_used_ += line_.size();
    std::string_view line = line_;
    line.remove_suffix(line.ends_with("\r\n") ? 2 : 1);
    if (auto handled = handle_line(line); !handled) return handled;
    line_.clear();
  }
  return {};
}

Result<> HttpAnswer::finish() {
  if (state_ == State::endless_body) state_ = State::complete;
  if (!complete())
    return fail(Errc::truncated, "the connection ended in the middle of the HTTP answer");
  return {};
}

std::optional<std::string_view> HttpAnswer::header(std::string_view name) const {
  for (const HttpHeader& header : headers_)
    if (iequals(header.name, name)) return header.value;
  return std::nullopt;
}

bool HttpAnswer::reads_lines() const {
  return state_ != State::sized_body && state_ != State::endless_body && state_ != State::chunk;
}

/// Adds to the line up to its end, or to what is too long for one. @returns the bytes used.
std::size_t HttpAnswer::take_line(std::span<const std::byte> bytes, bool& whole) {
  const std::string_view text = as_text(bytes);
  const std::size_t end = text.find('\n');
  whole = end != std::string_view::npos;
  const std::size_t used = whole ? end + 1 : text.size();
  line_.append(text.substr(0, used));
  return used;
}

Result<> HttpAnswer::handle_line(std::string_view line) {
  switch (state_) {
    case State::status_line: return read_status(line);
    case State::header_lines: return line.empty() ? begin_body() : read_header(line);
    case State::chunk_size: return read_chunk_size(line);
    case State::chunk_end:
      if (!line.empty())
        return fail(Errc::bad_value, "an HTTP chunk is longer than its stated size");
      state_ = State::chunk_size;
      return {};
    default:  // trailer
      if (line.empty()) state_ = State::complete;
      return {};
  }
}

/// "HTTP/1.1 200 OK"; the reason may be missing.
Result<> HttpAnswer::read_status(std::string_view line) {
  constexpr std::string_view kVersion = "HTTP/1.";
  constexpr std::size_t kStatusAt = kVersion.size() + 2;
  const bool has_reason = line.size() > kStatusAt + 3;
  const auto status =
      line.size() >= kStatusAt + 3 ? parse_number(line.substr(kStatusAt, 3), 10) : std::nullopt;
  if (!line.starts_with(kVersion) || !status || *status < 100 || line[kStatusAt - 1] != ' ' ||
      (has_reason && line[kStatusAt + 3] != ' '))
    return fail(Errc::bad_value, "not an HTTP/1 answer: '" + printable(line) + "'");
  status_ = static_cast<int>(*status);
  reason_ = has_reason ? line.substr(kStatusAt + 4) : std::string_view{};
  state_ = State::header_lines;
  return {};
}

Result<> HttpAnswer::read_header(std::string_view line) {
  const std::size_t colon = std::min(line.find(':'), line.size());
  if (colon == line.size() || !is_token(line.substr(0, colon)))
    return fail(Errc::bad_value, "not an HTTP header: '" + printable(line) + "'");
  headers_.push_back(
      {std::string(line.substr(0, colon)), std::string(trim(line.substr(colon + 1)))});
  return {};
}

/// RFC 9112 §6.3.
Result<> HttpAnswer::begin_body() {
  if (status_ < 200 && status_ != 101) {
    headers_.clear();
    state_ = State::status_line;
    return {};
  }
  head_complete_ = true;
  bool chunked = false;
  std::optional<std::uint64_t> size;
  for (const HttpHeader& header : headers_) {
    if (iequals(header.name, "Transfer-Encoding")) {
      if (chunked || !iequals(header.value, "chunked"))
        return fail(Errc::bad_value, "the HTTP transfer encoding is not supported");
      chunked = true;
    }
    if (!iequals(header.name, "Content-Length")) continue;
    const auto said = parse_number(header.value, 10);
    if (!said || (size && size != said))
      return fail(Errc::bad_value, "the HTTP answer has no single valid content length");
    size = said;
  }
  left_ = size.value_or(0);
  if (status_ == 101 || status_ == 204 || status_ == 304)
    state_ = State::complete;
  else if (chunked)
    state_ = State::chunk_size;
  else if (size)
    state_ = left_ == 0 ? State::complete : State::sized_body;
  else
    state_ = State::endless_body;
  return {};
}

Result<> HttpAnswer::read_chunk_size(std::string_view line) {
  const std::string_view digits = trim(line.substr(0, line.find(';')));
  const auto size = parse_number(digits, 16);
  if (!size) return fail(Errc::bad_value, "not a valid HTTP chunk size: '" + printable(line) + "'");
  left_ = *size;
  state_ = left_ == 0 ? State::trailer : State::chunk;
  return {};
}

std::size_t HttpAnswer::take_body(std::span<const std::byte> bytes) {
  std::size_t used = bytes.size();
  if (state_ != State::endless_body) {
    used = static_cast<std::size_t>(std::min<std::uint64_t>(left_, used));
    left_ -= used;
    if (left_ == 0) state_ = state_ == State::chunk ? State::chunk_end : State::complete;
  }
  const std::size_t kept = std::min(used, limits_.body - std::min(limits_.body, body_.size()));
  body_.append(as_text(bytes.first(kept)));
  body_size_ += used;
  return used;
}

}  // namespace wgscope::inner
