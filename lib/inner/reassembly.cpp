#include "reassembly.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <list>
#include <optional>
#include <span>
#include <utility>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/wire/ip.hpp"

namespace wgscope::inner {
namespace {

/// Room for the header of the whole packet, before its payload.
constexpr std::size_t kHeaderRoom = wire::kIpv6HeaderSize;

std::size_t longest_payload(Family family) { return UINT16_MAX - wire::ip_header_size(family); }

}  // namespace

std::span<const std::byte> Reassembly::take(Instant now, const wire::IpPacket& piece) {
  expire(now);
  Datagram& datagram = find(now, piece);
  if (datagram.given_up) {
    ++dropped_;
    return {};
  }
  ++datagram.pieces;
  if (datagram.pieces > kMostPieces || !fits(datagram, piece)) {
    give_up(datagram);
    return {};
  }
  if (is_repeated(datagram, piece)) return {};
  copy(datagram, piece);
  if (datagram.given_up) {
    give_up(datagram);
    return {};
  }
  if (!datagram.end || datagram.received != *datagram.end) return {};
  const std::size_t header_size = wire::ip_header_size(datagram.source.family);
  whole_ = std::move(datagram.memory);
  const auto whole =
      std::span(whole_).subspan(kHeaderRoom - header_size, header_size + *datagram.end);
  wire::write_ip_header(whole, {.source = datagram.source,
                                .destination = datagram.destination,
                                .protocol = datagram.protocol,
                                .hop_limit = datagram.hop_limit});
  const auto done =
      std::ranges::find_if(datagrams_, [&](const Datagram& other) { return &other == &datagram; });
  datagrams_.erase(done);
  return whole;
}

void Reassembly::expire(Instant now) {
  while (!datagrams_.empty() && datagrams_.front().deadline <= now) forget(datagrams_.begin());
}

std::optional<Instant> Reassembly::next_timeout() const {
  if (datagrams_.empty()) return std::nullopt;
  return datagrams_.front().deadline;
}

Reassembly::Datagram& Reassembly::find(Instant now, const wire::IpPacket& piece) {
  const auto found = std::ranges::find_if(datagrams_, [&](const Datagram& one) {
    return one.id == piece.fragment->id && one.source == piece.source &&
           one.destination == piece.destination &&
           // Of IPv6, only the first piece tells what is inside.
           (piece.source.family == Family::v6 || one.protocol == piece.protocol);
  });
  if (found != datagrams_.end()) return *found;
  make_room(piece.source);
  Datagram& made = datagrams_.emplace_back();
  made.source = piece.source;
  made.destination = piece.destination;
  made.id = piece.fragment->id;
  made.protocol = piece.protocol;
  made.hop_limit = piece.hop_limit;
  made.deadline = now + kPatience;
  return made;
}

/// One sender's flood costs that sender's datagrams first.
void Reassembly::make_room(const IpAddress& source) {
  const auto of_source = [&](const Datagram& one) { return one.source == source; };
  if (std::cmp_greater_equal(std::ranges::count_if(datagrams_, of_source), kMostOfSource))
    forget(std::ranges::find_if(datagrams_, of_source));
  else if (datagrams_.size() >= kMost)
    forget(datagrams_.begin());
}

void Reassembly::forget(std::list<Datagram>::iterator datagram) {
  if (!datagram->given_up) dropped_ += datagram->pieces;
  datagrams_.erase(datagram);
}

/// Whether a piece can belong to the datagram, by where it begins and ends.
bool Reassembly::fits(const Datagram& datagram, const wire::IpPacket& piece) {
  const std::size_t begin = piece.fragment->offset_bytes;
  const std::size_t end = begin + piece.payload.size();
  if (piece.payload.empty() || end > longest_payload(piece.source.family)) return false;
  if (piece.fragment->more)
    return piece.payload.size() % kUnit == 0 && (!datagram.end || end < *datagram.end);
  const std::size_t known = datagram.memory.size() - std::min(datagram.memory.size(), kHeaderRoom);
  return datagram.end ? end == *datagram.end : end >= known;
}

/// Whether all of it came already, with the same bytes.
bool Reassembly::is_repeated(const Datagram& datagram, const wire::IpPacket& piece) {
  const std::size_t begin = piece.fragment->offset_bytes;
  const std::size_t end = begin + piece.payload.size();
  for (std::size_t unit = begin / kUnit; unit * kUnit < end; ++unit)
    if (!datagram.units[unit]) return false;
  return datagram.memory.size() >= kHeaderRoom + end &&
         std::memcmp(datagram.memory.data() + kHeaderRoom + begin, piece.payload.data(),
                     piece.payload.size()) == 0;
}

void Reassembly::copy(Datagram& datagram, const wire::IpPacket& piece) {
  const std::size_t begin = piece.fragment->offset_bytes;
  const std::size_t end = begin + piece.payload.size();
  for (std::size_t unit = begin / kUnit; unit * kUnit < end; ++unit) {
    if (datagram.units[unit]) {
      datagram.given_up = true;
      return;
    }
    datagram.units.set(unit);
  }
  if (!piece.fragment->more) datagram.end = end;
  if (begin == 0) {
    datagram.protocol = piece.protocol;
    datagram.hop_limit = piece.hop_limit;
  }
  if (datagram.memory.size() < kHeaderRoom + end) datagram.memory.resize(kHeaderRoom + end);
  std::memcpy(datagram.memory.data() + kHeaderRoom + begin, piece.payload.data(),
              piece.payload.size());
  datagram.received += piece.payload.size();
}

void Reassembly::give_up(Datagram& datagram) {
  datagram.given_up = true;
  dropped_ += datagram.pieces;
  datagram.memory = {};
}

}  // namespace wgscope::inner
