#include "exporter/declared_events.hpp"

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "wgscope/audit/drift.hpp"
#include "wgscope/journal/event.hpp"
#include "wgscope/model/device.hpp"

#include "exporter/peer_memory.hpp"
#include "exporter/recorder.hpp"

namespace wgscope::exporter {
namespace {

using journal::EventKind;

/// Bits and what they are called, as the label `field` of wireguard_peer_drift where there is one.
struct Difference {
  bool holds;
  std::string_view name;
};

/// The first bit is for a key that nobody declared, which has an event of its own.
constexpr unsigned kUndeclared = 1;
constexpr unsigned kFirstDifference = 2;

/// Tells of what is new, and of the end of the last difference.
template <std::size_t count>
void tell(Recorder& recorder, const Device& device, const Recorder::Subject& subject,
          const std::array<Difference, count>& differences, DeclaredMarks& told) {
  static_assert(kFirstDifference << (count - 1) <= 0x80U, "DeclaredMarks has a bit for each");
  unsigned now = told & kUndeclared;
  std::string begun;
  for (unsigned bit = kFirstDifference; const auto& [holds, name] : differences) {
    if (holds) now |= bit;
    if (holds && (told & bit) == 0) begun.append(begun.empty() ? "" : ", ").append(name);
    bit <<= 1U;
  }
  if (!begun.empty())
    recorder.declare(EventKind::configuration_drifted, device, subject, std::move(begun));
  if (now <= kUndeclared && told > kUndeclared)
    recorder.declare(EventKind::configuration_healed, device, subject, "");
  told = static_cast<DeclaredMarks>(now);
}

}  // namespace

void tell_differences(Recorder& recorder, const Device& device, const Recorder::Subject& peer,
                      const audit::PeerDrift& drift, DeclaredMarks& told) {
  if (drift.undeclared && (told & kUndeclared) == 0)
    recorder.declare(EventKind::key_undeclared, device, peer, "");
  told = static_cast<DeclaredMarks>(drift.undeclared ? told | kUndeclared : told & ~kUndeclared);
  tell(recorder, device, peer,
       std::array{Difference{drift.retired, "retired_key"},
                  Difference{drift.allowed_ips || drift.conflict, "allowed_ips"},
                  Difference{drift.endpoint, "endpoint"},
                  Difference{drift.keepalive, "persistent_keepalive"},
                  Difference{drift.preshared_key, "preshared_key"},
                  Difference{drift.too_broad, "allowed_ips_too_broad"}},
       told);
}

void tell_differences(Recorder& recorder, const Device& device, const audit::InterfaceDrift& drift,
                      DeclaredMarks& told) {
  tell(recorder, device, {},
       std::array{Difference{drift.public_key, "public_key"},
                  Difference{drift.listen_port, "listen_port"}, Difference{drift.mtu, "mtu"},
                  Difference{drift.fwmark, "fwmark"},
                  Difference{!drift.missing.empty(), "missing_peers"}},
       told);
}

}  // namespace wgscope::exporter
