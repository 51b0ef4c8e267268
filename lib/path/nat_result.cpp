#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "wgscope/model/address.hpp"
#include "wgscope/path/nat_behaviour.hpp"

// What a run has seen, and what that says of the NATs.

namespace wgscope::path {
namespace {

bool in_prefix(const IpAddress& address, std::uint32_t prefix, unsigned bits) {
  if (address.family != Family::v4) return false;
  std::uint32_t value = 0;
  for (const std::byte octet : address.octets())
    value = value << 8U | std::to_integer<std::uint32_t>(octet);
  return (value ^ prefix) >> (32 - bits) == 0;
}

}  // namespace

NatMapping mapping_of(const Endpoint& local, std::span<const MappingSeen> seen) {
  bool addresses = false;  // whether destinations with different addresses were asked
  bool ports = false;      // whether destinations with one address and different ports were asked
  bool differ = false;
  bool differ_by_port = false;
  const MappingSeen* first = nullptr;
  for (const MappingSeen& a : seen) {
    if (a.socket != NatSocket::main) continue;
    if (first == nullptr) first = &a;
    for (const MappingSeen& b : seen) {
      if (b.socket != NatSocket::main || a.destination == b.destination) continue;
      const bool same_address = a.destination.address == b.destination.address;
      (same_address ? ports : addresses) = true;
      if (a.mapped == b.mapped) continue;
      differ = true;
      differ_by_port = differ_by_port || same_address;
    }
  }
  if (first == nullptr) return NatMapping::not_known;
  if (differ_by_port) return NatMapping::address_and_port_dependent;
  // Where only outer addresses differ, those of two destinations may be the same by chance.
  const bool one_port = std::ranges::all_of(seen, [&](const MappingSeen& one) {
    return one.socket != NatSocket::main || one.mapped.port == first->mapped.port;
  });
  if (differ && ports && !one_port) return NatMapping::address_dependent;
  if (differ) return NatMapping::endpoint_dependent;
  if (first->mapped == local) return NatMapping::none;
  if (!addresses) return NatMapping::not_known;
  return first->mapped.port == local.port ? NatMapping::same_as_ports_are_kept
                                          : NatMapping::endpoint_independent;
}

PortKeeping port_keeping_of(const std::array<Endpoint, kNatSockets>& local,
                            std::span<const MappingSeen> seen) {
  bool kept = false;
  bool changed = false;
  for (const MappingSeen& mapping : seen) {
    const Endpoint& socket = local[static_cast<std::size_t>(mapping.socket)];
    (mapping.mapped.port == socket.port ? kept : changed) = true;
  }
  if (kept && changed) return PortKeeping::mixed;
  if (kept) return PortKeeping::kept;
  return changed ? PortKeeping::changed : PortKeeping::not_known;
}

// If silence were loss, the path would have lost every probe and few controls. Whatever the ratio
// of loss p is, it loses all n probes and at most k of n controls with a probability below 7e-5:
// the maximum over p of p^n * sum(i <= k) C(n,i) p^i (1-p)^(n-i), for each pair of n and k below.
bool NatBehaviour::silence_counts(const Controls& controls) const {
  const std::size_t lost = controls.sent - controls.answered;
  if (controls.sent < kProbesInRound) return false;
  if (controls.sent < 2 * kProbesInRound) return lost == 0;
  if (controls.sent < 3 * kProbesInRound) return lost <= 4;
  return lost <= 8;
}

NatFiltering NatBehaviour::filtering() const {
  if (!tester_ || others_[*tester_] == OtherAddress::ignored ||
      others_[*tester_] == OtherAddress::refused)
    return NatFiltering::not_known;
  if (probes_[kFilterBoth].seen) return NatFiltering::endpoint_independent;
  if (!probes_[kProofBoth].seen || !silence_counts(filter_controls_) ||
      !silence_counts(proof_controls_))
    return NatFiltering::not_known;
  if (probes_[kFilterPort].seen) return NatFiltering::address_dependent;
  return probes_[kProofPort].seen ? NatFiltering::address_and_port_dependent
                                  : NatFiltering::not_known;
}

std::optional<bool> NatBehaviour::hairpin(NatMapping mapping) const {
  if (probes_[kHairpin].seen || probes_[kHairpinBack].seen) return true;
  if (!probes_[kHairpin].wanted || changed_meanwhile_ || !silence_counts(main_controls_) ||
      !silence_counts(hairpin_controls_))
    return std::nullopt;
  // Each socket has sent to the mapping that the server saw of the other. Where mappings depend on
  // the destination, the filter of another mapping may have dropped these datagrams.
  if (mapping == NatMapping::endpoint_independent || probes_[kFilterBoth].seen) return false;
  if (mapping == NatMapping::same_as_ports_are_kept && !has_several_addresses()) return false;
  return std::nullopt;
}

bool NatBehaviour::has_several_addresses() const {
  const std::vector<MappingSeen> all = seen();
  return std::ranges::any_of(all, [&](const MappingSeen& mapping) {
    return mapping.mapped.address != all.front().mapped.address;
  });
}

/// Mappings that were the same when their destinations were asked again.
/// @returns nothing if one was another then.
std::optional<std::vector<MappingSeen>> NatBehaviour::confirmed() const {
  std::vector<MappingSeen> same;
  for (std::size_t i = again_; i < exchanges_.size(); ++i) {
    const Exchange& exchange = exchanges_[i];
    if (exchange.socket != NatSocket::main || exchange.state != State::answered) continue;
    const auto mapped = exchange.answer.mapped();
    if (find(NatSocket::main, exchange.to)->answer.mapped() != mapped) return std::nullopt;
    same.push_back({exchange.socket, exchange.to, *mapped});
  }
  return same;
}

std::vector<MappingSeen> NatBehaviour::seen() const {
  std::vector<MappingSeen> all;
  for (std::size_t i = 0; i < exchanges_.size(); ++i) {
    const Exchange& exchange = exchanges_[i];
    const bool is_repeated = i >= again_ && exchange.socket == NatSocket::main;
    if (exchange.state == State::answered && !is_repeated)
      all.push_back({exchange.socket, exchange.to, *exchange.answer.mapped()});
  }
  return all;
}

NatBehaviourResult NatBehaviour::result() const {
  NatBehaviourResult result;
  result.mappings = seen();
  result.datagrams_sent = sent_;
  for (std::size_t i = 0; i < config_.servers.size(); ++i) {
    const Exchange& exchange = exchanges_[i];
    result.servers.push_back({.server = config_.servers[i],
                              .mapped = exchange.answer.mapped(),
                              .other = exchange.answer.other,
                              .other_is = others_[i],
                              .error_code = exchange.answer.error_code,
                              .unreachable = exchange.unreachable,
                              .untrue = exchange.untrue,
                              .answers_others = exchange.answers_others});
  }
  const bool compared = again_ < exchanges_.size() && exchanges_[again_].state == State::answered;
  if (compared) {
    const auto same = confirmed();
    result.changed_meanwhile = changed_meanwhile_ || !same;
    if (!result.changed_meanwhile)
      result.mapping = mapping_of(config_.local[static_cast<std::size_t>(NatSocket::main)], *same);
  }
  result.filtering = filtering();
  result.nothing_let_in = result.filtering == NatFiltering::not_known && tester_ &&
                          others_[*tester_] != OtherAddress::ignored &&
                          others_[*tester_] != OtherAddress::refused &&
                          !probes_[kFilterPort].seen && silence_counts(filter_controls_);
  result.ports = port_keeping_of(config_.local, result.mappings);
  result.hairpin = hairpin(result.mapping);
  result.several_addresses = has_several_addresses();
  return result;
}

bool is_shared_address(const IpAddress& address) {
  return in_prefix(address, 0x6440'0000, 10);  // 100.64.0.0/10
}

bool is_inner_address(const IpAddress& address) {
  if (address.family == Family::v6) {
    const auto first = std::to_integer<unsigned>(address.bytes[0]);
    const auto second = std::to_integer<unsigned>(address.bytes[1]);
    if ((first & 0xfeU) == 0xfcU) return true;                     // fc00::/7
    if (first == 0xfeU && (second & 0xc0U) == 0x80U) return true;  // fe80::/10
    IpAddress loopback{.family = Family::v6};
    loopback.bytes[15] = std::byte{1};
    return address == loopback;
  }
  return is_shared_address(address) || in_prefix(address, 0x0a00'0000, 8) ||
         in_prefix(address, 0xac10'0000, 12) || in_prefix(address, 0xc0a8'0000, 16) ||
         in_prefix(address, 0x7f00'0000, 8) || in_prefix(address, 0xa9fe'0000, 16);
}

NatSigns nat_signs(const NatAddresses& addresses) {
  NatSigns signs;
  signs.local_shared = is_shared_address(addresses.local);
  const auto& router = addresses.router_outer;
  signs.mapped_not_public = addresses.mapped && is_inner_address(*addresses.mapped);
  signs.carrier_grade = router && is_shared_address(*router);
  signs.double_nat =
      router && (addresses.mapped ? *router != *addresses.mapped : is_inner_address(*router));
  return signs;
}

}  // namespace wgscope::path
