#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "wgscope/audit/drift.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/model/snapshot.hpp"

namespace wgscope::exporter {

/// How many findings of a kind there are now.
struct FindingCount {
  diagnosis::FindingId id{};
  std::string netns;
  std::string interface;
  std::uint64_t count = 0;
};

/// Counts what a comparison found, as wgscope drift would call it. A finding that was there once is
/// counted as 0 when it is gone, so that its series goes on.
class FindingCounts {
 public:
  void count(const audit::Declared& declared, const Snapshot& snapshot, const audit::Drift& drift,
             const audit::Resolutions& resolutions, std::vector<FindingCount>& into);

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
