#include "wgscope/endpoint/measuring_service.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "wgscope/base/time.hpp"
#include "wgscope/inner/host.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/wire/ip.hpp"
#include "wgscope/wire/measuring.hpp"
#include "wgscope/wire/message.hpp"
#include "wgscope/wire/udp.hpp"

namespace wgscope::endpoint {
namespace {

std::size_t outer_headers(Family family) {
  return wire::ip_header_size(family) + wire::kUdpHeaderSize;
}

/// The smallest datagram that carries an answer, IP header included.
std::size_t least_answer(Family outer, Family inner) {
  return outer_headers(outer) + wire::kTransportOverhead +
         wire::udp_packet_size(inner, wire::kMeasuringAnswerSize);
}

std::uint16_t saturated(std::size_t size) {
  return static_cast<std::uint16_t>(std::min<std::size_t>(size, UINT16_MAX));
}

bool is_host(const IpAddress& address) {
  return !wire::is_unspecified(address) && !wire::is_multicast(address) &&
         !wire::is_loopback(address) && !wire::is_mapped(address);
}

void write_packet(MeasuringService::Outgoing& out) {
  const auto payload = wire::build_measuring_answer(out.answer);
  out.packet_size = wire::udp_packet_size(out.header.source.family, payload.size());
  wire::write_udp_packet(std::span(out.bytes).first(out.packet_size), out.header,
                         {.source = wire::kMeasuringPort, .destination = out.port}, payload);
}

}  // namespace

bool MeasuringService::handle_packet(Instant now, const inner::Host& host, const Arrived& arrived) {
  const auto packet = wire::parse_ip(arrived.packet);
  // What is not whole, or not for this host, is the host's to refuse.
  if (!packet || packet->protocol != wire::Protocol::udp || packet->fragment || packet->routed_on ||
      !wire::ipv4_header_intact(*packet) || !host.is_own(packet->destination) ||
      host.is_own(packet->source) || !is_host(packet->source))
    return false;
  const auto datagram = wire::parse_udp(*packet);
  if (!datagram || datagram->ports.destination != wire::kMeasuringPort) return false;
  take_request(now, arrived, *packet);
  return true;
}

void MeasuringService::take_request(Instant now, const Arrived& arrived,
                                    const wire::IpPacket& packet) {
  ++stats_.requests;
  const auto datagram = wire::parse_udp(packet);
  const auto request = wire::parse_measuring_request(datagram->payload);
  const Family outer = arrived.from.address.family;
  const std::size_t least = least_answer(outer, packet.source.family);
  const bool sound = request && datagram->ports.source != 0 &&
                     (request->answer_size == 0 ||
                      (request->answer_size >= least && request->answer_size <= kLargestAnswer));
  if (!sound) {
    ++stats_.malformed;
    return;
  }
  Asker& asker = askers_[arrived.peer.value];
  const auto size = std::max(request->answer_size, saturated(least));
  if (waiting_.size() >= kMostWaiting || !asker.bytes.take(now, size)) {
    ++stats_.limited;
    return;
  }
  asker.from = arrived.from;
  Outgoing out{.to = arrived.from,
               .header = {.source = packet.destination, .destination = packet.source},
               .port = datagram->ports.source,
               .answer = {.serial = request->serial,
                          .answer_size = request->answer_size,
                          .asker = arrived.from,
                          .request_size = saturated(arrived.datagram_size + outer_headers(outer)),
                          .largest_fragment = std::nullopt,
                          .refused_above = std::nullopt,
                          .largest_answer = kLargestAnswer,
                          .report = std::nullopt}};
  if (arrived.largest_fragment) out.answer.largest_fragment = saturated(*arrived.largest_fragment);
  if (asker.report && now < asker.reported + kReportLife) out.answer.report = asker.report;
  if (request->answer_size != 0) out.datagram_size = request->answer_size - outer_headers(outer);
  write_packet(out);
  waiting_.push_back(out);
}

bool MeasuringService::handle_too_big(Instant now, const Endpoint& destination,
                                      const wire::MeasuringReport& said) {
  const auto found = std::ranges::find_if(
      askers_, [&](const auto& entry) { return entry.second.from == destination; });
  if (found == askers_.end() || now >= found->second.bytes.last() + kReportLife) return false;
  found->second.report = said;
  found->second.reported = now;
  return true;
}

std::optional<MeasuringService::Outgoing> MeasuringService::poll_answer() {
  if (waiting_.empty()) return std::nullopt;
  const Outgoing out = waiting_.front();
  waiting_.pop_front();
  ++stats_.answers;
  return out;
}

MeasuringService::Outgoing MeasuringService::refused(const Outgoing& answer, std::uint16_t limit) {
  Outgoing small = answer;
  small.datagram_size = 0;
  small.answer.refused_above = limit;
  write_packet(small);
  return small;
}

}  // namespace wgscope::endpoint
