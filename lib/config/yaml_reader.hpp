#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

// The events of a YAML text, one after the other, by libyaml: yaml-cpp takes eight times as long
// for its events, more than the second that an inventory of 100 000 peers may take, and never ends
// on some texts. No tree is built, and reading can stop anywhere.

namespace wgscope::config {

struct YamlEvent {
  enum class Kind : std::uint8_t {
    scalar,
    list,    ///< a list begins
    map,     ///< a map begins
    end,     ///< the list or map ends
    done,    ///< the text ends
    broken,  ///< it cannot be read any further
  };
  Kind kind = Kind::done;
  /// Of a scalar, up to the next next(); of what is broken, why, without any of the text.
  std::string_view text;
  bool missing = false;      ///< a scalar without a value: nothing, ~ or null, without quotes
  std::uint32_t line = 0;    ///< from 1
  std::uint32_t column = 0;  ///< from 1, in characters
};

struct YamlOptions {
  std::size_t max_depth = 0;  ///< of lists and maps in one another
  /// Anchors and tags are passed over and an alias reads as a missing value, where each would
  /// otherwise end the reading.
  bool pass_over_marks = false;
};

class YamlReader {
 public:
  /// @param text  outlives this.
  YamlReader(std::string_view text, const YamlOptions& options);
  YamlReader(YamlReader&&) noexcept;
  YamlReader& operator=(YamlReader&&) = delete;
  YamlReader(const YamlReader&) = delete;
  YamlReader& operator=(const YamlReader&) = delete;
  ~YamlReader();

  /// The next event. Behind `done` and `broken` comes the same again.
  const YamlEvent& next();

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace wgscope::config
