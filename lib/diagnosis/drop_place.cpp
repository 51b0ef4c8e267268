#include "drop_place.hpp"

#include <algorithm>
#include <optional>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/path/hop_search.hpp"

namespace wgscope::diagnosis {
namespace {

Text hop_text(const path::PathHop& hop, const Text& end) {
  if (hop.number == 0) return "this host";
  Text number = text("hop {}", hop.number);
  if (hop.is_end) return text("{} ({})", end, number);
  if (hop.address) return text("{} ({})", *hop.address, number);
  return number;
}

}  // namespace

std::optional<Text> place_of_drop(const path::HopSearchResult& place, const Text& end) {
  if (!place.last || !place.first) return std::nullopt;
  return text("between {} and {}", hop_text(*place.last, end), hop_text(*place.first, end));
}

void add_place(const path::HopSearchResult& place, const Text& end, Finding& finding) {
  if (!place.last || !place.first) {
    const auto speaks =
        std::ranges::count_if(place.hops, [](const path::PathHop& hop) { return hop.small_seen; });
    finding.evidence.push_back(
        text("cannot tell which hop drops the larger packets: {} of {} routers answered", speaks,
             place.hops.size()));
    return;
  }
  if (place.last->number > 0)
    finding.evidence.push_back(text("the larger packets reach {}", hop_text(*place.last, end)));
  if (const int silent = place.first->number - place.last->number - 1; silent > 0)
    finding.evidence.push_back(
        text("hops between them that answer no packet of either size: {}", silent));
  finding.evidence.push_back(
      text("only the smaller packets reach {}", hop_text(*place.first, end)));
  if (place.last->number > 0 && place.first->number == place.last->number + 1)
    finding.evidence.push_back(
        text("so {} drops the larger packets when it forwards them, or the link behind it does",
             hop_text(*place.last, end)));
}

}  // namespace wgscope::diagnosis
