#include "exporter/options.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "wgscope/base/closest.hpp"
#include "wgscope/base/duration.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/config/inventory_file.hpp"
#include "wgscope/os/standard_streams.hpp"
#include "wgscope/source/collect.hpp"

#include "build_info.hpp"
#include "exporter/collection.hpp"
#include "exporter/collectors/collectors.hpp"
#include "exporter/endpoint_detail.hpp"
#include "exporter/inventory/prepared.hpp"
#include "exporter/log.hpp"
#include "exporter/names.hpp"

namespace wgscope::exporter {
namespace {

constexpr const char* kFooter =
    R"(Flags for files, addresses and namespaces may be repeated.

Examples:
  wgscope-exporter                                    kernel and userspace interfaces on port 9586
  wgscope-exporter --netns all                        and those of every namespace below /run/netns
  wgscope-exporter --names.file=/etc/wgscope/names.yaml
  wgscope-exporter --inventory=/etc/wgscope/inventory and what differs from what is declared
  wgscope-exporter --once | grep handshake            the metrics once, on standard output
  wgscope-exporter --demo                             example tunnels, without root or WireGuard

The exporter needs CAP_NET_ADMIN for kernel interfaces, CAP_SYS_ADMIN as well for other network
namespaces, and access to the sockets of userspace implementations. If something is not permitted,
the exporter reports it and exports the rest.)";

/// Flags that CLI11 passes on as text, until settle() checks and converts them.
struct Raw {
  std::string include;
  std::string exclude;
  std::vector<std::string> netns;
  std::vector<std::string> names_wg_config;
  std::vector<std::string> names_map;
  std::string max_age = "1s";
  std::string collect_timeout = "5s";
  std::string request_timeout = "5s";
  std::string response_timeout = "1m";
  std::string idle_timeout = "6m";
  std::string request_interval = "500ms";
  std::string sample_interval = "5s";
  std::string endpoint = "full";
  std::string allowed_ips = "count";
  std::vector<std::string> peer_labels;
  std::string log_level = "info";
  std::string log_format = "logfmt";
};

/// For CLI11. @returns what is wrong; empty where nothing is.
std::string existing_directory(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return {};
  return fmt::format("{} is not a directory: make it first: mkdir -p {}", path, path);
}

/// Formats the help as name, type and default, without CLI11's notes on validators.
class PlainFormatter final : public CLI::Formatter {
 public:
  PlainFormatter() { column_width(48); }

 private:
  std::string make_option_name(const CLI::Option* option, bool /*is_positional*/) const override {
    std::string names;
    for (const std::string& name : option->get_snames()) names += "-" + name + ", ";
    for (const std::string& name : option->get_lnames()) names += "--" + name + ", ";
    return names.substr(0, names.size() - 2);
  }
  std::string make_option_opts(const CLI::Option* option) const override {
    std::string text;
    if (option->get_type_size() != 0) text += " " + option->get_type_name();
    const std::string& standard = option->get_default_str();
    if (!standard.empty()) text += fmt::format(" [{}]", standard);
    return text;
  }
};

CLI::Validator duration() {
  return {[](std::string& text) {
            const auto parsed = parse_duration(text);
            return parsed ? std::string() : parsed.error().context;
          },
          ""};
}

CLI::Option* add_duration(CLI::App& app, const char* name, std::string& value, const char* help) {
  return app.add_option(name, value, help)
      ->type_name("DURATION")
      ->check(duration())
      ->capture_default_str();
}

/// A shorter interval would keep the exporter busy without finding more: an initiator that gets no
/// answer tries again only after 5 s (whitepaper §6.1, REKEY_TIMEOUT).
constexpr std::chrono::milliseconds kShortestInterval{100};

CLI::Validator off_or_not_too_often() {
  return {[](std::string& text) {
            const auto parsed = parse_duration(text);
            const bool fits = parsed && (*parsed == Nanoseconds(0) || *parsed >= kShortestInterval);
            return !parsed ? parsed.error().context
                   : fits
                       ? std::string()
                       : fmt::format(
                             "'{}' is too short: give at least 100ms, or 0 to switch sampling off",
                             text);
          },
          ""};
}

CLI::Validator one_of(std::initializer_list<const char*> values) {
  return {[list = std::vector<std::string>(values.begin(), values.end())](std::string& text) {
            if (std::ranges::find(list, text) != list.end()) return std::string();
            return fmt::format("'{}' is not one of {}", printable(text), fmt::join(list, ", "));
          },
          ""};
}

CLI::Validator peer_label() {
  return {
      [](std::string& text) {
        if (text == "name") return std::string();
        if (!config::is_label_name(text))
          return fmt::format(
              "'{}' is not a label: expected letters, digits and underscores, no digit first and "
              "no two underscores first",
              printable(text));
        if (is_own_label(text))
          return fmt::format("the exporter or Prometheus has a label '{}' of its own", text);
        return std::string();
      },
      ""};
}

void add_web_flags(CLI::App& app, Options& options) {
  auto* listen =
      app.add_option("--web.listen-address", options.listen,
                     "Address to listen on, as ADDRESS:PORT, or :PORT or [::]:PORT (every address)")
          ->type_name("ADDRESS")
          ->allow_extra_args(false)
          ->default_str(":9586")
          ->group("Web");
  app.add_flag("--web.systemd-socket", options.systemd_sockets,
               "Use the listening sockets that systemd passes")
      ->excludes(listen)
      ->group("Web");
  app.add_option("--web.telemetry-path", options.telemetry_path,
                 "Path under which the metrics are served")
      ->type_name("PATH")
      ->capture_default_str()
      ->check([](const std::string& path) {
        // Paths are compared as clients send them: without query and fragment, encoded.
        const bool can_match =
            path.find_first_of("?# %\\") == std::string::npos &&
            std::ranges::all_of(path, [](unsigned char c) { return c > 0x20 && c < 0x7f; });
        const bool free = path.starts_with('/') && path != "/" && !path.starts_with("/-/") &&
                          !path.starts_with("//");
        return free && can_match ? ""
                                 : "must be a path such as /metrics, but not / and not below /-/, "
                                   "of letters, digits and punctuation without ? # % and \\";
      })
      ->group("Web");
}

void add_client_flags(CLI::App& app, Options& options) {
  app.add_option("--web.config.file", options.web_config,
                 "File with TLS certificates, users and headers, as other exporters read it")
      ->type_name("FILE")
      ->group("Web");
  app.add_option("--web.max-requests", options.max_requests,
                 "Most scrapes to answer at the same time, 503 beyond; 0: no limit of their own")
      ->type_name("NUMBER")
      ->check(CLI::Range(0, 100'000).description(""))
      ->capture_default_str()
      ->group("Web");
}

/// Bounds of what clients may do.
void add_limit_flags(CLI::App& app, Options& options, Raw& raw) {
  app.add_option("--web.max-connections", options.limits.connections,
                 "Most connections of all clients together")
      ->type_name("NUMBER")
      ->check(CLI::Range(1, 100'000).description(""))
      ->capture_default_str()
      ->group("Web");
  app.add_option("--web.max-connections-per-address", options.limits.per_address,
                 "Most connections of one address; of IPv6, of one /64")
      ->type_name("NUMBER")
      ->check(CLI::Range(1, 100'000).description(""))
      ->capture_default_str()
      ->group("Web");
  add_duration(app, "--web.request-timeout", raw.request_timeout,
               "How long a client may take to send its request")
      ->group("Web");
  add_duration(app, "--web.response-timeout", raw.response_timeout,
               "How long a client may take to read its answer")
      ->group("Web");
  app.add_option(
         "--web.idle-timeout", raw.idle_timeout,
         "How long a connection stays open for another request; 0s: close it after an answer")
      ->type_name("DURATION")
      ->check(duration())
      ->capture_default_str()
      ->group("Web");
  add_duration(app, "--web.min-request-interval", raw.request_interval,
               "Close the connections of clients that ask again sooner than this")
      ->group("Web");
  app.add_option("--web.min-read-rate", options.limits.least_rate,
                 "End the connections of clients that read fewer bytes a second than this")
      ->type_name("BYTES")
      ->transform(CLI::AsSizeValue(false).description(""))
      ->capture_default_str()
      ->group("Web");
}

void add_source_flags(CLI::App& app, Options& options, Raw& raw) {
  source::CollectOptions& source = options.collector.source;
  app.add_flag("--collector.netlink,!--no-collector.netlink", source.kernel,
               "Read the kernel's interfaces (default on)")
      ->group("Reading");
  app.add_flag("--collector.uapi,!--no-collector.uapi", source.userspace,
               "Read userspace implementations (default on)")
      ->group("Reading");
  app.add_option("--netns", raw.netns,
                 "Also read this network namespace, by name or path, or all below /run/netns")
      ->type_name("NAME|PATH|all")
      ->allow_extra_args(false)
      ->group("Reading");
  app.add_option("--uapi.dir", source.uapi_folder,
                 "Directory with the UAPI sockets of userspace implementations")
      ->type_name("DIR")
      ->capture_default_str()
      ->group("Reading");
  app.add_option("--interface.include", raw.include,
                 "Only read interfaces whose whole name matches")
      ->type_name("REGEX")
      ->group("Reading");
  app.add_option("--interface.exclude", raw.exclude,
                 "Do not read interfaces whose whole name matches")
      ->type_name("REGEX")
      ->group("Reading");
  add_duration(app, "--collect.max-age", raw.max_age,
               "Answer a scrape from an earlier reading no older than this")
      ->group("Reading");
  add_duration(app, "--collect.timeout", raw.collect_timeout,
               "Longest wait for the kernel and daemons; a scrape's own timeout may be shorter")
      ->group("Reading");
  app.add_option("--sample.interval", raw.sample_interval,
                 "How often to read between scrapes, to count handshakes and roaming; 0: never")
      ->type_name("DURATION")
      ->check(off_or_not_too_often())
      ->capture_default_str()
      ->group("Reading");
}

/// What lasts from one reading to the next.
void add_process_flags(CLI::App& app, Options& options) {
  app.add_flag("--isolation,!--no-isolation", options.isolation,
               "Read in one process, and serve in another one without privileges (default on)")
      ->group("Reading");
  app.add_option("--state.dir", options.collector.state_dir,
                 "Directory that keeps when each peer was first seen, its handshakes, endpoint "
                 "changes and removals, across restarts")
      ->type_name("DIR")
      ->check(existing_directory, "")
      ->group("Reading");
}

void add_inventory_flags(CLI::App& app, Options& options) {
  app.add_option("--inventory", options.inventory.paths,
                 "What should be there: a file, or a directory of .yaml, .yml and .json files")
      ->type_name("PATH")
      ->allow_extra_args(false)
      ->group("Inventory");
  app.add_option("--host", options.inventory.host,
                 "Name of this host in the inventory (default: its host name, or that without the "
                 "domain if the inventory has only that one)")
      ->type_name("NAME")
      ->needs("--inventory")
      ->check([](const std::string& name) {
        return config::is_host_name(name) ? "" : "expected letters, digits and .-_";
      })
      ->group("Inventory");
}

/// Must run after the flags that --demo excludes were added.
void add_demo_flag(CLI::App& app, Options& options) {
  app.add_flag("--demo", options.demo,
               "Show tunnels that the exporter makes itself, and nothing of this host")
      ->excludes(app.get_option("--netns"))
      ->excludes(app.get_option("--uapi.dir"))
      ->group("Reading");
}

void add_peer_flags(CLI::App& app, Options& options, Raw& raw) {
  app.add_option("--peer.endpoint", raw.endpoint,
                 "How much of a peer's endpoint wireguard_peer_info, the journal and the state "
                 "directory have")
      ->type_name("off|ip|subnet|full")
      ->check(one_of({"off", "ip", "subnet", "full"}))
      ->capture_default_str()
      ->group("Output");
  app.add_option("--peer.allowed-ips", raw.allowed_ips,
                 "Export the number of allowed IPs, or also one info series for each")
      ->type_name("count|info")
      ->check(one_of({"count", "info"}))
      ->capture_default_str()
      ->group("Output");
  app.add_option("--peer.max", options.collector.peer_max,
                 "Of interfaces with more peers than this export only aggregates, until a tenth "
                 "fewer are left; 0: no limit")
      ->type_name("NUMBER")
      ->check(CLI::Range(0, 10'000'000).description(""))
      ->capture_default_str()
      ->group("Output");
  app.add_option("--peer-label", raw.peer_labels,
                 "Put this label on every peer series: name, or one that the inventory declares")
      ->type_name("LABEL")
      ->allow_extra_args(false)
      ->check(peer_label())
      ->group("Output");
}

void add_output_flags(CLI::App& app, Options& options, Raw& raw) {
  app.add_option("--names.wg-config", raw.names_wg_config,
                 "wg-quick or .netdev file with names of peers in comments, such as "
                 "'# friendly_name = …' in [Peer] or [WireGuardPeer] sections")
      ->type_name("FILE")
      ->allow_extra_args(false)
      ->group("Output");
  app.add_option("--names.file", raw.names_map,
                 "YAML or JSON map of public key to name; later files win")
      ->type_name("FILE")
      ->allow_extra_args(false)
      ->group("Output");
  app.add_flag("--once", options.once,
               "Write the metrics once to standard output and exit. A single reading gives no "
               "verdicts on peers and counts no events")
      ->excludes(app.get_option("--sample.interval"))
      ->group("Output");
  app.add_option("--textfile", options.textfile,
                 "With --once: write to this file instead, for the textfile collector")
      ->type_name("FILE")
      ->needs("--once")
      ->group("Output");
  app.add_option("--journal", options.collector.journal,
                 "Append what happens to peers to this file, as JSON lines that wgscope journal "
                 "reads, or to the systemd journal")
      ->type_name("FILE|systemd")
      ->excludes(app.get_option("--once"))
      ->group("Output");
}

void add_log_flags(CLI::App& app, Raw& raw) {
  app.add_option("--log.level", raw.log_level, "Lowest level that is logged")
      ->type_name("debug|info|warn|error")
      ->check(one_of({"debug", "info", "warn", "error"}))
      ->capture_default_str()
      ->group("Log");
  app.add_option("--log.format", raw.log_format, "Format of the log on standard error")
      ->type_name("logfmt|json")
      ->check(one_of({"logfmt", "json"}))
      ->capture_default_str()
      ->group("Log");
}

const std::map<std::string_view, EndpointDetail> kEndpointDetails{
    {"off", EndpointDetail::off},
    {"ip", EndpointDetail::ip},
    {"subnet", EndpointDetail::subnet},
    {"full", EndpointDetail::full}};

int print(const std::string& text) {
  const auto written = os::write_standard_output(text);
  if (written) return 0;
  os::write_standard_error(fmt::format("wgscope-exporter: {}\n", written.error().context));
  return kCannotWrite;
}

/// About the first argument that no flag took.
std::string unknown_argument(const CLI::App& app) {
  const std::string word = app.remaining().front();
  std::vector<std::string> known;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  return fmt::format("unknown {} '{}'{}", word.starts_with('-') ? "flag" : "argument",
                     printable(word), did_you_mean(word.substr(0, word.find('=')), known));
}

/// Moves checked text into the options. Throws CLI::ValidationError, as CLI11's own checks do.
void settle(Raw& raw, Options& options) {
  CollectorOptions& collector = options.collector;
  auto filter = source::NameFilter::make(raw.include, raw.exclude);
  if (!filter)
    throw CLI::ValidationError("--interface.include/--interface.exclude", filter.error().context);
  collector.source.filter = std::move(*filter);
  for (std::string& name : raw.netns) {
    if (name == "all")
      collector.source.all_named_netns = true;
    else
      collector.source.netns.push_back(std::move(name));
  }
  for (std::string& path : raw.names_wg_config)
    collector.names.push_back({std::move(path), NamesFile::Kind::wg_quick});
  for (std::string& path : raw.names_map)
    collector.names.push_back({std::move(path), NamesFile::Kind::map});
  collector.max_age = *parse_duration(raw.max_age);
  options.collect_timeout = *parse_duration(raw.collect_timeout);
  options.limits.head_time = *parse_duration(raw.request_timeout);
  options.limits.answer_time = *parse_duration(raw.response_timeout);
  options.limits.idle_time = *parse_duration(raw.idle_timeout);
  options.limits.request_interval = *parse_duration(raw.request_interval);
  options.sample_interval = *parse_duration(raw.sample_interval);
  collector.sampled = !options.once && options.sample_interval != Nanoseconds(0);
  collector.judged = !options.once;
  options.render.endpoint = kEndpointDetails.at(raw.endpoint);
  collector.endpoint = options.render.endpoint;
  collector.sample_interval = options.sample_interval;
  options.render.allowed_ip_info = raw.allowed_ips == "info";
  // A label stands once on a series, however often it was chosen.
  std::ranges::sort(raw.peer_labels);
  raw.peer_labels.erase(std::ranges::unique(raw.peer_labels).begin(), raw.peer_labels.end());
  options.render.name_label = std::ranges::find(raw.peer_labels, "name") != raw.peer_labels.end();
  if (options.inventory.paths.empty() &&
      raw.peer_labels.size() > (options.render.name_label ? 1U : 0U))
    throw CLI::ValidationError("--peer-label", "labels other than name need --inventory");
  options.inventory.use.peer_labels = std::move(raw.peer_labels);
  options.log_level = std::ranges::find(kLogLevels, raw.log_level, &LogLevel::name)->level;
  options.log_format = raw.log_format == "json" ? LogFormat::json : LogFormat::logfmt;
}

}  // namespace

ParsedOptions parse_options(int argc, char** argv) {
  ParsedOptions parsed;
  Options& options = parsed.options;
  Raw raw;
  CLI::App app("Prometheus exporter for WireGuard: every interface and peer of this host.",
               "wgscope-exporter");
  app.footer(kFooter);
  app.set_version_flag("--version",
                       fmt::format("wgscope-exporter {} (revision {}, {})", build_info::kVersion,
                                   build_info::kRevision, build_info::kCompiler));
  app.formatter(std::make_shared<PlainFormatter>());
  app.failure_message([](const CLI::App* failed, const CLI::Error& error) {
    const bool unknown = error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError);
    return fmt::format("wgscope-exporter: {} (see --help)\n",
                       unknown ? unknown_argument(*failed) : error.what());
  });
  add_web_flags(app, options);
  add_client_flags(app, options);
  add_limit_flags(app, options, raw);
  add_source_flags(app, options, raw);
  add_process_flags(app, options);
  add_inventory_flags(app, options);
  add_demo_flag(app, options);
  add_peer_flags(app, options, raw);
  add_output_flags(app, options, raw);
  add_log_flags(app, raw);
  try {
    app.parse(argc, argv);
    settle(raw, options);
  } catch (const CLI::CallForHelp&) {
    parsed.exit_code = print(app.help());
  } catch (const CLI::CallForVersion&) {
    parsed.exit_code = print(app.version() + '\n');
  } catch (const CLI::ParseError& error) {
    static_cast<void>(app.exit(error));
    parsed.exit_code = 2;
  }
  return parsed;
}

}  // namespace wgscope::exporter
