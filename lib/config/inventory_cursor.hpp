#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wgscope/config/inventory.hpp"
#include "wgscope/config/inventory_file.hpp"

#include "yaml_reader.hpp"

namespace wgscope::config {

/// The problems of one file: as many as are kept, and how many there are.
class ProblemList {
 public:
  void add(ProblemKind kind, Position at, std::string text, std::optional<Position> other = {});

  [[nodiscard]] std::size_t count(ProblemKind kind) const {
    return counts_[static_cast<std::size_t>(kind)];
  }
  /// Whether another one would be kept, and not only counted.
  [[nodiscard]] bool keeps(ProblemKind kind) const { return count(kind) < kMaxProblemsPerFile; }
  [[nodiscard]] const std::vector<InventoryProblem>& kept() const { return kept_; }

 private:
  std::vector<InventoryProblem> kept_;
  std::array<std::size_t, 2> counts_{};
};

/// Remembers what was found out about time zones: many entries have the same one.
class TimeZones {
 public:
  explicit TimeZones(const KnowsTimeZone& knows) : knows_(&knows) {}
  /// What is wrong with a name, or empty.
  const std::string& complaint(std::string_view name);

 private:
  const KnowsTimeZone* knows_;
  std::map<std::string, std::string, std::less<>> asked_;
};

/// Steps through one file. It stands at the beginning of a value, and everything that reads one
/// leaves it behind that value, whatever is wrong with it.
class InventoryCursor {
 public:
  InventoryCursor(std::string_view text, std::uint32_t file, TimeZones& zones);

  [[nodiscard]] Position here() const { return {file_, event_.line, event_.column}; }
  [[nodiscard]] bool is(YamlEvent::Kind kind) const { return event_.kind == kind; }
  [[nodiscard]] bool is_missing() const { return is(YamlEvent::Kind::scalar) && event_.missing; }
  [[nodiscard]] TimeZones& zones() { return *zones_; }
  [[nodiscard]] const ProblemList& problems() const { return problems_; }

  void error(Position at, std::string text, std::optional<Position> other = {}) {
    problems_.add(ProblemKind::error, at, std::move(text), other);
  }
  void warn(Position at, std::string text) {
    problems_.add(ProblemKind::warning, at, std::move(text));
  }

  /// Reads a scalar. `take` says whether it is what is expected.
  template <std::predicate<std::string_view> Take>
  void scalar(std::string_view expected, Take take) {
    if (is(YamlEvent::Kind::scalar) && !event_.missing) {
      if (!take(event_.text)) error(here(), std::string(expected));
      step();
    } else {
      refuse_value(expected);
    }
  }
  /// Reads a list of scalars, or one alone.
  template <std::predicate<std::string_view> Take>
  void scalars(std::string_view expected, Take take) {
    if (!is(YamlEvent::Kind::list)) return scalar(expected, take);
    for (std::size_t count = 0; enter_item(count, kMaxInventoryItems); ++count)
      scalar(expected, take);
  }
  /// Reads a list of anything. `read` reads one value.
  template <std::invocable Read>
  void list(std::string_view expected, Read read, std::size_t most = kMaxInventoryItems) {
    if (!is(YamlEvent::Kind::list)) return refuse_value(expected);
    for (std::size_t count = 0; enter_item(count, most); ++count) read();
  }

  /// Steps into a map. @returns false where there is none, which it has passed then.
  bool enter_map(std::string_view expected);
  /// Whether a field of the map follows, and which. Behind the last one it leaves the map.
  std::optional<std::string> field();
  /// Passes the value of a field that nobody knows, and says so.
  void unknown_field(std::string_view name, Position at, std::span<const std::string> known);
  /// Passes a value, as if it were not there.
  void skip();
  /// Where the field began whose value is next.
  [[nodiscard]] Position field_position() const { return field_at_; }

 private:
  void step();
  bool enter_item(std::size_t count, std::size_t most);
  void refuse_value(std::string_view expected);
  void skip_all(bool look_for_keys);

  YamlReader reader_;
  YamlEvent event_;
  std::uint32_t file_;
  TimeZones* zones_;
  ProblemList problems_;
  Position field_at_;
};

/// A field of a map, and what reads its value.
template <class Into>
struct InventoryField {
  std::string_view name;
  void (*read)(InventoryCursor& in, Into& into);
};

/// Reads a map by a table of its fields.
template <class Into>
void read_fields(InventoryCursor& in, std::span<const InventoryField<Into>> fields, Into& into,
                 std::string_view expected) {
  if (!in.enter_map(expected)) return;
  std::uint64_t seen = 0;
  while (const auto name = in.field()) {
    std::size_t which = 0;
    while (which < fields.size() && fields[which].name != *name) ++which;
    if (which == fields.size()) {
      std::vector<std::string> known;
      if (in.problems().keeps(ProblemKind::warning))
        for (const auto& field : fields) known.emplace_back(field.name);
      in.unknown_field(*name, in.field_position(), known);
      continue;
    }
    if (const auto bit = std::uint64_t{1} << which; (seen & bit) != 0) {
      in.error(in.field_position(), "the field is given twice: " + *name);
      in.skip();
    } else {
      seen |= bit;
      fields[which].read(in, into);
    }
  }
}

/// Whether a text has a part that could be a key, in base64 or hexadecimal.
bool looks_like_key(std::string_view text);

}  // namespace wgscope::config
