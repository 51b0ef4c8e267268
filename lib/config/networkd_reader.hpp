#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/config/networkd.hpp"
#include "wgscope/config/unit_file.hpp"
#include "wgscope/config/wg_quick.hpp"

namespace wgscope::config {

/// An assignment that has a meaning in its section.
struct UnitSetting {
  std::string_view section;
  std::string_view key;
  std::string_view value;
  const UnitLine* line = nullptr;
  std::uint32_t file = 0;

  /// Where the byte at `offset` of the value stands.
  [[nodiscard]] Position at(std::size_t offset = 0) const;
};

/// Reads a file and its drop-ins one after the other, and tells a reader of one kind of files what
/// stands in them. What networkd ignores in every kind becomes a warning here.
class UnitReader {
 public:
  UnitReader(const UnitReader&) = delete;
  UnitReader& operator=(const UnitReader&) = delete;

 protected:
  UnitReader() = default;
  virtual ~UnitReader() = default;

  /// @returns why systemd refuses one of the files; then nothing of them was told.
  std::optional<UnitFault> read_files(std::span<const UnitText> files);

  [[nodiscard]] virtual bool knows_section(std::string_view name) const = 0;
  virtual void begin_section(std::string_view name, Position at) = 0;
  /// @returns false for a key that the section does not have.
  virtual bool setting(const UnitSetting& setting) = 0;
  virtual void comment(std::size_t /*line*/, std::string_view /*text*/) {}
  virtual void blank() {}
  virtual void end_file() {}

  void warn(Position at, std::string text, WarningKind kind = WarningKind::ignored) {
    warnings_.push_back({at, std::move(text), kind, false});
  }
  void warn_of_peer(Position at, std::string text) {
    warnings_.push_back({at, std::move(text), WarningKind::ignored, true});
  }
  /// "KEY must be …, so networkd ignores the line"
  void ignored(const UnitSetting& setting, std::string_view must_be, std::size_t offset = 0);
  [[nodiscard]] std::size_t warning_count() const { return warnings_.size(); }
  /// All warnings, by their positions.
  std::vector<UnitWarning> take_warnings();

 private:
  void read_lines(const UnitFile& file, std::uint32_t index);
  void enter(const UnitLine& line, std::uint32_t index);
  void assign(const UnitLine& line, std::uint32_t index);

  std::vector<UnitFile> files_;  ///< alive as long as texts of comments are
  std::vector<UnitWarning> warnings_;
  std::string_view section_;
  enum class State : std::uint8_t { outside, known, skipped } state_ = State::outside;
};

/// A comment from its sign to its end.
std::string_view comment_text(const UnitLine& line);

/// "FILE: line 3: text"
tl::unexpected<Error> as_error(const UnitFault& fault, std::span<const UnitText> files);

}  // namespace wgscope::config
