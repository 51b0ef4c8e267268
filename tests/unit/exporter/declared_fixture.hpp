#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/audit/drift.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/os/clock.hpp"

#include "collections_fixture.hpp"
#include "exporter/collection.hpp"
#include "exporter/device_view.hpp"
#include "exporter/inventory/declarations.hpp"
#include "fake_daemon.hpp"
#include "files.hpp"
#include "keys.hpp"
#include "metrics.hpp"
#include "sample_collection.hpp"
#include "wait.hpp"
#include "write_later.hpp"

namespace wgscope::exporter {

/// Seconds since 1970 of Monday 2026-06-01 10:00 UTC, which is 12:00 in Berlin.
inline constexpr std::int64_t kMonday = 1'780'308'000;

/// What FakeDaemon says that every peer has.
inline constexpr std::string_view kAllowed = R"(allowed_ips: [10.0.0.0/8, "fd00::/64"])";

inline std::string declare(std::uint32_t number, std::string_view name,
                           std::string_view more = kAllowed) {
  return fmt::format("  - {{name: {}, public_key: {}, {}}}\n", name, key(number).base64(), more);
}

class DeclaredState : public CollectionsTest {
 protected:
  /// What a scrape says, with an inventory of these entries and peers.
  test::Metrics scrape(const std::string& inventory, const std::vector<DaemonPeer>& peers) {
    begin(inventory, peers);
    return scrape();
  }

  void begin(const std::string& inventory, const std::vector<DaemonPeer>& peers) {
    collections_.reset();
    daemon_.reset();
    daemon_.emplace(folder_.path(), "lo", daemon_answer(peers));
    write_later(path(), inventory);
    Declarations::Settings settings;
    settings.paths = {path()};
    settings.host = "gw-1";
    settings.use.peer_labels = labels_;
    settings.clock = [this] { return now(); };
    declarations_ = std::make_shared<Declarations>(settings, collect_warnings());
    CollectorOptions with = options();
    with.declarations = declarations_;
    with.clock = settings.clock;
    with.state_dir = state_dir_;
    with.journal = journal_;
    if (!names_.empty()) {
      write_later(folder_ / "names", names_);
      with.names.push_back({(folder_ / "names").string(), NamesFile::Kind::map});
    }
    collections_ = std::make_unique<Collections>(with, collect_warnings());
  }

  /// Who is overdue three days after anna, who had a handshake, and bert, who had none, were removed
  /// and added again.
  std::vector<std::string> overdue_after_removal() {
    begin("peers:\n" + declare(2, "anna", "grace: 2d") + declare(3, "bert", "grace: 2d"), {{1}});
    scrape();
    for (const auto& peers :
         {std::vector<DaemonPeer>{{1}, {2, wall_ + 60, 500}, {3}}, {{1}}, {{1}, {2}, {3}}}) {
      wall_ += 60;
      daemon_->answer_with(daemon_answer(peers));
      EXPECT_THAT(named(scrape(), "wireguard_peer_handshake_overdue"), testing::IsEmpty());
    }
    wall_ += 3 * 86'400;
    return named(scrape(), "wireguard_peer_handshake_overdue");
  }

  test::Metrics scrape() {
    const auto collection = collections_->get(soon());
    if (!collection) throw std::runtime_error(collection.error().context);
    text_ = render(**collection, {.name_label = !labels_.empty()}, Format::text);
    return test::Metrics::parse(text_);
  }

  /// Of declarations that are watched.
  template <class Condition>
  void reload_until(Condition condition) {
    declarations_->reload();
    ASSERT_TRUE(test::wait_until([&] { return condition(*declarations_->state()); },
                                 std::chrono::seconds(20)));
  }

  [[nodiscard]] std::string path() const { return (folder_ / "inventory.yaml").string(); }

  /// The boot clock goes on by itself, so that deadlines hold.
  [[nodiscard]] Now now() const { return {os::boot_now(), WallTime{std::chrono::seconds(wall_)}}; }

  /// The names of the peers for which there is a sample of value 1.
  static std::vector<std::string> named(const test::Metrics& metrics, std::string_view metric) {
    std::vector<std::string> names;
    for (const test::Sample& sample : metrics.find(std::string(metric), {})) {
      if (sample.value != 1) continue;
      const auto name = sample.labels.find("name");
      names.push_back(name == sample.labels.end() ? "?" : name->second);
    }
    return names;
  }

  std::int64_t wall_ = kMonday;
  std::vector<std::string> labels_;
  std::string state_dir_;
  std::string journal_;
  std::string names_;
  std::string text_;
  std::optional<FakeDaemon> daemon_;
  std::shared_ptr<Declarations> declarations_;
  std::unique_ptr<Collections> collections_;
};

}  // namespace wgscope::exporter
