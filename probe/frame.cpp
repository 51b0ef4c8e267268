#include "probe/frame.hpp"

#include <csignal>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unistd.h>
#include <utility>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/os/signal_fd.hpp"

#include "probe/render/progress.hpp"
#include "probe/render/redaction.hpp"
#include "probe/render/report.hpp"
#include "probe/verbs.hpp"

namespace wgscope::probe {
namespace {

diagnosis::Report begin_report(const CheckBody& body) {
  diagnosis::Report report;
  report.verb = body.verb;
  report.started = os::now().wall;
  return report;
}

/// What keeps a check from beginning, for people; and for the pipeline that waits for a file.
Exit refuse(const CheckOptions& options, const CheckBody& body, const Error& error) {
  fmt::print(stderr, "wgscope {}: {}\n", body.verb, error.context);
  const bool awaited = options.output.json || !options.output.junit_file.empty() ||
                       !options.output.prometheus_file.empty();
  if (options.plan || !awaited) return Exit::unknown;
  diagnosis::Report report = begin_report(body);
  // The sentence may hold names and paths: as a whole it is somebody's.
  report.checks.push_back({.name = "configuration.target",
                           .layer = diagnosis::Layer::configuration,
                           .status = diagnosis::Status::unknown,
                           .summary = diagnosis::text("{}", diagnosis::Name{error.context})});
  OutputOptions output = options.output;
  static_cast<void>(show_report(report, output));
  return Exit::unknown;
}

void print_plan(const Plan& plan, const OutputOptions& output) {
  Redaction redaction(output.redact);
  for (const diagnosis::Text& line : plan.lines) fmt::print("{}\n", redaction.show(line));
}

/// The first signal ends the waiting, and what is known is shown; the second ends the program.
class Interrupts {
 public:
  static Result<std::unique_ptr<Interrupts>> attach(checks::Run& run) {
    auto signals = os::SignalFd::open({SIGINT, SIGTERM});
    if (!signals) return tl::unexpected(signals.error());
    std::unique_ptr<Interrupts> made(new Interrupts(std::move(*signals), run));
    auto watch = run.loop().add(
        made->signals_.fd(),
        {.readable = [self = made.get()] { self->take(); }, .writable = {}, .error = {}});
    if (!watch) return tl::unexpected(watch.error());
    made->watch_ = std::move(*watch);
    return made;
  }

 private:
  Interrupts(os::SignalFd signals, checks::Run& run) : signals_(std::move(signals)), run_(run) {}

  void take() {
    while (const auto signal = signals_.next()) {
      if (run_.interrupted()) _exit(128 + *signal);
      run_.interrupt();
    }
  }

  os::SignalFd signals_;
  checks::Run& run_;
  os::PollLoop::Watch watch_;
};

}  // namespace

Exit run_check(const CheckOptions& options, const CheckBody& body) {
  auto prepared = prepare(options.target);
  if (!prepared) return refuse(options, body, prepared.error());
  if (body.check) {
    if (const auto fits = body.check(*prepared); !fits) return refuse(options, body, fits.error());
  }
  if (options.plan) {
    print_plan(body.plan(*prepared), options.output);
    return Exit::ok;
  }
  if (const auto writable = check_outputs(options.output); !writable) {
    fmt::print(stderr, "wgscope {}: {}\n", body.verb, writable.error().context);
    return Exit::unknown;
  }
  const auto line = make_progress(options.output);
  auto run = checks::Run::open(line.get());
  if (!run) return refuse(options, body, run.error());
  if (line) line->attach(run->loop());
  auto interrupts = Interrupts::attach(*run);
  if (!interrupts) return refuse(options, body, interrupts.error());

  diagnosis::Report report = begin_report(body);
  const config::EndpointName& endpoint = prepared->target.endpoint;
  report.target = diagnosis::text("{}:{}", diagnosis::Name{endpoint.host}, endpoint.port);
  report.checks = std::move(prepared->checks);
  const Instant begun = os::boot_now();
  body.run(*run, *prepared, report);
  report.duration = os::boot_now() - begun;
  if (line) line->clear();
  return show_report(report, options.output);
}

}  // namespace wgscope::probe
