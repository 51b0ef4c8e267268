#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "wgscope/audit/drift.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/resolve.hpp"

namespace wgscope::exporter {

/// Looks up the names of declared endpoints again and again, one at a time, beside everything else.
///
/// getaddrinfo(3) cannot be stopped, and waits long for silent name servers. So it runs on a thread
/// that nobody waits for, also not at the end of the program: it shares only what it keeps alive
/// itself. A silent server delays other names, and nothing else.
class NameLookups {
 public:
  using LookUp = std::function<Result<std::vector<Endpoint>>(const std::string& host)>;
  struct Settings {
    Nanoseconds interval = std::chrono::minutes(5);      ///< between two look-ups of one name
    Nanoseconds pause = std::chrono::milliseconds(100);  ///< between one look-up and the next
    LookUp look_up = [](const std::string& host) { return os::resolve(host, 0); };
    std::function<Now()> clock = os::now;
  };
  /// Names beyond these are not looked up.
  static constexpr std::size_t kMostNames = 1000;

  /// What is known now. Immutable.
  struct Known {
    audit::Resolutions resolutions;  ///< of the names that were looked up
    /// When the name was looked up with success, for which that is longest ago; a name that never
    /// was counts from when it was first wanted. Nothing: there are no names.
    std::optional<Instant> oldest;
  };

  explicit NameLookups(Settings settings);
  NameLookups(const NameLookups&) = delete;
  NameLookups& operator=(const NameLookups&) = delete;
  ~NameLookups();  ///< does not wait for a look-up that is going on

  /// Which names are wanted from now on; the first kMostNames of them.
  void want(const std::vector<std::string>& names);
  [[nodiscard]] std::shared_ptr<const Known> known() const;

 private:
  struct Shared;

  static void run(const std::shared_ptr<Shared>& shared);

  std::shared_ptr<Shared> shared_;
};

}  // namespace wgscope::exporter
