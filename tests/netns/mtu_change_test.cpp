// wgscope mtu over a router that stops dropping large packets while the search runs.
//
//   client 10.1.0.1 ---- 10.1.0.2 router 10.2.0.2 ---- 10.2.0.1 server (wireguard-go)

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "files.hpp"
#include "gateway_process.hpp"
#include "need.hpp"
#include "netns.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "routed_path.hpp"
#include "temp_dir.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class MtuChange : public testing::Test {
 protected:
  void SetUp() override {
    WGSCOPE_NEED(why_no_netns());
    net_.emplace();
    gateway_.emplace(net_->server, Kind::wireguard_go);
    write_file(folder_ / "probe.conf", gateway_->target_file(RoutedPath::kServer));
    std::filesystem::permissions(folder_ / "probe.conf", std::filesystem::perms::owner_read);
    drop_above(1400);
  }

  void drop_above(int size) {
    net_->router.must(
        {"nft", "-f", "-"},
        "flush ruleset\ntable inet t {\n chain f {\n  type filter hook forward priority "
        "0\n  meta length > " +
            std::to_string(size) + " drop\n }\n}\n");
  }
  void drop_nothing() { net_->router.must({"nft", "flush", "ruleset"}); }

  /// Runs the program, and changes the path when it says something.
  /// @returns what it says in the end.
  template <class Change>
  std::string ask(const std::string& said, const Change& change) {
    Process program({binary_dir() / "probe/wgscope", "mtu", "--config", folder_ / "probe.conf",
                     "--state.dir", folder_ / "s", "--uapi.dir", folder_ / "none"},
                    ProcessOptions{.env = {}, .netns = net_->client.name(), .input = {}});
    EXPECT_TRUE(program.wait_for_output(said, 30s)) << program.err();
    change();
    code_ = program.wait(70s);
    return program.out();
  }

  TempDir folder_;
  std::optional<RoutedPath> net_;
  std::optional<GatewayProcess> gateway_;
  std::optional<int> code_;
};

/// It may end before it is certain, or after that, when the hop is looked for.
TEST_F(MtuChange, NoMtuIsAdvisedForALimitThatEnded) {
  const std::string out = ask("1401 bytes do not", [&] { drop_nothing(); });
  EXPECT_THAT(out,
              AnyOf(StartsWith("OK: MTU 1420 fits"),
                    StartsWith("WARNING: the path to the gateway changed while it was measured: at "
                               "first its MTU was 1400 bytes")));
  EXPECT_THAT(out, AllOf(HasSubstr("reverse path MTU: every size up to 1480 bytes arrives"),
                         Not(HasSubstr("set MTU"))));
  EXPECT_LE(code_.value_or(3), 1);
}

TEST_F(MtuChange, NoHopIsNamedThatDropsNothingAnyLonger) {
  const std::string out = ask("looking for the hop", [&] { drop_nothing(); });
  EXPECT_THAT(out,
              AllOf(StartsWith("CRITICAL: the path MTU from the gateway is 1388 to 1403 bytes"),
                    HasSubstr("the path to the gateway changed while it was measured"),
                    Not(HasSubstr("(hop 1) drops")), Not(HasSubstr("dropped between")),
                    Not(HasSubstr("set MTU"))));
}

TEST_F(MtuChange, NoHopIsNamedWhoseLimitMoves) {
  const std::string out = ask("looking for the hop", [&] { drop_above(1300); });
  EXPECT_THAT(out, AllOf(Not(HasSubstr("(hop 1) drops")), Not(HasSubstr("dropped between"))));
}

}  // namespace
}  // namespace wgscope::test
