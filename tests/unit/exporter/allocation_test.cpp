#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "../source/allocation_watch.hpp"
#include "collections_fixture.hpp"
#include "exporter/collectors/collectors.hpp"
#include "exporter/exposition/output.hpp"
#include "exporter/exposition/writer.hpp"
#include "exporter/history.hpp"
#include "exporter/inventory/declarations.hpp"
#include "fake_daemon.hpp"
#include "files.hpp"
#include "keys.hpp"

// In a program of its own: it counts what operator new does.
namespace wgscope::exporter {
namespace {

using wgscope::testing::AllocationWatch;

TEST(PeerTableAllocation, IsNoneWhenTheSamePeersAreReadAgain) {
  constexpr std::uint32_t kPeers = 5000;
  std::vector<PublicKey> keys;
  for (std::uint32_t i = 0; i < kPeers; ++i) keys.push_back(key(i));
  PeerTable table(1);
  const auto read = [&] {
    table.begin_reading();
    std::size_t found = 0;
    for (const PublicKey& one : keys) found += table.find(one, {}) != nullptr ? 1U : 0U;
    EXPECT_EQ(found, keys.size());
    EXPECT_FALSE(table.forget_unlisted());
  };
  read();
  AllocationWatch::start();
  read();
  AllocationWatch::stop();
  EXPECT_EQ(AllocationWatch::count(), 0U) << "in the same order";

  std::shuffle(keys.begin(), keys.end(), std::mt19937_64(1));
  read();
  std::shuffle(keys.begin(), keys.end(), std::mt19937_64(2));
  AllocationWatch::start();
  read();
  AllocationWatch::stop();
  EXPECT_EQ(AllocationWatch::count(), 0U) << "in any order";
}

class DiscardingSink final : public Sink {
 public:
  bool write(std::span<const char>) override { return true; }
};

class ScrapeAllocation : public CollectionsTest {
 protected:
  /// As FakeDaemon has them, but for a keepalive of some.
  std::shared_ptr<const Declarations> declare(std::uint32_t peers) {
    std::string text = "peers:\n";
    for (std::uint32_t i = 0; i < peers; ++i)
      text += fmt::format(
          "  - {{name: laptop-{0}, public_key: {1}, allowed_ips: [10.0.0.0/8, 'fd00::/64'], "
          "labels: {{team: sales}}, persistent_keepalive: {2}}}\n",
          i, key(i).base64(), i % 10 == 0 ? 10 : 25);
    test::write_file(folder_ / "inventory.yaml", text);
    Declarations::Settings settings;
    settings.paths = {(folder_ / "inventory.yaml").string()};
    settings.use.peer_labels = {"team"};
    return std::make_shared<const Declarations>(settings, collect_warnings());
  }

  /// Allocations of a whole scrape of this many peers that were there before.
  /// @param inventory  declares the peers.
  std::size_t count_for(std::uint32_t peers, const RenderOptions& render_options,
                        bool inventory = false) {
    std::vector<DaemonPeer> listed;
    for (std::uint32_t i = 0; i < peers; ++i) listed.push_back({i, 1'600'000'000, i});
    FakeDaemon daemon(folder_.path(), "lo", daemon_answer(listed));
    std::string names;
    for (std::uint32_t i = 0; i < peers; ++i) names += key(i).base64() + ": somebody's laptop\n";
    test::write_file(folder_ / "names", names);
    CollectorOptions with_names = options();
    with_names.names.push_back({(folder_ / "names").string(), NamesFile::Kind::map});
    if (inventory) with_names.declarations = declare(peers);
    Collections collections(with_names, collect_warnings());
    const auto scrape = [&] {
      const auto collection = get(collections);
      EXPECT_EQ(collection->views.at(0).peers.size(), peers);
      DiscardingSink sink;
      Output output(sink);
      Writer writer(Format::openmetrics, output);
      write_collection(*collection, render_options, writer);
      writer.finish();
    };
    scrape();
    AllocationWatch::start();
    scrape();
    AllocationWatch::stop();
    return AllocationWatch::count();
  }
};

TEST_F(ScrapeAllocation, DoesNotGrowWithThePeersThatWereThereBefore) {
  const std::size_t with_2000 = count_for(2000, {});
  EXPECT_EQ(count_for(4000, {}), with_2000);
  EXPECT_LT(with_2000, 1000U);
}

TEST_F(ScrapeAllocation, DoesNotGrowWithAllowedIpsEither) {
  const RenderOptions with_all{.allowed_ip_info = true, .name_label = true};
  EXPECT_EQ(count_for(2000, with_all), count_for(4000, with_all));
}

TEST_F(ScrapeAllocation, DoesNotGrowWithDeclaredPeersEither) {
  EXPECT_EQ(count_for(2000, {}, true), count_for(4000, {}, true));
}

}  // namespace
}  // namespace wgscope::exporter
