#pragma once

#include "wgscope/audit/drift.hpp"
#include "wgscope/model/device.hpp"

#include "exporter/peer_memory.hpp"
#include "exporter/recorder.hpp"

// What the journal is told of how peers and interfaces differ from the inventory: when a difference
// begins, and when the last one is gone.

namespace wgscope::exporter {

/// To be called for each peer of a reading that was compared with the inventory.
void tell_differences(Recorder& recorder, const Device& device, const Recorder::Subject& peer,
                      const audit::PeerDrift& drift, DeclaredMarks& told);
/// The same for an interface, and for declared peers that it lacks.
void tell_differences(Recorder& recorder, const Device& device, const audit::InterfaceDrift& drift,
                      DeclaredMarks& told);

}  // namespace wgscope::exporter
