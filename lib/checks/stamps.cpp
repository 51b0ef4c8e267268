#include "wgscope/checks/stamps.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/noise/tai64n.hpp"
#include "wgscope/os/stamp_store.hpp"

namespace wgscope::checks {

Result<Stamps> Stamps::open(const std::string& folder, const PublicKey& key) {
  Stamps stamps;
  if (folder.empty()) return stamps;
  auto store = os::StampStore::open(folder, key);
  if (!store) return tl::unexpected(store.error());
  stamps.last_.bytes = store->last();
  stamps.store_.emplace(std::move(*store));
  return stamps;
}

bool Stamps::cover(const noise::Tai64n& stamp) {
  if (store_) {
    if (const auto covered = store_->cover(stamp.bytes); !covered) {
      failure_ = covered.error().context;
      return false;
    }
  }
  last_ = std::max(last_, stamp);
  return true;
}

std::optional<Nanoseconds> Stamps::ahead_of(WallTime now) const {
  const WallTime stamped = last_.time();  // saturates: compare before the difference is taken
  if (stamped <= now) return std::nullopt;
  return stamped - now;
}

}  // namespace wgscope::checks
