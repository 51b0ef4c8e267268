#include "wgscope/inner/dns_client.hpp"

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <variant>

#include <fmt/core.h>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/random.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/inner/host.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/wire/dns.hpp"
#include "wgscope/wire/icmp.hpp"
#include "wgscope/wire/ip.hpp"

namespace wgscope::inner {

DnsLookup::DnsLookup(Host& host, const Endpoint& server, wire::DnsQuestion question,
                     DnsLookupOptions options)
    : host_(&host), server_(server), question_(std::move(question)), options_(options) {
  assert(options.tries >= 1 && options.wait > Nanoseconds{0});
}

DnsLookup::DnsLookup(DnsLookup&& other) noexcept
    : host_(std::exchange(other.host_, nullptr)),
      server_(other.server_),
      question_(std::move(other.question_)),
      options_(other.options_),
      id_(other.id_),
      port_(std::exchange(other.port_, std::uint16_t{0})),
      query_(std::move(other.query_)),
      sent_(other.sent_),
      queries_(other.queries_),
      strays_(other.strays_),
      result_(std::move(other.result_)),
      round_trip_(other.round_trip_) {}

DnsLookup::~DnsLookup() {
  if (host_ != nullptr && port_ != 0) host_->close_udp(port_);
}

Result<DnsLookup> DnsLookup::start(Instant now, Host& host, Random& random, const Endpoint& server,
                                   const wire::DnsQuestion& question, DnsLookupOptions options) {
  std::array<std::byte, 2> id{};
  random.fill(id);
  DnsLookup lookup(host, server, question, options);
  lookup.id_ = load_be16(id);
  auto query = wire::build_dns_query(lookup.id_, question);
  if (!query) return tl::unexpected(std::move(query.error()));
  lookup.query_ = std::move(*query);
  auto port = host.bind_udp(0);
  if (!port) return tl::unexpected(std::move(port.error()));
  lookup.port_ = *port;
  if (auto sent = lookup.send(now); !sent) return tl::unexpected(std::move(sent.error()));
  return lookup;
}

Result<> DnsLookup::send(Instant now) {
  ++queries_;
  sent_ = now;
  return host_->send_udp({server_, port_}, query_);
}

bool DnsLookup::handle_event(Instant /*now*/, const Event& event) {
  if (const auto* received = std::get_if<UdpReceived>(&event)) {
    if (received->to_port != port_) return false;
    handle_answer(*received);
    return true;
  }
  if (const auto* failed = std::get_if<IcmpFailed>(&event)) {
    if (failed->about.protocol != wire::Protocol::udp || failed->about.source_port != port_)
      return false;
    handle_failure(*failed);
    return true;
  }
  return false;
}

void DnsLookup::handle_answer(const UdpReceived& received) {
  if (result_) return;  // an answer to an earlier try
  const bool from_server =
      received.from.address == server_.address && received.from.port == server_.port;
  auto answer = wire::parse_dns_answer(received.payload, id_, question_);
  if (!from_server || !answer) {
    ++strays_;  // the true answer may still come
    return;
  }
  round_trip_ = received.at - sent_;
  result_.emplace(std::move(*answer));
}

void DnsLookup::handle_failure(const IcmpFailed& failed) {
  if (result_ || failed.about.destination != server_.address ||
      failed.about.destination_port != server_.port)
    return;
  const bool closed = failed.kind == wire::IcmpKind::port_unreachable;
  result_.emplace(
      fail(closed ? Errc::refused : Errc::io,
           closed ? fmt::format("{}: no DNS server listens on this port", server_.to_string())
                  : fmt::format("{}: ICMP type {} code {} from {}", server_.to_string(),
                                failed.type, failed.code, failed.reporter.to_string())));
}

std::optional<Instant> DnsLookup::next_timeout() const {
  if (result_) return std::nullopt;
  return sent_ + options_.wait;
}

void DnsLookup::handle_timeout(Instant now) {
  if (result_ || now < sent_ + options_.wait) return;
  if (queries_ < options_.tries) {
    // A full queue has the effect of a lost packet: the next try follows anyway.
    static_cast<void>(send(now));
    return;
  }
  result_.emplace(fail(Errc::timeout, fmt::format("{}: no answer to {} DNS queries",
                                                  server_.to_string(), queries_)));
}

}  // namespace wgscope::inner
