#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "wgscope/audit/drift.hpp"
#include "wgscope/model/snapshot.hpp"

#include "exporter/inventory/declarations.hpp"
#include "exporter/inventory/finding_counts.hpp"
#include "exporter/inventory/lookups.hpp"
#include "exporter/inventory/prepared.hpp"

namespace wgscope::exporter {

/// The part of a collection that needs an inventory.
struct DeclaredView {
  std::shared_ptr<const Declarations::State> state;  ///< nullptr: no inventory was given
  std::shared_ptr<const NameLookups::Known> names;   ///< nullptr: nobody looks names up
  audit::Drift drift;                                ///< only valid with an inventory
  Expectations expectations;                         ///< as well
  std::vector<FindingCount> findings;                ///< as well

  /// nullptr: none was given, or none could be read yet.
  [[nodiscard]] const PreparedInventory* inventory() const {
    return state ? state->inventory.get() : nullptr;
  }
};

/// Compares what is declared with each snapshot. One thread at a time.
class DeclaredJudge {
 public:
  /// @param declarations  nullptr: nothing is declared.
  explicit DeclaredJudge(std::shared_ptr<const Declarations> declarations)
      : declarations_(std::move(declarations)) {}

  void judge(const Snapshot& snapshot, DeclaredView& into);

 private:
  std::shared_ptr<const Declarations> declarations_;
  FindingCounts findings_;
};

}  // namespace wgscope::exporter
