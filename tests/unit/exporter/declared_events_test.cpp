#include "exporter/declared_events.hpp"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/audit/drift.hpp"
#include "wgscope/journal/event.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/snapshot.hpp"

#include "exporter/recorder.hpp"
#include "keys.hpp"

namespace wgscope::exporter {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Listener final : public EventSink {
 public:
  void take(const journal::Event& event) override {
    const bool declared = event.kind == journal::EventKind::key_undeclared ||
                          event.kind == journal::EventKind::configuration_drifted ||
                          event.kind == journal::EventKind::configuration_healed;
    if (!declared) return;
    EXPECT_EQ(event.interface, "wg0");
    EXPECT_EQ(event.name, event.key ? "anna" : "");
    events_.push_back(fmt::format("{}{}{}",
                                  journal::kEventNames.at(static_cast<std::size_t>(event.kind)),
                                  event.key ? " peer " : " ", event.detail));
  }
  void flush() override {}
  bool begun_anew() override { return false; }

  std::vector<std::string> heard() { return std::exchange(events_, {}); }

 private:
  std::vector<std::string> events_;
};

class DeclaredEvents : public testing::Test {
 protected:
  DeclaredEvents() {
    device_.name = "wg0";
    recorder_.begin(Snapshot{}, nullptr, 0);
  }
  std::vector<std::string> peer(const audit::PeerDrift& drift) {
    const PublicKey anna = key(1);
    const std::string name = "anna";
    tell_differences(recorder_, device_, {&anna, &name}, drift, told_);
    return listener_.heard();
  }
  std::vector<std::string> interface(const audit::InterfaceDrift& drift) {
    tell_differences(recorder_, device_, drift, told_);
    return listener_.heard();
  }

  Device device_;
  Listener listener_;
  Recorder recorder_{{}, &listener_};
  DeclaredMarks told_ = 0;
};

TEST_F(DeclaredEvents, TellOfAnUndeclaredKeyOnce) {
  EXPECT_THAT(peer({}), IsEmpty());
  EXPECT_THAT(peer({.undeclared = true}), ElementsAre("key_undeclared peer "));
  EXPECT_THAT(peer({.undeclared = true}), IsEmpty());
  EXPECT_THAT(peer({}), IsEmpty()) << "it is declared now";
  EXPECT_THAT(peer({.undeclared = true}), ElementsAre("key_undeclared peer "));
}

TEST_F(DeclaredEvents, TellWhatBeginsToDifferAndWhenAllIsWell) {
  EXPECT_THAT(peer({.endpoint = true, .keepalive = true}),
              ElementsAre("configuration_drifted peer endpoint, persistent_keepalive"));
  EXPECT_THAT(peer({.allowed_ips = true, .endpoint = true}),
              ElementsAre("configuration_drifted peer allowed_ips"));
  EXPECT_THAT(peer({.endpoint = true}), IsEmpty()) << "one of them is healed, not all";
  EXPECT_THAT(peer({}), ElementsAre("configuration_healed peer "));
  EXPECT_THAT(peer({}), IsEmpty());
}

TEST_F(DeclaredEvents, TellEveryDifferenceOfAPeer) {
  EXPECT_THAT(peer({.retired = true}), ElementsAre("configuration_drifted peer retired_key"));
  EXPECT_THAT(peer({.retired = true, .conflict = true, .preshared_key = true, .too_broad = true}),
              ElementsAre("configuration_drifted peer allowed_ips, preshared_key, "
                          "allowed_ips_too_broad"));
}

TEST_F(DeclaredEvents, TellOfInterfacesAndOfPeersThatTheyLack) {
  audit::InterfaceDrift drift;
  drift.mtu = true;
  EXPECT_THAT(interface(drift), ElementsAre("configuration_drifted mtu"));
  drift.public_key = drift.listen_port = drift.fwmark = true;
  drift.missing = {3};
  EXPECT_THAT(interface(drift),
              ElementsAre("configuration_drifted public_key, listen_port, fwmark, missing_peers"));
  EXPECT_THAT(interface({}), ElementsAre("configuration_healed "));
}

}  // namespace
}  // namespace wgscope::exporter
