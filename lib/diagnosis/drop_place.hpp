#pragma once

#include <optional>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/path/hop_search.hpp"

namespace wgscope::diagnosis {

/// The place in words: "between 203.0.113.1 (hop 3) and 203.0.113.9 (hop 4)". Nothing: unknown.
/// @param end  the far end's name: "the gateway".
std::optional<Text> place_of_drop(const path::HopSearchResult& place, const Text& end);

/// What was seen at both ends of that place, and between; or that nothing was.
void add_place(const path::HopSearchResult& place, const Text& end, Finding& finding);

/// Where data stops, in words: "WireGuard's data is dropped between 203.0.113.1 (hop 1) and
/// 203.0.113.3 (hop 3), where other UDP passes". Nothing: unknown.
std::optional<Text> end_of_data(const DataTrace& trace);

/// What routers reported of data and of plain datagrams; nothing where none reported any.
void add_trace(const DataTrace& trace, Finding& finding);

}  // namespace wgscope::diagnosis
