#include "wgscope/audit/placed.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "wgscope/diagnosis/finding.hpp"

namespace wgscope::audit {

std::string to_string(const Place& place) {
  std::string text = place.file;
  if (place.line == 0) return text;
  text.append(":").append(std::to_string(place.line));
  if (place.column != 0) text.append(":").append(std::to_string(place.column));
  return text;
}

void sort(std::vector<PlacedFinding>& findings) {
  std::ranges::stable_sort(findings, {}, [](const PlacedFinding& finding) {
    return std::tuple(finding.place, finding.finding.id);
  });
}

std::optional<diagnosis::Severity> worst(const std::vector<PlacedFinding>& findings) {
  std::optional<diagnosis::Severity> most;
  for (const PlacedFinding& placed : findings)
    most = std::max(most, std::optional(diagnosis::kind_of(placed.finding.id).severity));
  return most;
}

}  // namespace wgscope::audit
