#include "exporter/http/request_head.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "wgscope/base/text.hpp"

namespace wgscope::exporter::http {
namespace {

constexpr HeadVerdict kTooLong{HeadState::refused, 0, Refusal::bad_head, 431,
                               "431 request line and headers are longer than 8192 bytes\n"};
constexpr HeadVerdict kNoRequest{HeadState::refused, 0, Refusal::bad_head, 400,
                                 "400 this is not an HTTP request\n"};
constexpr HeadVerdict kTls{HeadState::refused, 0, Refusal::bad_head, 400,
                           "400 this port speaks HTTP, not HTTPS\n"};
constexpr HeadVerdict kVersion{HeadState::refused, 0, Refusal::bad_head, 505,
                               "505 only HTTP/1.0 and HTTP/1.1\n"};
constexpr HeadVerdict kNoPath{HeadState::refused, 0, Refusal::bad_head, 400,
                              "400 ask for a path, such as /metrics: this is not a proxy\n"};
constexpr HeadVerdict kNoOptions{HeadState::refused, 0, Refusal::bad_head, 405,
                                 "405 only GET and HEAD\n"};
constexpr HeadVerdict kBody{HeadState::refused, 0, Refusal::body, 413,
                            "413 requests with a body are not accepted\n"};

constexpr unsigned char kTlsHandshake = 22;  // ContentType of a ClientHello: RFC 8446 §5.1

/// The length of the head, the empty line at its end included; npos: it has not ended yet. A line
/// may end without a carriage return (RFC 9112 §2.2).
std::size_t head_size(std::string_view bytes) {
  for (std::size_t at = bytes.find('\n'); at != std::string_view::npos;
       at = bytes.find('\n', at + 1)) {
    const std::string_view rest = bytes.substr(at + 1);
    if (rest.starts_with('\n')) return at + 2;
    if (rest.starts_with("\r\n")) return at + 3;
  }
  return std::string_view::npos;
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t' && c != '\r' && c != '\n') || byte == 0x7f;
}

/// Methods are capital letters in all that a server has to know (RFC 9110 §9).
bool begins_like_a_request(std::string_view bytes) {
  const std::string_view method = bytes.substr(0, bytes.find(' '));
  constexpr std::size_t kLongestMethod = 32;
  return method.size() <= kLongestMethod &&
         std::ranges::all_of(method, [](char c) { return c >= 'A' && c <= 'Z'; });
}

/// METHOD SP TARGET SP VERSION (RFC 9112 §3). A target is a path: of the other forms, "*" goes with
/// OPTIONS, and an absolute one is for a proxy.
HeadVerdict judge_request_line(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  const std::size_t first = line.find(' ');
  const std::size_t second = line.find(' ', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos) return kNoRequest;
  const std::string_view target = line.substr(first + 1, second - first - 1);
  const std::string_view version = line.substr(second + 1);
  if (!version.starts_with("HTTP/")) return kNoRequest;
  if (version != "HTTP/1.0" && version != "HTTP/1.1") return kVersion;
  if (target == "*") return kNoOptions;
  if (!target.starts_with('/')) return kNoPath;
  return {HeadState::whole};
}

/// Whether a header announces a body, or is none.
HeadVerdict judge_header(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == 0 || colon == std::string_view::npos) return kNoRequest;
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trim(line.substr(colon + 1));
  if (iequals(name, "transfer-encoding")) return kBody;
  if (iequals(name, "content-length") &&
      (value.empty() || value.find_first_not_of('0') != std::string_view::npos))
    return kBody;
  return {HeadState::whole};
}

}  // namespace

std::string_view to_string(Refusal refusal) {
  switch (refusal) {
    case Refusal::per_address: return "per_address";
    case Refusal::total: return "total";
    case Refusal::head_timeout: return "head_timeout";
    case Refusal::slow_reader: return "slow_reader";
    case Refusal::bad_head: return "bad_head";
    case Refusal::body: return "body";
    case Refusal::tls: return "tls";
  }
  return "";
}

HeadVerdict judge_head(std::string_view bytes) {
  if (bytes.empty()) return {};
  if (static_cast<unsigned char>(bytes.front()) == kTlsHandshake) return kTls;
  if (!begins_like_a_request(bytes)) return kNoRequest;
  const std::size_t size = head_size(bytes);
  if (std::ranges::any_of(bytes.substr(0, size), is_control)) return kNoRequest;
  if (size == std::string_view::npos)
    return bytes.size() < kMaxRequestHead ? HeadVerdict{} : kTooLong;
  if (size > kMaxRequestHead) return kTooLong;

  const HeadVerdict line = judge_request_line(bytes.substr(0, bytes.find('\n')));
  if (line.state != HeadState::whole) return line;
  std::string_view head = bytes.substr(bytes.find('\n') + 1);
  head = head.substr(0, size - (bytes.size() - head.size()));
  while (!head.empty()) {
    const std::size_t end = head.find('\n');
    const std::string_view header = trim(head.substr(0, end));
    head.remove_prefix(end + 1);
    if (header.empty()) continue;
    const HeadVerdict verdict = judge_header(header);
    if (verdict.state != HeadState::whole) return verdict;
  }
  return {HeadState::whole, size};
}

}  // namespace wgscope::exporter::http
