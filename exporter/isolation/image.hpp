#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "wgscope/base/result.hpp"
#include "wgscope/model/snapshot.hpp"

#include "exporter/reading.hpp"

namespace wgscope::exporter {

/// The bytes in which the process that reads hands a reading over to the one that serves, both of
/// one program and one host. They hold what Snapshot and NamesReading hold, so no secrets.
///
/// The reader of the bytes trusts none of them: whoever took the other process over by a hostile
/// answer of a daemon must not get any further.
struct Image {
  const Snapshot& snapshot;
  const NamesReading& names;
  bool with_names = true;  ///< false: the names are those that were handed over before

  [[nodiscard]] std::size_t size() const;  ///< in bytes
  /// @param to  of size() bytes.
  void write(std::span<std::byte> to) const;
};

/// Fills both from an image, and uses the memory that they have. `names.names` stays as it was if
/// the image has no names.
/// @returns truncated or bad_value, after which what `into` and `names` hold is unspecified.
Result<> read_image(std::span<const std::byte> image, Snapshot& into, NamesReading& names);

}  // namespace wgscope::exporter
