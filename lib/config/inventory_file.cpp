#include "wgscope/config/inventory_file.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/text.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/config/wg_quick.hpp"

#include "inventory_cursor.hpp"
#include "inventory_entries.hpp"
#include "inventory_join.hpp"

namespace wgscope::config {
namespace {

/// The line that says anything first, without blanks around it.
std::string_view first_line(std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = std::min(text.find('\n'), text.size());
    const std::string_view line = trim(text.substr(0, size));
    if (!line.empty() && line.front() != '#' && line.front() != ';') return line;
    text.remove_prefix(std::min(size + 1, text.size()));
  }
  return {};
}

FilePart broken(std::uint32_t file, std::string why) {
  FilePart part;
  part.broken = true;
  part.problems.add(ProblemKind::error, {file, 1, 1}, std::move(why));
  return part;
}

FilePart read_file(std::string_view text, std::uint32_t file, TimeZones& zones) {
  if (text.size() > kMaxInventoryFileSize)
    return broken(file, fmt::format("the file has more than {} bytes", kMaxInventoryFileSize));
  if (auto why = why_not_text(text)) return broken(file, std::move(*why));
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  const std::string_view first = first_line(text);
  if (iequals(first, "[Interface]") || iequals(first, "[Peer]"))
    return broken(file, "this is a wg-quick file and not an inventory");
  InventoryCursor in(text, file, zones);
  FilePart part;
  part.entries = read_entries(in);
  part.problems = in.problems();
  part.broken = part.problems.count(ProblemKind::error) > 0;
  return part;
}

void count_entries(const Inventory& inventory, std::vector<InventoryFile>& files) {
  for (const DeclaredInterface& interface : inventory.interfaces)
    ++files[interface.position.file].interfaces;
  for (const DeclaredPeer& peer : inventory.peers) ++files[peer.position.file].peers;
}

}  // namespace

std::size_t InventoryRead::errors() const {
  return std::transform_reduce(files.begin(), files.end(), std::size_t{0}, std::plus<>(),
                               [](const InventoryFile& file) { return file.errors; });
}

std::size_t InventoryRead::warnings() const {
  return std::transform_reduce(files.begin(), files.end(), std::size_t{0}, std::plus<>(),
                               [](const InventoryFile& file) { return file.warnings; });
}

InventoryRead read_inventory(std::span<const InventoryText> files,
                             const KnowsTimeZone& knows_time_zone) {
  TimeZones zones(knows_time_zone);
  std::vector<FilePart> parts;
  parts.reserve(files.size());
  for (const InventoryText& file : files)
    parts.push_back(read_file(file.text, static_cast<std::uint32_t>(parts.size()), zones));
  InventoryRead read;
  read.inventory = join(parts, read.complete);
  for (std::size_t i = 0; i < files.size(); ++i) {
    const ProblemList& problems = parts[i].problems;
    InventoryFile file;
    file.name = files[i].name;
    file.broken = parts[i].broken;
    file.errors = problems.count(ProblemKind::error);
    file.warnings = problems.count(ProblemKind::warning);
    read.files.push_back(std::move(file));
    read.problems.insert(read.problems.end(), problems.kept().begin(), problems.kept().end());
  }
  std::ranges::stable_sort(read.problems, {}, &InventoryProblem::position);
  count_entries(read.inventory, read.files);
  return read;
}

std::string shown_file_name(std::string_view name) {
  const bool plain = is_valid_utf8(name) && std::ranges::none_of(name, [](unsigned char c) {
                       return c < 0x20 || c == 0x7F;
                     });
  return plain ? std::string(name) : printable(name, name.size());
}

std::string to_string(const InventoryProblem& problem, std::span<const InventoryFile> files) {
  const auto place = [files](const Position& at) {
    return fmt::format("{}:{}:{}", files[at.file].name, at.line, at.column);
  };
  std::string text =
      fmt::format("{}: {}: {}", place(problem.position),
                  problem.kind == ProblemKind::error ? "error" : "warning", problem.text);
  if (problem.other) text += fmt::format(" (first at {})", place(*problem.other));
  return text;
}

}  // namespace wgscope::config
