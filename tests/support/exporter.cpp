#include "exporter.hpp"

#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <optional>
#include <regex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "http.hpp"
#include "metrics.hpp"
#include "paths.hpp"
#include "process.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;

std::vector<std::string> command_of(ExporterOptions& options) {
  std::vector<std::string> command = std::move(options.wrapper);
  command.push_back(options.program.empty() ? Exporter::program() : options.program);
  command.push_back(fmt::format("--web.listen-address=127.0.0.1:{}", options.port));
  command.push_back("--collect.max-age=" + options.max_age);
  command.push_back("--log.level=" + options.log_level);
  for (std::string& flag : options.flags) command.push_back(std::move(flag));
  return command;
}

}  // namespace

Exporter::Exporter(ExporterOptions options)
    : process_(command_of(options), {.env = {}, .netns = options.netns, .input = {}}) {
  server_.netns = options.netns;
  // It serves when it logs this, after a first collection that may wait for stuck daemons.
  static const std::regex kServing(R"(serving metrics" url="https?://127\.0\.0\.1:(\d+)/)");
  std::smatch match;
  if (!process_.wait_for_output(kServing, 20s) ||
      !std::regex_search(process_.err(), match, kServing))
    throw std::runtime_error("the exporter does not serve; it said: " + process_.out() +
                             process_.err());
  server_.port = static_cast<std::uint16_t>(std::stoi(match[1]));
}

std::string Exporter::program() { return binary_dir() / "exporter/wgscope-exporter"; }

HttpResponse Exporter::get(const std::string& path, std::vector<HttpHeader> headers) const {
  return http(server_, {.path = path, .method = "GET", .headers = std::move(headers)});
}

Metrics Exporter::scrape() const {
  const HttpResponse response = get("/metrics");
  if (response.status != 200)
    throw std::runtime_error(fmt::format("/metrics: {} {}", response.status, response.body));
  return Metrics::parse(response.body);
}

std::vector<pid_t> Exporter::processes() const {
  std::vector<pid_t> found{pid()};
  for (std::size_t i = 0; i < found.size(); ++i) {
    std::ifstream children(fmt::format("/proc/{0}/task/{0}/children", found[i]));
    for (pid_t child = 0; children >> child;) found.push_back(child);
  }
  return found;
}

const std::string& Exporter::log() {
  static_cast<void>(process_.wait_for_output("", 0ms));  // reads what there is
  return process_.err();
}

bool Exporter::wait_for_log(std::string_view text, milliseconds timeout) {
  return process_.wait_for_output(text, timeout);
}

std::optional<int> Exporter::stop() {
  process_.signal(SIGTERM);
  return process_.wait(10s);
}

std::string only_own_interfaces() { return fmt::format("--interface.include=wgs{}n.*", getpid()); }

std::size_t count_of(std::string_view log, std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = log.find(text); at != std::string_view::npos; at = log.find(text, at + 1))
    ++count;
  return count;
}

}  // namespace wgscope::test
