#include "mtu_tcp.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <variant>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/diagnosis/mtu.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/endpoint/measuring_service.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/inner/tcp.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/wire/ip.hpp"
#include "wgscope/wire/tcp.hpp"

namespace wgscope::checks {
namespace {

using namespace std::chrono_literals;

/// lwIP sends a SYN after 0, 3 and 6 s. Chosen: 2 s more for the answer to the last one.
constexpr Nanoseconds kPatience = 8s;

/// Reads the MSS of a SYN-ACK on its way to the host's TCP, which does not say what it was told.
void take(diagnosis::MtuTcp& facts, const endpoint::Arrived& arrived) {
  const auto packet = wire::parse_ip(arrived.packet);
  if (!packet || packet->fragment || packet->source != facts.service.address) return;
  const auto segment = wire::parse_tcp(*packet);
  if (!segment || !segment->syn || !segment->ack || segment->source != facts.service.port) return;
  const auto mss = wire::maximum_segment_size(*segment);
  if (!mss) return;
  const bool is_v4 = facts.service.address.family == Family::v4;
  facts.mss = mss->value_or(is_v4 ? wire::kDefaultMss4 : wire::kDefaultMss6);
  facts.announced = mss->has_value();
}

}  // namespace

std::optional<diagnosis::MtuTcp> ask_mss(Run& run, Session& session, const Endpoint& service,
                                         Instant deadline) {
  run.say(diagnosis::text("reading the TCP MSS of {}", service));
  diagnosis::MtuTcp facts;
  facts.service = service;
  const auto id = session.host().tcp().connect(os::boot_now(), service, kPatience);
  if (!id) return facts;
  bool over = false;
  const auto take_arrived = [&](const endpoint::Arrived& arrived) {
    take(facts, arrived);
    return false;
  };
  const auto take_event = [&](const inner::Event& event) {
    if (const auto* ended = std::get_if<inner::TcpEnded>(&event); ended && ended->id == *id) {
      over = true;
      facts.refused = ended->why == inner::TcpEnd::refused;
    }
    if (const auto* failed = std::get_if<inner::IcmpFailed>(&event))
      over = over || failed->connection == *id;
  };
  const auto attention = session.attend({.on_inner = take_event, .on_arrival = take_arrived});
  session.pump();
  const Instant patience = os::boot_now() + kPatience;
  const bool told = run.wait([&] { return over || facts.mss; }, std::min(deadline, patience));
  session.host().tcp().abort(*id);
  session.pump();
  if (!told && (run.interrupted() || deadline < patience)) return std::nullopt;
  return facts;
}

}  // namespace wgscope::checks
