#include <cassert>
#include <cstddef>
#include <span>
#include <string_view>

#include "wgscope/diagnosis/finding.hpp"

namespace wgscope::diagnosis {
namespace {

using enum Severity;

constexpr FindingKind kKinds[] = {
    {FindingId::line_not_known, "WGS-CFG-001", warning, "Line of the configuration not known", "",
     ""},
    {FindingId::key_in_use, "WGS-KEY-001", critical, "An interface of this host uses the key", "",
     ""},
    {FindingId::key_use_unknown, "WGS-KEY-002", warning,
     "Whether the key is in use here is not known", "", ""},
    {FindingId::key_readable_by_others, "WGS-KEY-003", warning, "Others can read the key's file",
     "", ""},
    {FindingId::stamps_not_kept, "WGS-KEY-004", warning, "The key's last handshake is not kept", "",
     ""},
    {FindingId::clock_set_back, "WGS-CLK-001", warning, "Clock behind the key's last handshake", "",
     ""},
    {FindingId::clock_not_synchronised, "WGS-CLK-002", info, "Clock not synchronised", "", ""},
    {FindingId::name_not_found, "WGS-NAM-001", critical, "Endpoint's name not found", "", ""},
    {FindingId::name_server_silent, "WGS-NAM-002", critical, "No name server answered", "", ""},
    {FindingId::local_firewall, "WGS-LOC-001", critical, "A firewall of this host refuses to send",
     "", ""},
    {FindingId::no_route, "WGS-LOC-002", critical, "No route to the endpoint", "", ""},
    {FindingId::too_long_for_interface, "WGS-LOC-003", critical,
     "Datagram too long for this host's interface", "", ""},
    {FindingId::no_such_family, "WGS-LOC-004", critical, "This host has no address of that family",
     "", ""},
    {FindingId::send_failed, "WGS-LOC-005", critical, "This host could not send", "", ""},
    {FindingId::nothing_listens, "WGS-HS-001", critical, "Nothing listens on the endpoint's port",
     "", ""},
    {FindingId::endpoint_rejects, "WGS-HS-002", critical, "The endpoint's firewall rejects", "",
     ""},
    {FindingId::hop_rejects, "WGS-HS-003", critical, "A firewall on the way rejects", "", ""},
    {FindingId::hop_unreachable, "WGS-HS-004", critical, "A router cannot reach the endpoint", "",
     ""},
    {FindingId::silent_host_up, "WGS-HS-005", critical, "The host is up, its WireGuard is silent",
     "", ""},
    {FindingId::silent, "WGS-HS-006", critical, "Silence, from the host as a whole", "", ""},
    {FindingId::wireguard_filtered, "WGS-HS-007", critical, "What looks like WireGuard is filtered",
     "", ""},
    {FindingId::under_load, "WGS-HS-008", warning, "The gateway is under load", "", ""},
    {FindingId::under_load_no_response, "WGS-HS-009", critical,
     "The gateway knows itself by this key and does not respond", "", ""},
    {FindingId::cookie_not_authentic, "WGS-HS-010", warning, "A cookie reply that does not decrypt",
     "", ""},
    {FindingId::preshared_key_unknown_to_server, "WGS-HS-011", critical,
     "The gateway has no preshared key for us", "", ""},
    {FindingId::preshared_key_is_another_given, "WGS-HS-012", critical,
     "The gateway uses another of the preshared keys given", "", ""},
    {FindingId::preshared_key_mismatch, "WGS-HS-013", critical, "Preshared keys differ", "", ""},
    {FindingId::response_from_elsewhere, "WGS-HS-014", warning,
     "The response came from another address", "", ""},
    {FindingId::answered_late, "WGS-HS-015", warning, "Answered only when asked again", "", ""},
    {FindingId::some_addresses_fail, "WGS-HS-016", warning,
     "Not all addresses of the endpoint work", "", ""},
    {FindingId::dropped_behind_peer, "WGS-DAT-001", critical,
     "The gateway decrypts our data and drops it", "", ""},
    {FindingId::return_data_lost, "WGS-DAT-002", critical,
     "The gateway's data does not arrive here", "", ""},
    {FindingId::forward_data_lost, "WGS-DAT-003", critical,
     "Our data does not arrive at the gateway", "", ""},
    {FindingId::dies_after_seconds, "WGS-DAT-004", critical, "The tunnel dies after seconds", "",
     ""},
    {FindingId::inner_unreachable, "WGS-DAT-005", warning,
     "The tunnel carries, its target does not answer", "", ""},
    {FindingId::data_unanswered, "WGS-DAT-006", warning,
     "No answer inside the tunnel, cause not told", "", ""},
    {FindingId::no_reply, "WGS-PNG-001", critical, "No reply at all", "", ""},
    {FindingId::loss_forward, "WGS-PNG-002", warning, "Packets lost on the way there", "", ""},
    {FindingId::loss_backward, "WGS-PNG-003", warning, "Packets lost on the way back", "", ""},
    {FindingId::loss, "WGS-PNG-004", warning, "Packets lost", "", ""},
    {FindingId::duplicates, "WGS-PNG-005", warning, "Packets came twice", "", ""},
    {FindingId::reordered, "WGS-PNG-006", warning, "Packets came out of order", "", ""},
    {FindingId::not_reachable, "WGS-RCH-001", critical, "No answer", "", ""},
    {FindingId::refused, "WGS-RCH-002", critical, "Refused", "", ""},
    {FindingId::reachable_but_must_not, "WGS-RCH-003", critical, "Reachable, and must not be", "",
     ""},
    {FindingId::lookup_failed, "WGS-RCH-004", critical, "Name not found by the server inside", "",
     ""},
    {FindingId::http_status, "WGS-RCH-005", critical, "HTTP answer is an error", "", ""},
    {FindingId::reach_unstable, "WGS-RCH-006", warning, "Reachable only sometimes", "", ""},
    {FindingId::reach_not_told, "WGS-RCH-007", warning, "Silence does not tell open from closed",
     "", ""},
};

}  // namespace

std::string_view to_string(Severity severity) {
  switch (severity) {
    case info: return "info";
    case warning: return "warning";
    case critical: return "critical";
  }
  return "";
}

std::span<const FindingKind> finding_kinds() { return kKinds; }

const FindingKind& kind_of(FindingId id) {
  const FindingKind& kind = kKinds[static_cast<std::size_t>(id)];
  assert(kind.key == id);
  return kind;
}

}  // namespace wgscope::diagnosis
