#pragma once

#include <optional>
#include <string>
#include <vector>

#include "wgscope/base/time.hpp"

#include "exporter/collection.hpp"
#include "exporter/collectors/collectors.hpp"
#include "exporter/log.hpp"

namespace wgscope::exporter {

/// What the program ends with where its output cannot be written, as the probe does.
inline constexpr int kCannotWrite = 3;

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
  /// Set when the program must end now: after --help, --version or a mistake in the flags.
  std::optional<int> exit_code;
};

/// Reads the command line. What --help, --version or a mistake print has been printed.
ParsedOptions parse_options(int argc, char** argv);

}  // namespace wgscope::exporter
