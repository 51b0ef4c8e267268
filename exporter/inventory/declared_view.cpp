#include "exporter/inventory/declared_view.hpp"

#include <memory>

#include "wgscope/audit/drift.hpp"
#include "wgscope/model/snapshot.hpp"

#include "exporter/inventory/prepared.hpp"

namespace wgscope::exporter {

void DeclaredJudge::judge(const Snapshot& snapshot, DeclaredView& into) {
  if (!declarations_) return;
  into.state = declarations_->state();
  into.names = declarations_->names();
  const PreparedInventory* inventory = into.inventory();
  if (inventory == nullptr) return;
  static const audit::Resolutions kNothingKnown;
  const audit::Resolutions& resolutions = into.names ? into.names->resolutions : kNothingKnown;
  audit::compare(inventory->declared(), snapshot, resolutions, into.drift);
  findings_.count({.declared = inventory->declared(),
                   .snapshot = snapshot,
                   .drift = into.drift,
                   .resolutions = resolutions,
                   .lint = into.state->lint},
                  into.findings);
  inventory->expect(snapshot.taken.wall, into.expectations);
}

}  // namespace wgscope::exporter
