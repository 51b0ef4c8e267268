#include "exporter/inventory/files.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "wgscope/audit/lint.hpp"
#include "wgscope/audit/placed.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/config/inventory_file.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/os/file.hpp"
#include "wgscope/os/folder.hpp"
#include "wgscope/os/time_zones.hpp"

#include "exporter/file_stamp.hpp"

namespace wgscope::exporter {
namespace {

constexpr std::size_t kMostSaid = 20;

LintCounts lint_counts(const config::InventoryRead& read,
                       std::span<const config::InventoryText> texts) {
  const audit::LintResult result =
      audit::lint({}, {.derive = nullptr, .inventory = audit::LintInventory{&read, texts}});
  LintCounts counts;
  for (const audit::PlacedFinding& one : result.findings) ++counts[one.finding.id];
  return counts;
}

}  // namespace

/// The texts that could be read, and the problems with the others.
struct InventoryFiles::Texts {
  std::vector<std::string> files;
  std::vector<os::SecretText> texts;                        ///< one for each of `files`
  std::vector<std::pair<std::string, std::string>> unread;  ///< file, why

  [[nodiscard]] std::vector<config::InventoryText> views() const {
    std::vector<config::InventoryText> views;
    views.reserve(files.size());
    for (std::size_t i = 0; i < files.size(); ++i)
      views.push_back({config::shown_file_name(files[i]), texts[i].text()});
    return views;
  }
};

InventoryFiles::Look InventoryFiles::look(bool at_once) {
  Listing now = list();
  const bool settled = now == last_look_;
  last_look_ = now;
  if (!at_once && (!settled || now == last_read_)) return {};
  auto done = read(now);
  if (!done) return {};  // the next look finds other stamps, and one after that the same again
  last_read_ = std::move(now);
  return std::move(*done);
}

InventoryFiles::Listing InventoryFiles::list() {
  Listing listing;
  std::set<std::string> listed;
  for (const std::string& path : paths_)
    for (std::string& file : files_of(path, listing.problems)) {
      if (!listed.insert(file).second) continue;
      const auto stamp = stamp_of(file);
      listing.files.push_back(
          {std::move(file), stamp ? std::optional(*stamp) : std::optional<FileStamp>()});
    }
  return listing;
}

std::vector<std::string> InventoryFiles::files_of(const std::string& path,
                                                  std::vector<std::string>& problems) {
  auto files = os::files_at(path, config::kInventoryEndings);
  std::vector<std::string>& known = known_[path];
  if (!files) {
    problems.push_back(files.error().context);
  } else if (files->empty()) {
    problems.push_back(fmt::format("{}: there are no .yaml, .yml or .json files in this directory",
                                   config::shown_file_name(path)));
  } else if (files->size() > config::kMaxInventoryFiles) {
    problems.push_back(fmt::format("{}: there are more than {} files in this directory",
                                   config::shown_file_name(path), config::kMaxInventoryFiles));
  } else {
    known = std::move(*files);
  }
  return known;
}

std::optional<InventoryFiles::Texts> InventoryFiles::read_texts(const Listing& listing) {
  Texts texts;
  for (const Found& found : listing.files) {
    // People mistake files, and give one with private keys.
    auto text = os::read_secret_file(found.file, config::kMaxInventoryFileSize);
    const auto stamp = stamp_of(found.file);
    if ((stamp ? std::optional(*stamp) : std::nullopt) != found.stamp) return std::nullopt;
    if (text) {
      texts.files.push_back(found.file);
      texts.texts.push_back(std::move(*text));
    } else {
      texts.unread.emplace_back(found.file, text.error().context);
    }
  }
  return texts;
}

std::optional<InventoryFiles::Look> InventoryFiles::read(const Listing& listing) {
  auto texts = read_texts(listing);
  if (!texts) return std::nullopt;
  config::InventoryRead first = config::read_inventory(texts->views(), os::knows_time_zone);
  success_ = first.errors() == 0 && texts->unread.empty() && listing.problems.empty();
  Look look;
  std::string message = say(*texts, first, listing.problems);
  const std::vector<config::InventoryText> views = texts->views();
  look.lint = lint_counts(first, views);
  if (!texts->unread.empty())
    look.lint[diagnosis::FindingId::lint_file_unread] += texts->unread.size();
  look.read = with_last_good(listing, *texts, std::move(first));
  if (message != said_) look.message = message;
  said_ = std::move(message);
  return look;
}

std::optional<config::InventoryRead> InventoryFiles::with_last_good(const Listing& listing,
                                                                    Texts& texts,
                                                                    config::InventoryRead first) {
  std::map<std::string, os::SecretText> kept;
  const auto keep_last = [&](const std::string& file) {
    if (auto last = good_.extract(file)) kept.insert(std::move(last));
  };
  for (std::size_t i = 0; i < texts.files.size(); ++i) {
    if (first.files[i].broken)
      keep_last(texts.files[i]);
    else
      kept.emplace(texts.files[i], std::move(texts.texts[i]));
  }
  for (const auto& [file, why] : texts.unread) keep_last(file);
  const bool all_whole =
      texts.unread.empty() && std::ranges::none_of(first.files, &config::InventoryFile::broken);
  good_ = std::move(kept);
  if (good_.empty()) return std::nullopt;
  if (all_whole) return first;

  std::vector<config::InventoryText> views;
  for (const Found& found : listing.files)
    if (const auto text = good_.find(found.file); text != good_.end())
      views.push_back({config::shown_file_name(found.file), text->second.text()});
  config::InventoryRead second = config::read_inventory(views, os::knows_time_zone);
  second.complete = false;
  return second;
}

std::string InventoryFiles::say(const Texts& texts, const config::InventoryRead& read,
                                const std::vector<std::string>& problems) const {
  std::vector<std::string> lines = problems;
  std::size_t count = problems.size();
  const auto add = [&](std::string line) {
    ++count;
    if (lines.size() < kMostSaid) lines.push_back(std::move(line));
  };
  for (const auto& [file, why] : texts.unread)
    add(fmt::format("{}: {}", config::shown_file_name(file), why));
  for (const config::InventoryProblem& problem : read.problems)
    add(config::to_string(problem, read.files));
  if (count == 0) return {};
  std::size_t broken = texts.unread.size();
  for (const config::InventoryFile& file : read.files) broken += file.broken ? 1U : 0U;
  std::string text = fmt::format("inventory: {}", fmt::join(lines, "; "));
  if (count > lines.size()) text += fmt::format("; and {} more", count - lines.size());
  if (broken > 0)
    text += fmt::format(
        "; {} of {} files cannot be used: of {}, the exporter keeps what was last "
        "read without errors",
        broken, texts.files.size() + texts.unread.size(), broken == 1 ? "it" : "them");
  return text;
}

}  // namespace wgscope::exporter
