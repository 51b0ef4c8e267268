#include "hop_probing.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/inner/host.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/udp_socket.hpp"
#include "wgscope/path/hop_search.hpp"
#include "wgscope/tunnel/interface.hpp"

#include "checks/drive.hpp"
#include "checks/icmp_error.hpp"
#include "mtu_probing.hpp"

namespace wgscope::checks {
namespace {

constexpr std::size_t kPayload = 16;

}  // namespace

HopProbing::HopProbing(Run& run, Session& session, const IpAddress& target)
    : run_(run),
      session_(session),
      target_(target),
      id_(session.host().open_echo()),
      errors_seen_(session.socket_errors.size()),
      attention_(session.attend({.on_inner = [this](const inner::Event& e) { take(e); }})) {
  session.expect_time_exceeded();
}

HopProbing::~HopProbing() { session_.host().close_echo(id_); }

path::HopSearchResult HopProbing::search(const path::HopSearchConfig& config, Instant deadline) {
  search_.emplace(config);
  drive(run_, *search_, deadline, [this] {
    take_errors();
    send_probes();
  });
  return search_->result();
}

void HopProbing::send_probes() {
  while (const auto probe = search_->poll_probe(os::boot_now())) {
    send(*probe);
    take_errors();
  }
}

/// The hop limit is that of the probe alone: what the session sends by itself keeps its own.
void HopProbing::send(const path::HopProbe& probe) {
  session_.pump();
  if (!session_.host().send_echo({.to = target_,
                                  .id = id_,
                                  .sequence = static_cast<std::uint16_t>(probe.id),
                                  .payload_size = kPayload}))
    return;  // as if the probe was lost
  const auto packet = session_.host().poll_packet();
  const std::size_t size = probe.size - datagram_overhead(session_.gateway().address.family);
  if (!session_.endpoint().set_hop_limit(probe.hop_limit)) return;
  static_cast<void>(session_.interface().send_padded(os::now(), packet, size));
  session_.pump();
  static_cast<void>(session_.endpoint().set_hop_limit(std::nullopt));
}

void HopProbing::take_errors() {
  session_.read_errors();
  for (; errors_seen_ < session_.socket_errors.size(); ++errors_seen_) {
    const os::SocketError error = session_.socket_errors[errors_seen_];
    if (!error.offender || error.origin == os::SocketError::Origin::local) continue;
    if (is_time_exceeded(error)) {
      search_->handle_exceeded(os::boot_now(), std::nullopt, *error.offender);
    } else if (error.sys_errno == EMSGSIZE) {
      search_->handle_too_big(std::nullopt, *error.offender);
    }
  }
}

void HopProbing::take(const inner::Event& event) {
  const auto* replied = std::get_if<inner::EchoReplied>(&event);
  if (!search_ || replied == nullptr || replied->id != id_ || !replied->intact) return;
  search_->handle_arrived(replied->at, replied->sequence);
}

}  // namespace wgscope::checks
