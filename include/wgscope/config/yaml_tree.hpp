#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

// A small YAML file as a tree with positions. Large ones are read by their events
// (lib/config/yaml_reader.hpp).

namespace wgscope::config {

struct YamlPlace {
  std::uint32_t line = 0;    ///< from 1; 0: none
  std::uint32_t column = 0;  ///< from 1, in characters
};

struct YamlNode {
  enum class Kind : std::uint8_t {
    missing,  ///< nothing, ~ or null, without quotes
    text,
    list,
    map,
  };
  Kind kind = Kind::missing;
  YamlPlace at;
  std::string text;
  /// Of a list its items; of a map each key with its value behind it.
  std::vector<YamlNode> items;

  [[nodiscard]] bool is(Kind one) const { return kind == one; }
};

struct YamlProblem {
  YamlPlace at;
  std::string text;  ///< repeats nothing of the file
};

/// Reads one document in UTF-8. Anchors, aliases and tags are refused, so no value is there twice.
/// @param max_depth  of lists and maps in one another; @param max_nodes  in all.
tl::expected<YamlNode, YamlProblem> read_yaml_tree(std::string_view text, std::size_t max_depth,
                                                   std::size_t max_nodes);

}  // namespace wgscope::config
