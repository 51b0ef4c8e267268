#include "probe/frame.hpp"

#include <csignal>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <unistd.h>
#include <utility>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/os/signal_fd.hpp"
#include "wgscope/render/redaction.hpp"

#include "probe/render/progress.hpp"
#include "probe/render/show.hpp"
#include "probe/verbs.hpp"

namespace wgscope::probe {
namespace {

diagnosis::Report begin_report(std::string_view verb) {
  diagnosis::Report report;
  report.verb = verb;
  report.started = os::now().wall;
  return report;
}

Exit refuse_report(const OutputOptions& output, std::string_view verb, const Error& error,
                   bool plan = false) {
  fmt::print(stderr, "wgscope {}: {}\n", verb, error.context);
  const bool awaited = output.json || !output.junit_file.empty() || !output.prometheus_file.empty();
  if (plan || !awaited) return Exit::unknown;
  diagnosis::Report report = begin_report(verb);
  // The sentence may hold names and paths: as a whole it is somebody's.
  report.checks.push_back(
      diagnosis::make_check(diagnosis::CheckKind::configuration_target, diagnosis::Status::unknown,
                            diagnosis::text("{}", diagnosis::Name{error.context})));
  static_cast<void>(show_report(report, output));
  return Exit::unknown;
}

/// Whether -4 or -6 excludes the endpoint, where that is an address.
Result<> check_family(const CheckOptions& options, const config::EndpointName& endpoint) {
  const auto address = IpAddress::parse(endpoint.host);
  if (!address || !(address->family == Family::v4 ? options.ipv6 : options.ipv4)) return {};
  return fail(Errc::bad_value,
              fmt::format("{} is no {} address, which {} asks for", endpoint.host,
                          options.ipv6 ? "IPv6" : "IPv4", options.ipv6 ? "--ipv6" : "--ipv4"));
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
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;
  /// What came after all was done is taken here: once the mask is put back it would end the program
  /// with another code than that of its report.
  ~Interrupts() {
    while (signals_.next()) continue;
  }

 private:
  Interrupts(os::SignalFd signals, checks::Run& run) : signals_(std::move(signals)), run_(run) {}

  void take() {
    const bool again = run_.interrupted();
    // All at once: two that came together are one wish.
    while (const auto signal = signals_.next()) {
      if (again) _exit(128 + *signal);
      run_.interrupt();
    }
  }

  os::SignalFd signals_;
  checks::Run& run_;
  os::PollLoop::Watch watch_;
};

}  // namespace

Exit refuse(const CheckOptions& options, std::string_view verb, const Error& error) {
  return refuse_report(options.output, verb, error, options.plan);
}

void print_plan(const Plan& plan, const OutputOptions& output) {
  render::Redaction redaction(output.redact);
  for (const diagnosis::Text& line : plan.lines) fmt::print("{}\n", redaction.show(line));
}

Exit run_report(const OutputOptions& output, const ReportBody& body) {
  if (const auto writable = check_outputs(output); !writable)
    return refuse_report(output, body.verb, writable.error());
  const auto line = make_progress(output);
  auto run = checks::Run::open(line.get());
  if (!run) return refuse_report(output, body.verb, run.error());
  if (line) line->attach(run->loop());
  auto interrupts = Interrupts::attach(*run);
  if (!interrupts) return refuse_report(output, body.verb, interrupts.error());

  Watching watching(output);
  for (;;) {
    diagnosis::Report report = begin_report(body.verb);
    report.target = body.target;
    const Instant begun = os::boot_now();
    body.run(*run, report);
    report.duration = os::boot_now() - begun;
    if (line) line->clear();
    const Exit exit = watching.show(report);
    if (!body.again || run->interrupted()) return exit;
    run->say("waiting until it is time to look again", os::boot_now() + *body.again);
    if (!run->pass(*body.again)) return exit;
  }
}

Exit run_check(const CheckOptions& options, const CheckBody& body) {
  auto prepared = checks::prepare(options.target);
  if (!prepared) return refuse(options, body.verb, prepared.error());
  if (const auto fits = check_family(options, prepared->target.endpoint); !fits)
    return refuse(options, body.verb, fits.error());
  if (body.check) {
    if (const auto fits = body.check(*prepared); !fits)
      return refuse(options, body.verb, fits.error());
  }
  if (options.plan) {
    print_plan(body.plan(*prepared), options.output);
    return Exit::ok;
  }
  const config::EndpointName& endpoint = prepared->target.endpoint;
  return run_report(options.output, {.verb = body.verb,
                                     .target = diagnosis::text(
                                         "{}:{}", diagnosis::Name{endpoint.host}, endpoint.port),
                                     .run =
                                         [&](checks::Run& run, diagnosis::Report& report) {
                                           report.checks = prepared->noticed;
                                           body.run(run, *prepared, report);
                                         },
                                     .again = body.again});
}

}  // namespace wgscope::probe
