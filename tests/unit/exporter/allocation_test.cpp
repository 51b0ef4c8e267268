#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "../source/allocation_watch.hpp"
#include "collections_fixture.hpp"
#include "exporter/collectors/collectors.hpp"
#include "exporter/exposition/output.hpp"
#include "exporter/exposition/writer.hpp"
#include "exporter/history.hpp"
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
  /// Allocations of a whole scrape of this many peers that were there before.
  std::size_t count_for(std::uint32_t peers, const RenderOptions& render_options) {
    std::vector<DaemonPeer> listed;
    for (std::uint32_t i = 0; i < peers; ++i) listed.push_back({i, 1'600'000'000, i});
    FakeDaemon daemon(folder_.path(), "lo", daemon_answer(listed));
    std::string names;
    for (std::uint32_t i = 0; i < peers; ++i) names += key(i).base64() + ": somebody's laptop\n";
    test::write_file(folder_ / "names", names);
    CollectorOptions with_names = options();
    with_names.names.push_back({(folder_ / "names").string(), NamesFile::Kind::map});
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

}  // namespace
}  // namespace wgscope::exporter
