#include "probe/render/ping_view.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/ping.hpp"
#include "wgscope/diagnosis/text.hpp"

namespace wgscope::probe {
namespace {

constexpr std::string_view kClearLine = "\r\x1b[K";

/// In ten columns; "µ" counts as one of them, as fmt counts.
std::string time_or(std::optional<Nanoseconds> time, bool ended) {
  const std::string text = time ? diagnosis::format_duration(*time) : ended ? "–" : "…";
  return fmt::format("{:<10}", text);
}

std::string without_blanks_at_end(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

}  // namespace

std::string ping_line(const checks::PingRound& round, bool ended) {
  std::string line = fmt::format("{:>5}  tunnel {}", round.number, time_or(round.inner, ended));
  if (round.outer_refused && !round.outer)
    line += "  outside ICMP error";
  else if (round.outer_sent)
    line += fmt::format("  outside {}", time_or(round.outer, ended));
  return without_blanks_at_end(std::move(line));
}

void PingView::on_round(const checks::PingRound& round) {
  std::string piece(kClearLine);
  if (round.number < shown_.number) {
    // Late: it gets a line of its own, above the one that goes on changing.
    piece += ping_line(round, true) + "  late\n" + ping_line(shown_, false);
  } else {
    if (shown_.number != 0 && round.number > shown_.number) piece += ping_line(shown_, true) + "\n";
    shown_ = round;
    piece += ping_line(shown_, false);
  }
  write_(piece);
}

void PingView::end() {
  if (shown_.number != 0) write_(std::string(kClearLine) + ping_line(shown_, true) + "\n");
  shown_ = {};
}

}  // namespace wgscope::probe
