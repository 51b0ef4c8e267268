#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wgscope/audit/drift.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/config/inventory_file.hpp"
#include "wgscope/config/schedule.hpp"

namespace wgscope::exporter {

/// Labels that series of peers have already: a declared label of such a name cannot be one as well.
bool is_own_label(std::string_view name);

/// The name by which an inventory knows this host: as the system calls it, or where the inventory has
/// no such host, without its domain if it has that one. A short name is not completed, because hosts
/// of two domains may share it.
std::string its_name_in(const config::Inventory& inventory, const std::string& hostname);

/// What the metrics need of a peer's declaration.
struct DeclaredSeries {
  /// Labels as they stand behind another label's value: `",team="sales`, so the value that
  /// precedes ends before them. Empty: there are none.
  std::string labels;       ///< on every series of the peer
  std::string info_labels;  ///< on the info metric: the name and all declared labels
  std::string name_label;   ///< on series that always have the name: it, and `labels`
};

/// What each collection needs of it; close together in memory, for a hundred thousand of them.
struct DeclaredTerms {
  std::uint32_t expectation = 0;  ///< index for Expectations
  bool rotates = false;           ///< it has a successor
  std::optional<std::chrono::hours> grace;
};

/// Dates of a key, as far as they are declared.
struct KeyDates {
  std::optional<WallTime> created;
  std::optional<WallTime> rotation_due;
};

/// Which expectations hold at a moment: 1 for a peer that should be online, 0 for others, kUnknown
/// where the host does not know the time zone.
using Expectations = std::vector<std::uint8_t>;
inline constexpr std::uint8_t kUnknownExpectation = 2;

/// An inventory with all that a scrape needs of it, worked out once beside the scrapes. Immutable;
/// shared between threads.
class PreparedInventory {
 public:
  struct Settings {
    std::string host;                      ///< this host's name, as its_name_in() finds it
    std::vector<std::string> peer_labels;  ///< "name" or declared ones, on every series of a peer
    std::uint64_t seed = 0;                ///< random
  };

  PreparedInventory(config::InventoryRead read, const Settings& settings);

  [[nodiscard]] const audit::Declared& declared() const { return declared_; }
  [[nodiscard]] const std::string& name_of(std::uint32_t peer) const {
    return declared_.inventory().peers[peer].name;
  }
  /// @param peer  index into Inventory::peers.
  [[nodiscard]] const DeclaredSeries& series(std::uint32_t peer) const { return series_[peer]; }
  [[nodiscard]] const DeclaredTerms& terms(std::uint32_t peer) const { return terms_[peer]; }
  [[nodiscard]] KeyDates key_dates(std::uint32_t peer) const;
  /// Works out what holds now; few schedules are shared by many peers.
  void expect(WallTime now, Expectations& into) const;
  /// Names of hosts that peers of this host's interfaces have as endpoints, each once, in order.
  [[nodiscard]] const std::vector<std::string>& endpoint_names() const { return endpoint_names_; }
  /// False: interfaces are declared, and none of them for this host. Then nothing is compared.
  [[nodiscard]] bool is_for_this_host() const;
  /// Declared labels that no info metric can have, because the exporter has a label of that name.
  [[nodiscard]] const std::vector<std::string>& refused_labels() const { return refused_labels_; }

 private:
  static constexpr std::uint32_t kRoaming = 0;
  static constexpr std::uint32_t kAlways = 1;
  static constexpr std::uint32_t kFirstSchedule = 2;

  void add_terms();
  [[nodiscard]] bool is_of_this_host(const config::DeclaredPeer& peer) const;

  audit::Declared declared_;
  std::vector<DeclaredSeries> series_;
  std::vector<DeclaredTerms> terms_;
  std::vector<config::Schedule> schedules_;
  std::vector<std::string> endpoint_names_;
  std::vector<std::string> refused_labels_;
};

}  // namespace wgscope::exporter
