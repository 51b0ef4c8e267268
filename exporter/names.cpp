#include "exporter/names.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/config/names.hpp"
#include "wgscope/config/networkd.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/file.hpp"

#include "exporter/file_stamp.hpp"

namespace wgscope::exporter {
namespace {

constexpr std::size_t kMaxFileSize = 64U << 20U;

}  // namespace

Names::Names(std::vector<NamesFile> files) {
  for (NamesFile& file : files)
    files_.push_back(
        {.file = std::move(file), .stamp = {}, .names = {}, .problem = {}, .lines = {}});
  report_.ran = !files_.empty();
}

Result<config::NamesFound> Names::read(const NamesFile& file) {
  // A wg-quick file holds private keys, and people mistake files.
  auto text = os::read_secret_file(file.path, kMaxFileSize);
  if (!text) return tl::unexpected(text.error());
  if (file.kind == NamesFile::Kind::map) return config::parse_names_map(text->text());
  return config::looks_like_netdev(text->text()) ? config::parse_netdev_names(text->text())
                                                 : config::parse_wg_quick_names(text->text());
}

std::vector<std::string> Names::refresh() {
  std::vector<std::string> messages;
  const Instant start = os::boot_now();
  bool changed = current_ == nullptr && !files_.empty();
  for (Watched& watched : files_) {
    const auto stamp = stamp_of(watched.file.path);
    if (stamp && watched.looked && *stamp == watched.stamp) continue;
    auto found =
        stamp ? read(watched.file) : Result<config::NamesFound>(tl::unexpected(stamp.error()));
    std::string problem;
    if (found) {
      watched.names = std::move(found->names);
      say_lines(watched, found->warnings, messages);
      changed = true;
    } else {
      problem = fmt::format("names from {}: {}; {}", watched.file.path, found.error().context,
                            watched.names.empty()
                                ? "until the file can be read, it gives no peer a name"
                                : fmt::format("the exporter keeps the {} names it read before",
                                              watched.names.size()));
    }
    if (!problem.empty() && problem != watched.problem) messages.push_back(problem);
    watched.problem = std::move(problem);
    watched.looked = true;
    watched.stamp = stamp ? *stamp : FileStamp{};
  }
  if (changed) combine();
  report_.success = true;
  for (const Watched& watched : files_)
    report_.success &= watched.problem.empty() && watched.is_whole;
  report_.duration = os::boot_now() - start;
  return messages;
}

/// The lines are said again only when something else is wrong with them.
void Names::say_lines(Watched& watched, const std::vector<config::Warning>& warnings,
                      std::vector<std::string>& messages) {
  constexpr std::size_t kMostSaid = 5;
  std::string lines;
  for (std::size_t i = 0; i < std::min(warnings.size(), kMostSaid); ++i) {
    const config::Warning& one = warnings[i];
    lines += lines.empty() ? "" : "; ";
    lines += one.line == 0 ? one.text : fmt::format("line {}: {}", one.line, one.text);
  }
  if (warnings.size() > kMostSaid)
    lines += fmt::format("; and {} more", warnings.size() - kMostSaid);
  // A name that could be of two peers is the comment's fault; one with a malformed key is lost.
  watched.is_whole = std::ranges::none_of(warnings, [](const config::Warning& one) {
    return one.kind == config::WarningKind::refused;
  });
  if (!lines.empty() && lines != watched.lines)
    messages.push_back(fmt::format(
        "names from {}: {}; {}", watched.file.path, lines,
        watched.names.empty()
            ? "the file gives no other name"
            : fmt::format("the exporter uses the other {} names", watched.names.size())));
  watched.lines = std::move(lines);
}

void Names::combine() {
  auto all = std::make_shared<config::PeerNames>();
  for (const Watched& watched : files_)
    for (const auto& [key, name] : watched.names) all->insert_or_assign(key, name);
  current_ = std::move(all);
}

}  // namespace wgscope::exporter
