#include "wgscope/diagnosis/report.hpp"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <utility>

#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/text.hpp"

namespace wgscope::diagnosis {
namespace {

/// The other findings are then about another path than the one that was asked about.
bool casts_doubt(const Check& check) {
  return check.finding && check.finding->id == FindingId::through_tunnel;
}

/// Of that status what casts doubt on the rest, or else the first that says why, or else the first.
const Check* first_of(const Report& report, Status status, bool beside = false) {
  const bool is_untold = status == Status::unknown || status == Status::skipped;
  const Check* first = nullptr;
  for (const Check& check : report.checks) {
    if (check.status != status || (is_untold && !check.essential && !beside)) continue;
    if (casts_doubt(check)) return &check;
    if (first == nullptr || (check.finding && !first->finding)) first = &check;
  }
  return first;
}

const Check* first_of_any(std::initializer_list<const Check*> candidates) {
  for (const Check* candidate : candidates)
    if (candidate != nullptr) return candidate;
  return nullptr;
}

/// Of an essential check that is skipped, a warning says more than the check itself.
const Check* first_untold(const Report& report) {
  return first_of_any({first_of(report, Status::unknown), first_of(report, Status::warning),
                       first_of(report, Status::skipped)});
}

const Check* first_untold_beside(const Report& report) {
  return first_of_any(
      {first_of(report, Status::unknown, true), first_of(report, Status::skipped, true)});
}

bool is_target(const Check& check) {
  return check.name.starts_with("reach.") && !check.target.empty();
}

/// Targets inside the tunnel may be many, and a line has room for one of them.
Text count_of_targets(const Report& report, const Check& check) {
  const auto is_alike = [&](const Check& one) {
    return is_target(one) && one.status == check.status;
  };
  const auto alike = std::ranges::count_if(report.checks, is_alike);
  if (!is_target(check) || alike < 2) return {};
  return text("{} of {} targets inside the tunnel {}, the first: ", alike,
              std::ranges::count_if(report.checks, is_target),
              check.status == Status::unknown
                  ? Words("are unknown")
                  : either(check.status == Status::warning, "are reachable only sometimes",
                           "are not as expected"));
}

Text words_of(const Check& check) {
  if (check.finding) return check.finding->cause;
  if (!check.summary.empty()) return check.summary;
  if (check.skipped_because) return vouched(kind_of(*check.skipped_because).title);
  return "nothing could be determined";
}

Text words_of(const Report& report, const Check& check) {
  return count_of_targets(report, check).add(words_of(check));
}

/// Whether something inside the tunnel answered a ping of this run.
bool is_tunnel_seen_to_work(const Report& report) {
  return std::ranges::any_of(report.checks, [](const Check& check) {
    if (check.name == row_of(CheckKind::ping_reply).name)
      return check.status == Status::ok || check.status == Status::warning;  // some were answered
    return check.status == Status::ok && check.name == row_of(CheckKind::tunnel_data).name;
  });
}

Text words_of_warning(const Report& report, const Check& check) {
  Text words = words_of(report, check);
  if (!is_tunnel_seen_to_work(report) || words.plain().starts_with("the tunnel works"))
    return words;
  return text("the tunnel works, but {}", words);
}

/// What was found although the run as a whole has no answer: the first line must not hide it.
Text found_besides(const Report& report) {
  const Check* warning = first_of(report, Status::warning);
  if (warning == nullptr || !warning->finding) return {};
  return text("; besides: {}", words_of(report, *warning));
}

/// What an essential check had found out in part when the user ended the run. A lifetime that a
/// flow has been seen to have is such a part although its check is ok.
const Check* found_in_part(const Report& report) {
  const auto is_lifetime = [](const Check& check) {
    return check.status == Status::ok && (check.name == row_of(CheckKind::nat_lifetime).name ||
                                          check.name == row_of(CheckKind::nat_flow_lifetime).name);
  };
  const auto is_part = [&](const Check& check) {
    return is_lifetime(check) || (check.essential && check.status == Status::unknown &&
                                  check.summary.plain() != "interrupted");
  };
  const auto found = std::ranges::find_if(report.checks, is_part);
  return found == report.checks.end() ? nullptr : &*found;
}

/// The last step that the run had come to when the user ended it, if it went well.
const Check* last_step(const Report& report) {
  constexpr CheckKind kSteps[] = {CheckKind::tunnel_hold, CheckKind::ping_reply,
                                  CheckKind::tunnel_data, CheckKind::handshake_response};
  for (const CheckKind step : kSteps) {
    const auto found = std::ranges::find_if(report.checks, [&](const Check& check) {
      return check.status == Status::ok && check.name == row_of(step).name;
    });
    if (found != report.checks.end()) return &*found;
  }
  return nullptr;
}

Text settled_targets(const Report& report) {
  const auto targets = std::ranges::count_if(report.checks, is_target);
  const auto settled = std::ranges::count_if(report.checks, [](const Check& check) {
    return is_target(check) && check.status == Status::ok;
  });
  return text("{} of {} targets inside the tunnel {} as expected, the rest is unknown", settled,
              targets, either(settled == 1, "is", "are"));
}

Text words_of_interrupted(const Report& report) {
  const Check* part = found_in_part(report);
  const Check* step = last_step(report);
  Text words("interrupted before an answer was known");
  if (part != nullptr && is_target(*part))
    words = text("interrupted; so far: {}", settled_targets(report));
  else if (part != nullptr)
    words = text("interrupted; so far: {}", words_of(report, *part));
  else if (step != nullptr)
    words = text("interrupted; so far: {}: {}", vouched(label_of(*step)), step->summary);
  return words.add(found_besides(report));
}

/// Of a report that is only unknown because everything has to be known.
Text words_of_unknown_beside(const Report& report, const Check& check) {
  const auto untold = std::ranges::count_if(report.checks, [](const Check& one) {
    return one.status == Status::unknown || one.status == Status::skipped;
  });
  return text("{} of {} checks {} no result, which --fail-on unknown does not accept: {}: {}",
              untold, report.checks.size(), either(untold == 1, "has", "have"),
              vouched(label_of(check)), words_of(check));
}

}  // namespace

std::string_view to_string(Layer layer) {
  switch (layer) {
    case Layer::configuration: return "configuration";
    case Layer::host: return "host";
    case Layer::name: return "name";
    case Layer::path: return "path";
    case Layer::handshake: return "handshake";
    case Layer::tunnel: return "tunnel";
    case Layer::service: return "service";
  }
  return "";
}

std::string_view to_string(Status status) {
  switch (status) {
    case Status::ok: return "ok";
    case Status::warning: return "warning";
    case Status::critical: return "critical";
    case Status::unknown: return "unknown";
    case Status::skipped: return "skipped";
  }
  return "";
}

std::string_view to_string(FailOn fail_on) {
  switch (fail_on) {
    case FailOn::critical: return "critical";
    case FailOn::warning: return "warning";
    case FailOn::unknown: return "unknown";
  }
  return "";
}

std::string_view to_string(Reason reason) {
  switch (reason) {
    case Reason::wrong_usage: return "wrong_usage";
    case Reason::key_in_use: return "key_in_use";
    case Reason::cannot_run: return "cannot_run";
    case Reason::interrupted: return "interrupted";
    case Reason::cannot_tell: return "cannot_tell";
  }
  return "";
}

void add_sent(Sent sent, Report& report) {
  const auto known = std::ranges::find_if(report.sent, [&](const Sent& one) {
    return one.what == sent.what && one.target == sent.target;
  });
  if (known == report.sent.end())
    report.sent.push_back(std::move(sent));
  else
    *known = std::move(sent);
}

void add_success(const Text& success, Report& report) {
  if (success.empty()) return;
  if (!report.success.empty()) report.success.add("; ");
  report.success.add(success);
}

Status overall(const Report& report, FailOn fail_on) {
  const auto any = [&](auto&& fits) { return std::ranges::any_of(report.checks, fits); };
  if (any([](const Check& check) { return check.status == Status::critical; }))
    return Status::critical;
  const auto untold = [&](const Check& check) {
    return (check.essential || fail_on == FailOn::unknown) &&
           (check.status == Status::unknown || check.status == Status::skipped);
  };
  if (report.interrupted || report.checks.empty() || any(untold)) return Status::unknown;
  if (fail_on != FailOn::critical &&
      any([](const Check& check) { return check.status == Status::warning; }))
    return Status::warning;
  return Status::ok;
}

const Check* deciding_check(const Report& report, FailOn fail_on) {
  switch (const Status status = overall(report, fail_on)) {
    case Status::critical:
    case Status::warning: return first_of(report, status);
    case Status::ok: return first_of(report, Status::warning);
    case Status::unknown:
      if (report.interrupted) return nullptr;
      return overall(report) == Status::unknown ? first_untold(report)
                                                : first_untold_beside(report);
    case Status::skipped: break;
  }
  return nullptr;
}

std::optional<FindingId> worst_finding_id(const Report& report) {
  const Finding* worst = worst_finding(report);
  if (worst == nullptr) return std::nullopt;
  return worst->id;
}

Text verdict(const Report& report, FailOn fail_on) {
  const Status status = overall(report, fail_on);
  const Check* check = deciding_check(report, fail_on);
  if (check == nullptr) {
    if (status == Status::ok) return report.success;
    return report.interrupted ? words_of_interrupted(report) : Text("nothing could be determined");
  }
  if (status == Status::ok)
    return text("--fail-on critical accepts a warning: {}", words_of_warning(report, *check));
  if (status == Status::warning) return words_of_warning(report, *check);
  if (status != overall(report)) return words_of_unknown_beside(report, *check);
  Text words = words_of(report, *check);
  if (status == Status::unknown && check->status != Status::warning)
    words.add(found_besides(report));
  return words;
}

const Finding* worst_finding(const Report& report, FailOn fail_on) {
  const Check* check = deciding_check(report, fail_on);
  return check != nullptr && check->finding ? &*check->finding : nullptr;
}

Severity severity_of(const Check& check) {
  switch (check.status) {
    case Status::critical: return Severity::critical;
    case Status::warning: return Severity::warning;
    case Status::ok:
    case Status::unknown:
    case Status::skipped: break;
  }
  return Severity::info;
}

std::optional<Reason> reason_of(const Report& report, FailOn fail_on) {
  if (report.refused) return report.refused;
  const bool is_in_use = std::ranges::any_of(report.checks, [](const Check& check) {
    return check.status == Status::critical && check.finding &&
           check.finding->id == FindingId::key_in_use;
  });
  if (is_in_use) return Reason::key_in_use;
  if (overall(report, fail_on) != Status::unknown) return std::nullopt;
  return report.interrupted ? Reason::interrupted : Reason::cannot_tell;
}

}  // namespace wgscope::diagnosis
