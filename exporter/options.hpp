#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "wgscope/base/time.hpp"

#include "exporter/collection.hpp"
#include "exporter/collectors/collectors.hpp"
#include "exporter/http/turnstile.hpp"
#include "exporter/inventory/declarations.hpp"
#include "exporter/log.hpp"

namespace wgscope::exporter {

/// What the program ends with where its output cannot be written, as the probe does.
inline constexpr int kCannotWrite = 3;

struct Options {
  std::vector<std::string> listen{":9586"};  ///< addresses as http::listen_on() takes them
  /// Takes the sockets of systemd's activation instead of `listen`.
  bool systemd_sockets = false;
  std::string telemetry_path = "/metrics";
  std::string web_config;        ///< file with TLS and users; empty: plain HTTP for everybody
  std::size_t max_requests = 0;  ///< scrapes at once; 0: as many as there are workers
  http::TurnstileLimits limits;  ///< for clients
  CollectorOptions collector;
  RenderOptions render;
  Declarations::Settings inventory;  ///< without paths: there is none
  /// How long a collection may wait for answers.
  Nanoseconds collect_timeout = std::chrono::seconds(5);
  Nanoseconds sample_interval = std::chrono::seconds(5);  ///< 0: no collections between scrapes
  /// Reads in a process of its own, and serves in one without privileges.
  bool isolation = true;
  bool demo = false;     ///< reads tunnels that the exporter makes itself, instead of this host's
  bool once = false;     ///< writes one exposition and ends
  std::string textfile;  ///< file to write with `once`; empty: standard output
  LogFormat log_format = LogFormat::logfmt;
  spdlog::level::level_enum log_level = spdlog::level::info;
};

struct ParsedOptions {
  Options options;
  /// Set when the program must end now: after --help, --version or a mistake in the flags.
  std::optional<int> exit_code;
};

/// Reads the command line. What --help, --version or a mistake print has been printed.
ParsedOptions parse_options(int argc, char** argv);

}  // namespace wgscope::exporter
