#include "wgscope/config/yaml_tree.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <tl/expected.hpp>

#include "yaml_reader.hpp"

namespace wgscope::config {
namespace {

/// What a node is as whose first event this one came. `broken` and `end` are none.
YamlNode node_of(const YamlEvent& event) {
  YamlNode node;
  node.at = {event.line, event.column};
  if (event.kind == YamlEvent::Kind::list) node.kind = YamlNode::Kind::list;
  if (event.kind == YamlEvent::Kind::map) node.kind = YamlNode::Kind::map;
  if (event.kind == YamlEvent::Kind::scalar && !event.missing) {
    node.kind = YamlNode::Kind::text;
    node.text = event.text;
  }
  return node;
}

}  // namespace

tl::expected<YamlNode, YamlProblem> read_yaml_tree(std::string_view text, std::size_t max_depth,
                                                   std::size_t max_nodes) {
  YamlReader reader(text, {.max_depth = max_depth});
  // What is being filled, the innermost last; the first one is of the document.
  std::vector<YamlNode> open(1);
  for (std::size_t nodes = 0;;) {
    const YamlEvent& event = reader.next();
    const YamlPlace at{event.line, event.column};
    switch (event.kind) {
      case YamlEvent::Kind::broken: return tl::unexpected(YamlProblem{at, std::string(event.text)});
      case YamlEvent::Kind::done: {
        std::vector<YamlNode>& documents = open.front().items;
        return documents.empty() ? YamlNode{} : std::move(documents.front());
      }
      case YamlEvent::Kind::end: {
        YamlNode whole = std::move(open.back());
        open.pop_back();
        open.back().items.push_back(std::move(whole));
        break;
      }
      case YamlEvent::Kind::list:
      case YamlEvent::Kind::map:
      case YamlEvent::Kind::scalar:
        if (++nodes > max_nodes)
          return tl::unexpected(
              YamlProblem{at, fmt::format("there are more than {} values", max_nodes)});
        if (event.kind == YamlEvent::Kind::scalar)
          open.back().items.push_back(node_of(event));
        else
          open.push_back(node_of(event));
        break;
    }
  }
}

}  // namespace wgscope::config
