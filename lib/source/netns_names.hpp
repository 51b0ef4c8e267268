#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "wgscope/base/result.hpp"
#include "wgscope/os/netns.hpp"

namespace wgscope::source {

/// What people call network namespaces: their names under /run/netns, which become labels.
///
/// A name is remembered by its namespace and believed only after another look, so that series keep
/// their labels while the name exists. All names are looked up at most once in a collection.
class NetnsNames {
 public:
  explicit NetnsNames(std::string folder) : folder_(std::move(folder)) {}

  void begin_collection() { looked_ = false; }

  /// @returns its name, or the form /proc shows (`net:[4026531840]`) where it has none;
  /// access_denied, io when a name could not be looked at that may be its name.
  Result<std::string> label_of(const os::Netns& netns);

 private:
  [[nodiscard]] std::optional<std::string> find(os::NetnsId id) const;
  void look();

  std::string folder_;
  std::map<os::NetnsId, std::string> names_;  ///< what look() found the last time
  std::optional<Error> obstacle_;  ///< why look() could not find all names; nothing: it did
  bool looked_ = false;            ///< look() was called in this collection
};

}  // namespace wgscope::source
