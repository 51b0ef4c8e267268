#pragma once

#include <optional>
#include <string>
#include <vector>

#include "wgscope/base/time.hpp"

#include "exporter/collection.hpp"
#include "exporter/collectors/collectors.hpp"
#include "exporter/log.hpp"

namespace wgscope::exporter {

struct Options {
  std::vector<std::string> listen{":9586"};
  bool systemd_sockets = false;
  std::string telemetry_path = "/metrics";
  CollectorOptions collector;
  RenderOptions render;
  Nanoseconds collect_timeout = std::chrono::seconds(5);
  Nanoseconds sample_interval = std::chrono::seconds(5);  ///< 0: no sampler
  bool demo = false;  ///< read tunnels of our own making instead of this host's
  bool once = false;
  std::string textfile;  ///< with once: write there instead of to standard output
  LogFormat log_format = LogFormat::logfmt;
  spdlog::level::level_enum log_level = spdlog::level::info;
};

struct ParsedOptions {
  Options options;
  std::optional<int>
      exit_code;  ///< set when the program is to end now: help, version, a wrong flag
};

/// Reads the command line. What --help, --version or a mistake print has been printed.
ParsedOptions parse_options(int argc, char** argv);

/// "500ms", "1.5s", "2m", "1h". @returns bad_value.
Result<Nanoseconds> parse_duration(const std::string& text);

}  // namespace wgscope::exporter
