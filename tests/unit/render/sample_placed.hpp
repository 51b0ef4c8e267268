#pragma once

#include <cstddef>

#include "wgscope/audit/placed.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/render/placed.hpp"

namespace wgscope::render {

// Findings of sample_placed().
inline constexpr std::size_t kUnread = 0;
inline constexpr std::size_t kCritical = 1;
inline constexpr std::size_t kWarning = 2;
inline constexpr std::size_t kRemark = 3;

/// A finding of each severity, one about a file as a whole, and a file without any.
inline PlacedReport sample_placed() {
  using audit::PlacedFinding;
  using diagnosis::FindingId;
  using diagnosis::text;
  PlacedFinding unread{.finding = {.id = FindingId::lint_file_unread,
                                   .cause = "the file could not be read: Permission denied",
                                   .evidence = {}},
                       .place = {"wg0.conf", 0, 0}};
  PlacedFinding critical{
      .finding = {.id = FindingId::lint_line_malformed, .cause = "expected MTU", .evidence = {}},
      .place = {"hosts/b & c.conf", 3, 0}};
  PlacedFinding warning{
      .finding = {.id = FindingId::lint_prefix_host_bits,
                  .cause = text("AllowedIPs {} means {}", *Prefix::parse("198.51.100.7/24"),
                                *Prefix::parse("198.51.100.0/24")),
                  .evidence = {"line 5"},
                  .hypotheses = {},
                  .fix = {text("write {}", *Prefix::parse("198.51.100.0/24"))}},
      .place = {"wg0.conf", 5, 14},
      .related = {{"hosts/b & c.conf", 3, 0}}};
  PlacedFinding remark{
      .finding = {.id = FindingId::lint_prefix_inside_other,
                  .cause = text("inside the prefix of {}", diagnosis::Name{"anna"}),
                  .evidence = {}},
      .place = {"wg0.conf", 9, 1}};
  return {.verb = "lint",
          .files = {"wg0.conf", "hosts/b & c.conf", "clean.conf"},
          .findings = {unread, critical, warning, remark},
          .unread = 1,
          .suppressed = 1,
          .left_off = 2};
}

}  // namespace wgscope::render
