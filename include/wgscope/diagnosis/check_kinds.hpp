#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"

// All checks of all verbs, in one table: what each is called, where it belongs, what it asks.

namespace wgscope::diagnosis {

/// A check by meaning. Each has a row in the table (lib/diagnosis/check_kinds.cpp), in this order.
/// The checks of one verb stand together, those of `handshake` in the order of layers.
enum class CheckKind : std::uint8_t {
  // what was given
  configuration_target,
  configuration_file_mode,
  configuration_line,
  configuration_endpoint,
  configuration_gateway_key,
  configuration_state,
  // handshake
  key_use,
  key_stamp,
  clock,
  name_resolve,
  name_addresses,
  path_route,
  path_mark,
  path_send,
  path_icmp,
  handshake_response,
  handshake_cookie,
  handshake_preshared_key,
  handshake_responder,
  handshake_strays,
  tunnel_data,
  tunnel_hold,
  tunnel_strays,
  // ping
  ping_outer,
  ping_reply,
  ping_loss_forward,
  ping_loss_backward,
  ping_loss,
  ping_duplicates,
  ping_order,
  // reach
  reach_tunnel,
  reach_icmp,
  reach_tcp,
  reach_udp,
  reach_dns,
  reach_http,
  // mtu
  mtu_forward,
  mtu_backward,
  mtu_reports,
  mtu_seen_as,
  mtu_cutting,
  mtu_setting,
  mtu_tcp,
  // mtu --outer
  outer_host,
  outer_forward,
  outer_both,
  outer_mark,
  outer_setting,
  // nat
  nat_servers,
  nat_mapping,
  nat_filtering,
  nat_ports,
  nat_hairpin,
  nat_carrier,
  nat_router,
  nat_lifetime,
  nat_lifetime_one_way,
  nat_refresh,
  nat_keepalive,
  nat_calls,
  nat_flow_lifetime,
  nat_flow_keepalive,
  // drift
  drift_declared,
  drift_interface,
  drift_dns,
  drift_name,
  drift_address,
  drift_route,
  drift_peer,
  drift_allowed_ips,
  drift_keepalive,
  drift_preshared_key,
  drift_endpoint,
  drift_watch,
  count,  ///< not a check: how many there are
};

/// A row of the table of checks, from which docs/checks.md is made. Names are what pipelines and
/// test reports know a check by: they are added, never renamed.
struct CheckRow {
  CheckKind key;
  std::string_view name;  ///< such as "handshake.response"
  /// What the text of a report calls the check, in any verb and under any heading:
  /// "handshake response". May be reworded.
  std::string_view label;
  Layer layer;
  /// Whether the verb's question depends on this check. A single check may still count for less:
  /// one of an address that other addresses make up for, or one that had nothing to try.
  bool essential;
  /// The question that the check answers: "Does the gateway respond to initiations?".
  std::string_view question;
};

std::span<const CheckRow> check_rows();
const CheckRow& row_of(CheckKind kind);
/// @returns the name of a check that has no row.
std::string_view label_of(const Check& check);

Check make_check(CheckKind kind, Status status, Text summary);
Check make_check(CheckKind kind, Status status, Text summary, Finding finding);
/// Makes a check whose summary is the finding's cause.
Check make_check(CheckKind kind, Status status, Finding finding);

/// A check that an earlier finding kept from being tried. The finding says it all, so there
/// is no summary.
Check skipped(CheckKind kind, FindingId because);
/// A check that the user's interruption, or the end of the time, kept from being tried or finished:
/// what was not tried is unknown, in every verb.
Check interrupted(CheckKind kind);

/// Adds checks that could not be tried, because there is no tunnel to try them on.
/// @param because  the finding that kept the tunnel from standing. Nothing: no finding did, so
/// these checks are unknown: interrupted where the report is, or without a tunnel for a reason that
/// nobody knows.
void skip(std::span<const CheckKind> kinds, std::optional<FindingId> because, Report& report);
/// One of the checks that skip() adds.
Check skipped_check(CheckKind kind, std::optional<FindingId> because, const Report& report);

}  // namespace wgscope::diagnosis
