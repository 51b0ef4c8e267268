#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/inner/http.hpp"
#include "wgscope/inner/tcp.hpp"

namespace wgscope::inner {
namespace {

/// What would end a word, a line or a header has no place in a request.
bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace

HttpGet::HttpGet(Host& host, const HttpRequest& request, Instant now)
    : host_(&host),
      to_(request.to),
      head_only_(request.head_only),
      unsent_(fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: wgscope\r\nAccept: */*\r\n"
                          "Connection: close\r\n\r\n",
                          request.path, request.host)),
      answer_(request.limits),
      started_(now),
      deadline_(now + request.timeout) {
  assert(request.timeout > Nanoseconds{0});
}

HttpGet::HttpGet(HttpGet&& other) noexcept
    : host_(std::exchange(other.host_, nullptr)),
      to_(other.to_),
      id_(other.id_),
      open_(std::exchange(other.open_, false)),
      head_only_(other.head_only_),
      unsent_(std::move(other.unsent_)),
      answer_(std::move(other.answer_)),
      started_(other.started_),
      deadline_(other.deadline_),
      result_(std::move(other.result_)),
      connected_after_(other.connected_after_),
      first_byte_after_(other.first_byte_after_),
      complete_after_(other.complete_after_) {}

HttpGet::~HttpGet() {
  if (open_) host_->tcp().close(id_);
}

Result<HttpGet> HttpGet::start(Instant now, Host& host, const HttpRequest& request) {
  if (request.host.empty() || !request.path.starts_with('/') || !is_plain(request.host) ||
      !is_plain(request.path))
    return fail(Errc::bad_value, fmt::format("not an HTTP host and path: '{}' '{}'",
                                             printable(request.host), printable(request.path)));
  HttpGet get(host, request, now);
  auto id = host.tcp().connect(now, request.to, request.timeout);
  if (!id) return tl::unexpected(std::move(id.error()));
  get.id_ = *id;
  get.open_ = true;
  return get;
}

bool HttpGet::handle_event(Instant now, const Event& event) {
  if (const auto* up = std::get_if<TcpConnected>(&event); up != nullptr && up->id == id_) {
    connected_after_ = now - started_;
    send_rest();
    return true;
  }
  if (const auto* room = std::get_if<TcpWritable>(&event); room != nullptr && room->id == id_) {
    send_rest();
    return true;
  }
  if (const auto* data = std::get_if<TcpReadable>(&event); data != nullptr && data->id == id_) {
    receive(now);
    return true;
  }
  if (const auto* end = std::get_if<TcpFinished>(&event); end != nullptr && end->id == id_) {
    handle_end(now, TcpEnd::closed);
    return true;
  }
  if (const auto* end = std::get_if<TcpEnded>(&event); end != nullptr && end->id == id_) {
    handle_end(now, end->why);
    return true;
  }
  return false;
}

void HttpGet::send_rest() {
  if (!open_) return;
  const std::size_t sent = host_->tcp().send(id_, std::as_bytes(std::span(unsent_)));
  unsent_.erase(0, sent);
}

void HttpGet::receive(Instant now) {
  std::array<std::byte, 4096> buffer{};
  while (open_) {
    const std::size_t count = host_->tcp().receive(id_, buffer);
    if (count == 0) return;
    if (!first_byte_after_) first_byte_after_ = now - started_;
    auto fed = answer_.feed(std::span(buffer).first(count));
    // A body that contradicts itself or is encoded in an unknown way is a body all the same.
    if (answer_.complete() || (head_only_ && answer_.head_complete()))
      settle(now, std::move(answer_));
    else if (!fed)
      settle(now, tl::unexpected(std::move(fed.error())));
  }
}

void HttpGet::handle_end(Instant now, TcpEnd why) {
  receive(now);
  if (result_) return;
  const std::string where = to_.to_string();
  switch (why) {
    case TcpEnd::closed:
      if (auto finished = answer_.finish(); !finished)
        settle(now, tl::unexpected(std::move(finished.error())));
      else
        settle(now, std::move(answer_));
      return;
    case TcpEnd::refused: return settle(now, fail(Errc::refused, where + ": connection refused"));
    case TcpEnd::reset:
      return settle(now, fail(Errc::refused,
                              where + ": the connection ended in the middle of the HTTP answer"));
    case TcpEnd::timed_out:
      return settle(now, fail(Errc::timeout, where + ": TCP connection timed out"));
  }
}

void HttpGet::settle(Instant now, Result<HttpAnswer> result) {
  const bool body_follows = result && !result->complete();
  if (result) complete_after_ = now - started_;
  result_.emplace(std::move(result));
  if (!std::exchange(open_, false)) return;
  body_follows ? host_->tcp().abort(id_) : host_->tcp().close(id_);
}

std::optional<Instant> HttpGet::next_timeout() const {
  if (result_) return std::nullopt;
  return deadline_;
}

void HttpGet::handle_timeout(Instant now) {
  if (result_ || now < deadline_) return;
  settle(now, fail(Errc::timeout,
                   fmt::format("{}: {}", to_.to_string(),
                               connected_after_ ? "connected, but there was no HTTP answer"
                                                : "the TCP connection timed out")));
}

}  // namespace wgscope::inner
