#include "probe/run.hpp"

#include <algorithm>
#include <csignal>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/prepare.hpp"
#include "wgscope/checks/question.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/tunnel.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/diagnosis/commands.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/os/signal_fd.hpp"
#include "wgscope/render/report.hpp"

#include "probe/command_line.hpp"
#include "probe/options/check_options.hpp"
#include "probe/options/output_options.hpp"
#include "probe/options/target_options.hpp"
#include "probe/refusal.hpp"
#include "probe/render/print.hpp"
#include "probe/render/progress.hpp"
#include "probe/render/show.hpp"
#include "probe/verbs.hpp"

namespace wgscope::probe {
namespace {

/// Whether -4 or -6 excludes the endpoint, where that is an address.
Result<> check_family(const CheckOptions& options, const config::EndpointName& endpoint) {
  const auto address = IpAddress::parse(endpoint.host);
  const auto wanted = options.family();
  if (!address || !wanted || address->family == *wanted) return {};
  return fail(Errc::bad_value,
              fmt::format("the endpoint {} is not an {} address, which {} asks for", endpoint.host,
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

class VerbRun {
 public:
  /// @param given  Call::given.
  VerbRun(std::string_view name, CheckVerb& verb, std::vector<std::string> given)
      : name_(name),
        verb_(verb),
        output_(verb.check.output),
        given_(std::move(given)),
        progress_(make_progress(name, output_)),
        subject_(verb.check) {}

  Exit go();

 private:
  [[nodiscard]] Exit refuse(const Error& error) const;
  [[nodiscard]] diagnosis::Report begin_report() const;
  [[nodiscard]] render::Plan plan(const checks::Question& question) const;
  Exit ask(checks::Run& run, checks::Question& question);

  std::string_view name_;
  CheckVerb& verb_;
  const OutputOptions& output_;
  std::vector<std::string> given_;
  std::unique_ptr<ShownProgress> progress_;
  std::optional<checks::Run> run_;  ///< before subject_, whose session needs it
  Subject subject_;
};

diagnosis::Report VerbRun::begin_report() const {
  diagnosis::Report report;
  report.verb = name_;
  report.started = os::now().wall;
  report.checks = subject_.noticed();
  return report;
}

Exit VerbRun::refuse(const Error& error) const {
  return probe::refuse({name_, output_, verb_.check.plan, given_}, error.context, reason_of(error));
}

render::Plan VerbRun::plan(const checks::Question& question) const {
  render::Plan plan{.verb = name_, .target = question.target(), .lines = {}};
  plan.noticed = subject_.noticed();
  if (const checks::Tunnel* tunnel = subject_.wanted()) {
    plan.noticed.insert(plan.noticed.end(), tunnel->noticed().begin(), tunnel->noticed().end());
    if (tunnel->obstacle()) {
      plan.lines.emplace_back("nothing is sent, because of what is said above");
      return plan;
    }
    plan.lines = tunnel->plan();
  }
  for (diagnosis::Text& line : question.plan()) plan.lines.push_back(std::move(line));
  if (const auto again = verb_.again())
    plan.lines.push_back(
        diagnosis::text("all of this again {} after the end of each run, until Ctrl-C", *again));
  return plan;
}

Exit VerbRun::go() {
  if (!verb_.check.plan)
    if (const auto writable = check_outputs(output_); !writable) return refuse(writable.error());
  const auto question = verb_.make(subject_);
  if (!question) return refuse(question.error());
  if (verb_.check.plan) {
    const render::Plan planned = plan(**question);
    return print(name_, output_.json ? render::to_json(planned, output_.redact)
                                     : render::to_text(planned, output_.redact));
  }
  auto run = checks::Run::open(progress_.get());
  if (!run) return refuse(run.error());
  run_.emplace(std::move(*run));
  if (progress_) progress_->attach(run_->loop());
  const auto interrupts = Interrupts::attach(*run_);
  if (!interrupts) return refuse(interrupts.error());
  return ask(*run_, **question);
}

Exit VerbRun::ask(checks::Run& run, checks::Question& question) {
  const auto again = verb_.again();
  Watching watching(output_);
  for (;;) {
    diagnosis::Report report = begin_report();
    report.target = question.target();
    const Instant begun = os::boot_now();
    const auto limit = verb_.limit();
    question.ask(run, limit ? std::optional(begun + *limit) : std::nullopt, report);
    report.duration = os::boot_now() - begun;
    diagnosis::complete_commands(target_arguments(verb_.check.target), report);
    if (progress_) progress_->clear();
    const Shown shown = watching.show(report);
    // Who watches has gone where standard output cannot be written.
    if (!again || run.interrupted() || !shown.on_standard_output) return shown.exit;
    run.say("waiting for the next run", os::boot_now() + *again);
    if (!run.pass(*again)) return shown.exit;
    if (checks::Tunnel* tunnel = subject_.wanted()) tunnel->begin_again();
  }
}

}  // namespace

Result<checks::Tunnel*> Subject::tunnel() {
  if (tunnel_) return tunnel_.get();
  auto prepared = checks::prepare(options_.target);
  if (!prepared) return tl::unexpected(prepared.error());
  if (const auto fits = check_family(options_, prepared->target.endpoint); !fits)
    return tl::unexpected(fits.error());
  tunnel_ = std::make_unique<checks::Tunnel>(std::move(*prepared), options_.handshake());
  return tunnel_.get();
}

Result<std::unique_ptr<checks::Tunnel>> Subject::tunnel_of(const std::string& config) const {
  const checks::TargetOptions& ours = options_.target;
  if (config == "-" &&
      (ours.config == "-" || ours.private_key_file == "-" || ours.preshared_key_file == "-"))
    return fail(Errc::bad_value, "standard input can be used for only one of the files");
  checks::TargetOptions options;
  options.config = config;
  options.state_folder = ours.state_folder;
  options.uapi_folder = ours.uapi_folder;
  options.fwmark = ours.fwmark;
  auto prepared = checks::prepare(options);
  if (!prepared) return tl::unexpected(prepared.error());
  return std::make_unique<checks::Tunnel>(std::move(*prepared), options_.handshake());
}

/// Where a file's tunnel is not used, what keeps that tunnel from working does not matter.
void Subject::notice(const std::vector<diagnosis::Check>& checks) {
  std::ranges::copy_if(checks, std::back_inserter(noticed_), [](const diagnosis::Check& check) {
    return check.status != diagnosis::Status::critical;
  });
}

Exit run_verb(const Verb& row, std::vector<std::string> arguments) {
  const std::unique_ptr<CheckVerb> verb = row.make();
  CommandLine line(verb->description(), fmt::format("wgscope {}", row.name));
  verb->add_options(line);
  line.end_of_help(fmt::format("Examples:\n{}\n{}", row.examples, kExitCodes));
  const Call written = call_as_written(row.name, arguments);
  line.on_mistake([&](const std::string& sentence) {
    return refuse(written, sentence, diagnosis::Reason::wrong_usage);
  });
  if (const auto ended = line.parse(std::move(arguments))) return *ended;
  return VerbRun(row.name, *verb, written.given).go();
}

}  // namespace wgscope::probe
