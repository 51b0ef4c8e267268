#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "wgscope/audit/drift.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/model/snapshot.hpp"

#include "exporter/inventory/files.hpp"

namespace wgscope::exporter {

/// How many findings of a kind there are now.
struct FindingCount {
  diagnosis::FindingId id{};
  std::string netns;
  std::string interface;
  std::uint64_t count = 0;
};

/// Counts what a comparison found, as wgscope drift would call it, and what wgscope lint finds in
/// the inventory. A finding that was there once is
/// counted as 0 when it is gone, so that its series goes on.
class FindingCounts {
 public:
  /// What there is to count.
  struct Facts {
    const audit::Declared& declared;
    const Snapshot& snapshot;
    const audit::Drift& drift;
    const audit::Resolutions& resolutions;
    const LintCounts& lint;
  };
  void count(const Facts& facts, std::vector<FindingCount>& into);

 private:
  struct Key {
    std::string netns;
    std::string interface;
    diagnosis::FindingId id{};
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  class Interface;

  std::map<Key, std::uint64_t> counts_;
};

}  // namespace wgscope::exporter
