#include "architecture_rules.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/text.hpp"

namespace wgscope::architecture {
namespace {

constexpr std::array<std::string_view, 12> kPureRooms{"base",      "model", "wire",    "noise",
                                                      "tunnel",    "inner", "path",    "config",
                                                      "diagnosis", "audit", "journal", "render"};
constexpr std::array<std::string_view, 3> kImpureHeaders{"sys/", "linux/", "spdlog/"};
constexpr std::array<std::string_view, 4> kClockReads{"clock_gettime(", "gettimeofday(", "::now(",
                                                      "std::time("};

/// Headers of a library, and the only places that may include them: rooms, or folders of one.
struct Reserved {
  std::string_view name;
  std::vector<std::string_view> headers;  ///< how their names start
  std::vector<std::string_view> places;
};

const std::vector<Reserved>& reserved() {
  static const std::vector<Reserved> all{
      {"libmnl", {"libmnl/"}, {"source", "checks"}},
      {"prometheus-cpp", {"prometheus/"}, {"exporter"}},
      {"CivetWeb", {"civetweb", "CivetServer"}, {"exporter"}},
      {"nlohmann_json", {"nlohmann/"}, {"exporter", "probe", "config", "journal", "render"}},
      // It never ends on some texts. Tests read our own files with it.
      {"yaml-cpp", {"yaml-cpp/"}, {}},
      {"libsystemd", {"systemd/"}, {"exporter"}},
      {"zlib", {"zlib.h"}, {"probe"}},
      {"libyaml", {"yaml.h"}, {"config"}},
      {"date", {"date/"}, {"os"}},
      {"OpenSSL", {"openssl/"}, {"crypto", "exporter/http"}},
      {"libsodium", {"sodium"}, {"crypto", "exporter/http"}},
      {"libcrypt", {"crypt.h"}, {"exporter/http"}},
      {"lwIP", {"lwip/"}, {"inner"}},
      {"miniupnpc", {"miniupnpc/"}, {"checks"}},
  };
  return all;
}

std::string_view take_line(std::string_view& text) {
  const std::size_t size = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, size);
  text.remove_prefix(std::min(size + 1, text.size()));
  return line;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = std::min(text.find(separator), text.size());
    parts.push_back(trim(text.substr(0, end)));
    if (end == text.size()) return parts;
    text.remove_prefix(end + 1);
  }
}

/// The first two cells of a table's row; nothing for other lines and the line under the heading.
std::optional<std::pair<std::string_view, std::string_view>> row(std::string_view line) {
  line = trim(line);
  if (!line.starts_with('|')) return std::nullopt;
  const auto cells = split(line.substr(1), '|');
  if (cells.size() < 3 || cells[0].find_first_not_of("-: ") == std::string_view::npos)
    return std::nullopt;
  return std::pair(cells[0], cells[1]);
}

/// A room on a way of arrows back to itself.
std::optional<std::string> find_circle(const Arrows& arrows) {
  for (const auto& [start, unused] : arrows) {
    std::set<std::string> reached;
    std::vector<std::string> next{start};
    while (!next.empty()) {
      const std::string room = next.back();
      next.pop_back();
      for (const std::string& to : arrows.at(room)) {
        if (to == start) return start;
        if (reached.insert(to).second) next.push_back(to);
      }
    }
  }
  return std::nullopt;
}

bool is_program(std::string_view room) { return room == "exporter" || room == "probe"; }

/// The part a path lies in: a room of lib/ (with its public headers), or a top folder.
std::string room_of(std::string_view path) {
  for (const std::string_view root : {"lib/", "include/wgscope/"}) {
    if (!path.starts_with(root)) continue;
    const std::string_view rest = path.substr(root.size());
    return std::string(rest.substr(0, std::min(rest.find('/'), rest.size())));
  }
  return std::string(path.substr(0, path.find('/')));
}

struct Include {
  bool quoted = false;
  std::string_view name;
};

std::optional<Include> parse_include(std::string_view line) {
  line = trim(line);
  if (!line.starts_with('#')) return std::nullopt;
  line = trim(line.substr(1));
  if (!line.starts_with("include")) return std::nullopt;
  line = trim(line.substr(7));
  if (line.empty() || (line[0] != '"' && line[0] != '<')) return std::nullopt;
  const std::size_t end = line.find(line[0] == '"' ? '"' : '>', 1);
  if (end == std::string_view::npos) return std::nullopt;
  return Include{line[0] == '"', line.substr(1, end - 1)};
}

/// Where in the repository an include leads; nothing for headers from elsewhere.
std::optional<std::string> target_of(const Include& include, std::string_view from) {
  if (include.name.starts_with("wgscope/")) return "include/" + std::string(include.name);
  for (const std::string_view top : {"lib/", "include/", "exporter/", "probe/", "tests/"})
    if (include.name.starts_with(top)) return std::string(include.name);
  if (!include.quoted) return std::nullopt;
  return (std::filesystem::path(from).parent_path() / include.name)
      .lexically_normal()
      .generic_string();
}

/// Checks one file, line by line.
class FileCheck {
 public:
  FileCheck(const SourceFile& file, const Arrows& arrows, std::vector<std::string>& found)
      : file_(&file), arrows_(&arrows), found_(&found), room_(room_of(file.path)) {}

  void run() {
    if (!arrows_->contains(room_))
      return report(fmt::format("{} is no room of the table in docs/architecture.md", room_));
    std::string_view rest = file_->text;
    while (!rest.empty()) {
      const std::string_view line = take_line(rest);
      ++line_;
      if (const auto include = parse_include(line)) {
        check_include(*include);
      } else if (is_pure()) {
        check_clock(line.substr(0, line.find("//")));
      }
    }
  }

 private:
  [[nodiscard]] bool is_pure() const {
    return std::find(kPureRooms.begin(), kPureRooms.end(), room_) != kPureRooms.end();
  }
  [[nodiscard]] bool is_public_header() const { return file_->path.starts_with("include/"); }

  void report(const std::string& what) {
    found_->push_back(fmt::format("{}:{}: {}", file_->path, line_, what));
  }

  void check_include(const Include& include) {
    if (const auto target = target_of(include, file_->path)) return check_arrow(include, *target);
    if (is_pure())
      for (const std::string_view header : kImpureHeaders)
        if (include.name.starts_with(header))
          report(fmt::format("{} is pure and must not include <{}>", room_, include.name));
    for (const Reserved& library : reserved())
      for (const std::string_view header : library.headers)
        if (include.name.starts_with(header)) check_reserved(library, include);
  }

  void check_arrow(const Include& include, const std::string& target) {
    const std::string to = room_of(target);
    const bool is_public = target.starts_with("include/wgscope/");
    if (is_public_header() && !is_public)
      report(fmt::format("a public header must not include the private \"{}\"", include.name));
    if (to == room_) return;
    if (!is_public && !is_program(to))
      report(fmt::format("\"{}\" is private to {}", include.name, to));
    else if (!arrows_->at(room_).contains(to))
      report(fmt::format("{} must not include {} (\"{}\")", room_, to, include.name));
  }

  void check_reserved(const Reserved& library, const Include& include) {
    for (const std::string_view place : library.places)
      if (room_ == place || file_->path.starts_with(std::string(place) + "/")) return;
    report(fmt::format("{} must not include {} (<{}>)", room_, library.name, include.name));
  }

  void check_clock(std::string_view code) {
    for (const std::string_view read : kClockReads)
      if (code.find(read) != std::string_view::npos)
        report(fmt::format("{} is pure and must not read a clock: time is an argument", room_));
  }

  const SourceFile* file_;
  const Arrows* arrows_;
  std::vector<std::string>* found_;
  std::string room_;
  std::size_t line_ = 0;
};

}  // namespace

Result<Arrows> read_arrows(std::string_view markdown) {
  constexpr std::string_view kHeading = "\n## Rooms and arrows\n";
  const std::size_t heading = markdown.find(kHeading);
  if (heading == std::string_view::npos)
    return fail(Errc::bad_value, "no section \"Rooms and arrows\"");
  std::string_view rest = markdown.substr(heading + kHeading.size());
  Arrows arrows;
  bool in_table = false;
  while (!rest.empty()) {
    const std::string_view line = take_line(rest);
    if (line.starts_with("## ") || (in_table && !line.starts_with('|'))) break;
    const auto cells = row(line);
    in_table |= line.starts_with('|');
    if (!cells || cells->first == "room") continue;
    std::set<std::string> may_include;
    if (cells->second != "–")
      for (const std::string_view room : split(cells->second, ',')) may_include.emplace(room);
    if (!arrows.emplace(cells->first, std::move(may_include)).second)
      return fail(Errc::bad_value, fmt::format("{} stands in the table twice", cells->first));
  }
  if (arrows.empty()) return fail(Errc::bad_value, "no table under \"Rooms and arrows\"");
  for (const auto& [room, targets] : arrows)
    for (const std::string& target : targets)
      if (!arrows.contains(target))
        return fail(Errc::bad_value,
                    fmt::format("{} may include \"{}\", which is no room", room, target));
  if (const auto room = find_circle(arrows))
    return fail(Errc::bad_value, fmt::format("the arrows from {} lead back to it", *room));
  return arrows;
}

std::vector<std::string> find_violations(const std::vector<SourceFile>& files,
                                         const Arrows& arrows) {
  std::vector<std::string> found;
  for (const SourceFile& file : files) FileCheck(file, arrows, found).run();
  return found;
}

}  // namespace wgscope::architecture
