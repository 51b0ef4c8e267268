#include "wgscope/checks/ping.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unistd.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/question.hpp"
#include "wgscope/diagnosis/ping.hpp"
#include "wgscope/os/standard_streams.hpp"
#include "wgscope/render/report.hpp"

#include "probe/command_line.hpp"
#include "probe/commands/commands.hpp"
#include "probe/options/check_options.hpp"
#include "probe/options/output_options.hpp"
#include "probe/render/ping_view.hpp"
#include "probe/render/terminal.hpp"
#include "probe/run.hpp"

namespace wgscope::probe {
namespace {

void write_to_stderr(const std::string& piece) { os::write_standard_error(piece); }

/// Pings as they happen, and at the end the histogram that the report shows with --verbose only.
class LivePings final : public checks::PingObserver {
 public:
  explicit LivePings(const OutputOptions& output) : output_(output), view_(write_to_stderr) {}

  void on_round(const checks::PingRound& round) override { view_.on_round(round); }
  void on_result(const diagnosis::PingFacts& facts) override {
    view_.end();
    if (output_.verbose || facts.inner.round_trips.size() < 2) return;
    write_to_stderr("\nRound trips through the tunnel:\n" +
                    render::histogram_lines(facts.inner.round_trips) + "\n");
  }

 private:
  const OutputOptions& output_;
  PingView view_;
};

class PingVerb final : public CheckVerb {
 public:
  [[nodiscard]] std::string_view description() const override {
    return "Ping through the tunnel and, at the same moments, the gateway itself outside it: round "
           "trips, and\nhow many packets are lost in which direction. Needs no privileges, except "
           "for the pings outside\nthe tunnel.";
  }
  void add_options(CommandLine& line) override;
  Result<std::unique_ptr<checks::Question>> make(Subject& subject) override;

 private:
  InnerAddress inner_;
  std::uint64_t count_ = checks::PingOptions{}.count;
  Nanoseconds interval_ = checks::PingOptions{}.interval;
  std::size_t size_ = checks::PingOptions{}.payload_size;
  LivePings live_{check.output};
};

void PingVerb::add_options(CommandLine& line) {
  inner_.add(line);
  line.add("-c,--count", count_, "How many pings; 0: until Ctrl-C")
      .type("N")
      .range(0, 1'000'000'000)
      .show_default();
  add_duration_option(
      line, "-i,--interval", [this](Nanoseconds time) { interval_ = time; },
      "Time from one ping to the next, at least 10ms [1s]");
  line.add("-s,--size", size_, "Payload of each ping")
      .type("BYTES")
      .range(0, 65'507)
      .show_default();
  add_check_options(line, check);
  line.find("--timeout").description(kTimeoutOfAll);
}

Result<std::unique_ptr<checks::Question>> PingVerb::make(Subject& subject) {
  const auto tunnel = subject.tunnel();
  if (!tunnel) return tl::unexpected(tunnel.error());
  checks::PingOptions options;
  options.interval = interval_;
  options.count = count_;
  options.payload_size = size_;
  const auto inner = inner_.read((*tunnel)->target());
  if (!inner) return tl::unexpected(inner.error());
  options.target = *inner;
  const bool watched = !check.output.json && can_move_cursor(surroundings_of(STDERR_FILENO));
  return checks::ping_question(**tunnel, options, watched ? &live_ : nullptr);
}

}  // namespace

std::unique_ptr<CheckVerb> make_ping() { return std::make_unique<PingVerb>(); }

}  // namespace wgscope::probe
