#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/secret_string.hpp"

// Files in the syntax of systemd, which networkd's .netdev and .network files have. Every byte is
// kept, so a file can be changed in one line and written again.

namespace wgscope::config {

inline constexpr std::size_t kMaxUnitLine = std::size_t{1} << 20U;  ///< bytes, as in systemd

/// Where a part of a value stands in its file. Both count from 1, columns in characters.
struct UnitPlace {
  std::size_t line = 0;
  std::size_t column = 0;

  friend auto operator<=>(const UnitPlace&, const UnitPlace&) = default;
};

/// A line, with the lines that continue it. Names and values are not shown without a check: a
/// mistyped line may hold a secret anywhere.
struct UnitLine {
  enum class Kind : std::uint8_t { blank, comment, section, assignment, malformed };
  /// A part of a value that comes from another line than the part before it.
  struct Part {
    std::size_t offset = 0;  ///< in the value
    UnitPlace place;
  };

  Kind kind = Kind::blank;
  std::size_t line = 0;       ///< its first line, from 1
  std::size_t last_line = 0;  ///< the line that systemd's own messages name
  std::string_view name;      ///< of the section or of the key
  std::string_view value;     ///< of an assignment; lines that continue it are joined by a blank
  std::string_view raw;       ///< all of it, with its line breaks
  bool has_byte_order_mark = false;  ///< the file's, which is no part of the line
  std::vector<Part> parts;           ///< of the value of an assignment; the first has offset 0

  /// Where the byte at `offset` of the value stands.
  [[nodiscard]] UnitPlace place(std::size_t offset = 0) const;
};

/// The lines of one file. They are views of memory that the file owns and wipes.
class UnitFile {
 public:
  [[nodiscard]] const std::vector<UnitLine>& lines() const { return lines_; }

  /// Gives an assignment another value, on one line. Comments between its lines are lost, and a
  /// line break in `value` becomes a blank. Places of other lines stay those of the file as read.
  void set_value(std::size_t index, std::string_view value);
  /// Leaves a line out, with its line break.
  void remove(std::size_t index);

 private:
  friend class UnitFileReader;

  std::string_view keep(SecretString text);

  std::vector<SecretString> memory_;
  std::vector<UnitLine> lines_;
};

/// Reads a whole file as systemd's config_parse() does: lines end with LF, CR or both; `#` and `;`
/// begin comments at the beginning of a line only, also between lines that continue one another; an
/// odd number of backslashes at its end continues a line; names are case-sensitive.
/// @returns bad_value or too_large, with the number of the line and never its text, for what makes
/// systemd refuse the whole file: a section's header without ']' or with characters that are not
/// safe, bytes that are not UTF-8 outside of comments, a line above kMaxUnitLine. Also bad_value
/// for what is not text, where systemd would read on.
/// Source: systemd.syntax(7); measured with systemd 252.
Result<UnitFile> parse_unit_file(std::string_view text);

/// As parse_unit_file(). @param bad_line  becomes the number of the line that an error is about, and
/// 0 if it is about the file. The error does not have it.
Result<UnitFile> parse_unit_file(std::string_view text, std::size_t& bad_line);

/// The file as it was read, with what was changed since.
SecretString write_unit_file(const UnitFile& file);

}  // namespace wgscope::config
