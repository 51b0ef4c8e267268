// wgscope drift: what is declared, against what the kernel or a userspace implementation has,
// against what names resolve to.

#include "wgscope/audit/drift.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wgscope/audit/drift_report.hpp"
#include "wgscope/audit/endpoint_watch.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/question.hpp"
#include "wgscope/checks/resolve_all.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/crypto/random.hpp"
#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/snapshot.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/source/collect.hpp"

#include "probe/command_line.hpp"
#include "probe/commands/commands.hpp"
#include "probe/commands/drift_declared.hpp"
#include "probe/commands/drift_host.hpp"
#include "probe/options/check_options.hpp"
#include "probe/options/output_options.hpp"
#include "probe/run.hpp"

namespace wgscope::probe {
namespace {

using diagnosis::Name;
using diagnosis::Text;
using diagnosis::text;

/// So many names are looked up in one run; those beyond them stay unknown.
constexpr std::size_t kMostNames = 1000;

/// Two devices with one key take it from each other with every packet that they send: a keepalive
/// each 25 s, or many packets a second.
constexpr std::chrono::milliseconds kWatchInterval{500};
constexpr std::chrono::seconds kWatchPatience{5};

std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  crypto::SystemRandom().fill(std::as_writable_bytes(std::span(&seed, 1)));
  return seed;
}

class DriftQuestion final : public checks::Question {
 public:
  DriftQuestion(Declarations declarations, source::CollectOptions collect, std::string interface,
                std::optional<Nanoseconds> watch)
      : files_(std::move(declarations.files)),
        routes_expected_(declarations.routes_expected),
        dns_servers_(declarations.dns_servers),
        declared_(std::move(declarations.inventory), std::move(declarations.host),
                  declarations.complete, random_seed()),
        collect_(std::move(collect)),
        interface_(std::move(interface)),
        watch_(watch) {}

  [[nodiscard]] Text target() const override {
    if (!interface_.empty()) return text("{}", Name{interface_});
    return text("{}", Name{declared_.host()});
  }

  [[nodiscard]] std::vector<Text> plan() const override {
    std::vector<Text> lines{
        "read the WireGuard interfaces, their addresses and routes on this host; change nothing"};
    for (const std::string& name : names()) lines.push_back(text("look up {}", Name{name}));
    return lines;
  }

  void ask(checks::Run& run, std::optional<Instant> deadline, diagnosis::Report& report) override {
    const Instant end = deadline.value_or(os::boot_now() + std::chrono::seconds(20));
    const audit::Resolutions resolutions = resolve(run, end);
    source::SnapshotSource source(collect_);
    Snapshot snapshot;
    audit::EndpointWatch watch(declared_.seed());
    const Instant begun = os::boot_now();
    watch_endpoints(run, source, snapshot, watch);
    source.collect(os::now(), os::boot_now() + (end - begun), snapshot);
    if (!interface_.empty()) keep_only_interface(snapshot);
    audit::Drift drift;
    audit::compare(declared_, snapshot, resolutions, drift);
    audit::DriftFacts facts{
        .declared = &declared_,
        .snapshot = &snapshot,
        .drift = &drift,
        .resolutions = &resolutions,
        .files = files_,
        .hosts = read_hosts(declared_, snapshot, drift, os::boot_now() + (end - begun)),
        .routes_expected = routes_expected_,
        .dns_servers = dns_servers_,
        .alternating = watch.found()};
    if (watch_) facts.watched = os::boot_now() - begun;
    for (diagnosis::Check& check : audit::diagnose(facts))
      report.checks.push_back(std::move(check));
    diagnosis::add_success(audit::success(facts), report);
    report.interrupted = report.interrupted || run.interrupted();
  }

  void skip(std::optional<diagnosis::FindingId> because, diagnosis::Report& report) const override {
    constexpr diagnosis::CheckKind kAll[] = {diagnosis::CheckKind::drift_interface,
                                             diagnosis::CheckKind::drift_peer};
    diagnosis::skip(kAll, because, report);
  }

 private:
  /// Names of endpoints, as many as are looked up.
  [[nodiscard]] std::span<const std::string> names() const {
    const auto all = declared_.names();
    return all.first(std::min(all.size(), kMostNames));
  }

  /// Names get the first half of the time, so that silent name servers leave enough for the rest.
  audit::Resolutions resolve(checks::Run& run, Instant end) const {
    audit::Resolutions resolutions;
    if (names().empty()) return resolutions;
    const Instant begun = os::boot_now();
    run.say(text("looking up {} names", names().size()), end);
    for (checks::LookedUp& found :
         checks::resolve_all(run, {names().begin(), names().end()}, begun + (end - begun) / 2))
      resolutions[found.name] = {
          .addresses = std::move(found.addresses), .at = begun, .failed = found.failed};
    return resolutions;
  }

  /// Reads again and again, for as long as the user wants or until Ctrl-C.
  void watch_endpoints(checks::Run& run, source::SnapshotSource& source, Snapshot& snapshot,
                       audit::EndpointWatch& watch) const {
    if (!watch_) return;
    const Instant end = os::boot_now() + *watch_;
    run.say("watching endpoints", end);
    do {
      source.collect(os::now(), os::boot_now() + kWatchPatience, snapshot);
      if (!interface_.empty()) keep_only_interface(snapshot);
      watch.look(snapshot);
    } while (run.pass(kWatchInterval) && os::boot_now() < end);
  }

  void keep_only_interface(Snapshot& snapshot) const {
    std::erase_if(snapshot.devices,
                  [this](const Device& device) { return device.name != interface_; });
    std::erase_if(snapshot.failures, [this](const Failure& failure) {
      return !failure.interface.empty() && failure.interface != interface_;
    });
  }

  std::vector<std::string> files_;
  bool routes_expected_;
  std::size_t dns_servers_;
  audit::Declared declared_;
  source::CollectOptions collect_;
  std::string interface_;
  std::optional<Nanoseconds> watch_;
};

class DriftVerb final : public CheckVerb {
 public:
  [[nodiscard]] std::string_view description() const override {
    return "Compare what is declared with what is there: interfaces, peers, allowed IPs, "
           "keepalives, "
           "preshared\nkeys, endpoints and their names, addresses and routes. Reads and looks "
           "names "
           "up; changes nothing.\nEach difference is shown with where it was declared, and with "
           "the "
           "command that heals it.";
  }
  void add_options(CommandLine& line) override;
  Result<std::unique_ptr<checks::Question>> make(Subject& subject) override;
  [[nodiscard]] std::optional<Nanoseconds> limit() const override { return check.timeout; }

 private:
  DeclarationOptions declarations_;
  source::CollectOptions collect_;
  std::optional<Nanoseconds> watch_;
};

void DriftVerb::add_options(CommandLine& line) {
  line.add("--inventory", declarations_.inventory,
           "File or directory of an inventory (docs/inventory.md); repeatable")
      .type("PATH")
      .one_value_each();
  line.add("--config", declarations_.config,
           "Compare with a wg-quick file instead, as if wg-quick had just set it up")
      .type("FILE");
  line.add("--interface", declarations_.interface, "Compare this interface only").type("NAME");
  line.add("--host", declarations_.host,
           "Name of this host in the inventory [the host's name, with or without its domain]")
      .type("NAME");
  line.add("--netns", collect_.netns,
           "Also look in this network namespace: a name under /run/netns, or a path; repeatable")
      .type("NAME")
      .one_value_each();
  line.add("--uapi-dir", collect_.uapi_folder, "Directory of userspace implementations' sockets")
      .type("DIR");
  add_duration_option(
      line, "--timeout", [this](Nanoseconds time) { check.timeout = time; },
      "Time limit for the whole run without --watch [20s]; name resolution gets half of it");
  add_duration_option(
      line, "--watch", [this](Nanoseconds time) { watch_ = time; },
      "First watch endpoints for this time: one that goes back and forth belongs to a key that two "
      "devices have");
  line.add_flag("--plan", check.plan, "Print what would be read and looked up; do nothing");
  add_output_options(line, check.output);
  line.check([this]() -> Complaint {
    if (declarations_.inventory.empty() == declarations_.config.empty())
      return "give either --inventory PATH or --config FILE";
    return std::nullopt;
  });
}

Result<std::unique_ptr<checks::Question>> DriftVerb::make(Subject& /*subject*/) {
  auto declarations = read_declarations(declarations_);
  if (!declarations) return tl::unexpected(declarations.error());
  std::string only = declarations_.interface;
  if (!declarations_.config.empty()) only = declarations->inventory.interfaces.front().name;
  return std::make_unique<DriftQuestion>(std::move(*declarations), collect_, std::move(only),
                                         watch_);
}

}  // namespace

std::unique_ptr<CheckVerb> make_drift() { return std::make_unique<DriftVerb>(); }

}  // namespace wgscope::probe
