#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "wgscope/diagnosis/text.hpp"

namespace wgscope::diagnosis {

enum class Severity : std::uint8_t { info, warning, critical };
std::string_view to_string(Severity severity);

/// What can be found, by meaning. Each has a row in the table (lib/diagnosis/findings*.hpp), in this
/// order; its ID there is what people, pipelines, alerts and runbooks know it by, and is never
/// given to anything else.
enum class FindingId : std::uint8_t {
  // WGS-CFG: the configuration
  line_not_known,
  line_refused,
  peer_name_unclear,
  peer_header_missing,
  peers_contradict,
  single_address_allowed,
  amneziawg_needed,
  amneziawg_not_needed,
  reserved_bytes_configured,
  endpoint_unusable,
  gateway_key_unusable,
  line_ignored,
  // WGS-KEY: keys
  key_in_use,
  key_use_unknown,
  key_readable_by_others,
  stamps_not_kept,
  key_used_elsewhere,
  // WGS-CLK: the clock
  clock_set_back,
  clock_not_synchronised,
  // WGS-NAM: names
  name_not_found,
  name_server_silent,
  // WGS-LOC: this host does not let it out
  local_firewall,
  no_route,
  too_long_for_interface,
  no_such_family,
  send_failed,
  through_tunnel,
  endpoint_is_this_host,
  // WGS-HS: the handshake
  nothing_listens,
  endpoint_rejects,
  hop_rejects,
  hop_unreachable,
  silent_host_up,
  silent,
  wireguard_filtered,
  under_load,
  under_load_no_response,
  cookie_not_authentic,
  preshared_key_unknown_to_server,
  preshared_key_is_another_given,
  preshared_key_mismatch,
  response_from_elsewhere,
  answered_late,
  some_addresses_fail,
  reserved_bytes_set,
  response_too_late,
  answers_take_another_way,
  // WGS-DAT: data in the tunnel
  dropped_behind_peer,
  return_data_lost,
  forward_data_lost,
  dies_after_seconds,
  inner_unreachable,
  data_unanswered,
  held_with_loss,
  // WGS-PNG: ping
  no_reply,
  loss_forward,
  loss_backward,
  loss,
  duplicates,
  reordered,
  // WGS-RCH: reach
  not_reachable,
  refused,
  reachable_but_must_not,
  lookup_failed,
  http_status,
  reach_unstable,
  reach_not_told,
  // WGS-NAT: NATs on the way
  stun_silent,
  stun_not_enough,
  stun_other_address_false,
  nat_mapping_unstable,
  nat_of_carrier,
  nat_lifetime_not_told,
  keepalive_missing,
  keepalive_not_enough,
  keepalive_tight,
  nat_beyond_router,
  keepalive_untried,
  twin_not_forwarded,
  service_unsuitable,
  gateway_speaks,
  // WGS-MTU: the path's MTU
  mtu_black_hole_forward,
  mtu_black_hole_backward,
  mtu_reported,
  mtu_fragments,
  mtu_loss,
  mtu_untrue_report,
  mtu_peer_smaller,
  mtu_below_ipv6,
  mtu_unanswered,
  mtu_own_interface,
  mtu_mss_too_large,
  outer_unanswered,
  outer_large_pings,
  // WGS-LNT: what files say (lib/diagnosis/findings_lint.hpp)
  lint_file_unread,
  lint_line_malformed,
  lint_key_exposed,
  lint_key_zero,
  lint_own_key_as_peer,
  lint_key_in_two_files,
  lint_key_has_two_names,
  lint_prefix_host_bits,
  lint_prefix_inside_other,
  lint_prefix_too_broad,
  lint_default_one_family,
  lint_endpoint_in_tunnel,
  lint_dns_outside,
  lint_keepalive_missing,
  lint_keepalive_long,
  lint_mtu_below_ipv6,
  lint_mtu_large,
  lint_file_changeable,
  lint_command_broken,
  lint_command_placeholder,
  lint_command_key,
  lint_save_config,
  lint_value_unclear,
  lint_setting_repeated,
  lint_address_unusable,
  lint_file_name,
  lint_ends_key_unknown,
  lint_ends_preshared,
  lint_ends_address,
  lint_ends_same_address,
  lint_ends_port,
  lint_ends_no_endpoint,
  lint_ends_mtu,
  lint_ends_no_keepalive,
  lint_inventory_error,
  lint_inventory_warning,
  lint_policy_prefix,
  lint_policy_overlap,
  lint_policy_reach,
  lint_policy_reserved,
  lint_peer_ignored,
  lint_networkd_no_route,
  lint_networkd_unmanaged,
  lint_networkd_no_key,
  lint_networkd_unreadable,
  // WGS-DRF: what is declared and what is there (lib/diagnosis/findings_drift.hpp)
  drift_other_host,
  drift_interface_missing,
  drift_interface_undeclared,
  drift_interface_down,
  drift_interface_key,
  drift_listen_port,
  drift_mtu,
  drift_fwmark,
  drift_address_missing,
  drift_address_undeclared,
  drift_route_elsewhere,
  drift_route_missing,
  drift_route_left_over,
  drift_peer_missing,
  drift_peer_undeclared,
  drift_key_retired,
  drift_allowed_ips,
  drift_allowed_ips_taken,
  drift_prefix_too_broad,
  drift_keepalive,
  drift_preshared_key,
  drift_endpoint,
  drift_name_stale,
  drift_key_shared,
  count,  ///< not a finding: how many there are
};

/// A row of the table of findings, from which docs/findings.md is made.
struct FindingKind {
  FindingId key;
  std::string_view id;  ///< "WGS-HS-001": the layer, then a number that is never used again
  Severity severity;
  std::string_view title;    ///< a few words, as a heading in docs/findings.md
  std::string_view meaning;  ///< what was seen, what it proves and what it does not
  std::string_view fix;      ///< what to do, in general terms; Finding::fix has the exact commands
};

std::span<const FindingKind> finding_kinds();
const FindingKind& kind_of(FindingId id);

/// What may be the cause where the evidence cannot distinguish several causes.
struct Hypothesis {
  Text cause;
  Text check;  ///< how to find out whether it is: a command, or where to look
};

/// Something that is not as it should be.
struct Finding {
  FindingId id;
  Text cause;                               ///< a sentence, without a full stop
  std::vector<Text> evidence;               ///< what was seen, one line for each observation
  std::vector<Hypothesis> hypotheses = {};  ///< likeliest first; silence has many causes
  std::vector<Text> fix = {};               ///< exact commands or changes, one line for each
};

}  // namespace wgscope::diagnosis
