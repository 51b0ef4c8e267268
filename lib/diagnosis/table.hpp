#pragma once

#include <cstddef>
#include <span>
#include <string_view>

// Tables with a row for each value of an enumeration, whose index is that value. Both are tied
// together when they are compiled.

namespace wgscope::diagnosis {

/// Whether there is a row for each value below `count`, in their order.
template <class Row, class Key>
consteval bool has_row_for_each(std::span<const Row> rows, Key count) {
  if (rows.size() != static_cast<std::size_t>(count)) return false;
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (static_cast<std::size_t>(rows[i].key) != i) return false;
  return true;
}

/// Whether no two rows have the same `name`, such as &Row::id.
template <class Row>
consteval bool are_names_unique(std::span<const Row> rows, std::string_view Row::* name) {
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (rows[i].*name == rows[j].*name) return false;
  return true;
}

}  // namespace wgscope::diagnosis
