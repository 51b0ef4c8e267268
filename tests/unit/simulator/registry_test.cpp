// A gateway with an inventory: what its exporter writes, and how operators change both.

#include "registry.hpp"

#include <chrono>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter.hpp"
#include "gateway.hpp"
#include "lives.hpp"
#include "operators.hpp"
#include "series.hpp"

namespace wgscope::simulator {
namespace {

using namespace std::chrono_literals;

class RegistryTest : public testing::Test {
 protected:
  RegistryTest() : interface(gateway.add_interface("wg0", "", false)) {
    gateway.set_epoch(day.epoch());
    exporter.use(registry);
    operators.declare_interface(interface);
  }

  Peer& add(const std::string& name) {
    Peer& peer = gateway.add_peer(interface, key_text("gw", name), name);
    life = make_unused(clock, chance, peer);
    return peer;
  }
  void start() {
    gateway.start();
    registry.start();
    exporter.start();
  }
  /// What a series of a peer has, with one value a minute since the last start.
  std::string after(Time time, const std::string& name, const std::string& labels) {
    const Time end = clock.now() + time;
    for (; clock.now() < end; ++slot) {
      clock.run_until(clock.now() + 1min);
      exporter.write(slot);
      target.end_scrape(slot);
    }
    return target.series(name, labels).values();
  }
  static std::string labels(const std::string& key, const std::string& name) {
    return "interface=\"wg0\",public_key=\"" + key_text("gw", key) + "\"" +
           (name.empty() ? "" : ",name=\"" + name + "\"");
  }

  const Day day = day_of_change(true);
  Clock clock;
  Chance chance{1};
  Gateway gateway{clock, chance, "gw"};
  Interface& interface;
  Target target{"gw:9586"};
  Exporter exporter{clock, chance, gateway, target, false};
  Registry registry{clock, chance, "gw"};
  Operators operators{clock, chance, gateway, registry, day};
  std::unique_ptr<Life> life;
  std::int64_t slot = 0;
};

TEST_F(RegistryTest, TellsWhoIsDeclared) {
  Peer& anna = add("anna");
  operators.declare(interface, anna, *life, {});
  Peer& bert = add("bert");
  start();
  EXPECT_EQ(after(1min, "wireguard_peer_undeclared", labels("bert", "")), "1");
  EXPECT_EQ(after(0min, "wireguard_peer_undeclared", labels("anna", "anna")), "");
  operators.declare(interface, bert, *life, {});
  gateway.remove_peer(interface, anna);
  EXPECT_EQ(after(1min, "wireguard_peer_undeclared", labels("bert", "")), "1 stale");
  EXPECT_EQ(after(0min, "wireguard_peer_missing", labels("anna", "anna")), "_x1 1");
  gateway.bring_back_peer(interface, anna);
  EXPECT_EQ(after(1min, "wireguard_peer_missing", labels("anna", "anna")), "_x1 1 stale");
}

TEST_F(RegistryTest, TellsWhichInterfacesAreDeclared) {
  start();
  Interface& other = gateway.prepare_interface("other", false);
  EXPECT_EQ(after(1min, "wireguard_interface_undeclared", R"(interface="other")"), "");
  gateway.create_interface(other);
  EXPECT_EQ(after(1min, "wireguard_interface_undeclared", R"(interface="other")"), "_x1 1");
  registry.change(
      [](config::Inventory& inventory) { inventory.unmanaged_interfaces.push_back({"oth*", ""}); });
  EXPECT_EQ(after(1min, "wireguard_interface_undeclared", R"(interface="other")"), "_x1 1 stale");
  registry.change([](config::Inventory& inventory) { inventory.unmanaged_interfaces.clear(); });
  EXPECT_EQ(after(1min, "wireguard_interface_undeclared", R"(interface="other")"), "_x1 1 stale 1");
  operators.declare_interface(other);
  EXPECT_EQ(after(1min, "wireguard_interface_undeclared", R"(interface="other")"),
            "_x1 1 stale 1 stale");
}

TEST_F(RegistryTest, InterfacesThatAreAddedOrExemptedAreUndeclaredForADeploymentAtMost) {
  start();
  for (int i = 0; i < 8; ++i) i % 2 == 0 ? operators.add_interface() : operators.exempt_interface();
  after(10min, "up", "");
  EXPECT_EQ(gateway.interfaces().size(), 9U);
  for (const auto& each : gateway.interfaces()) EXPECT_TRUE(each->present) << each->name;
  int seen = 0;
  for (const auto& [id, series] : target.all()) {
    if (!id.starts_with("wireguard_interface_undeclared")) continue;
    EXPECT_THAT(series.values(), testing::EndsWith("stale")) << id;
    ++seen;
  }
  EXPECT_GT(seen, 0) << "some came before their declaration";
}

TEST_F(RegistryTest, ABootMakesOnlyInterfacesThatWereInstalled) {
  Interface& own = gateway.prepare_interface("own", false);
  Interface& other = gateway.prepare_interface("other", false);
  start();
  EXPECT_FALSE(own.present);
  gateway.install_interface(own);
  gateway.create_interface(other);
  gateway.stop();
  gateway.boot(0s);
  EXPECT_TRUE(own.present);
  EXPECT_FALSE(other.present);
}

TEST_F(RegistryTest, ABrokenFileKeepsWhatItDeclared) {
  Peer& anna = add("anna");
  operators.declare(interface, anna, *life, {});
  start();
  after(1min, "up", "");
  registry.set_broken(true);
  add("bert");
  operators.declare(interface, anna, *life, {});
  EXPECT_EQ(after(1min, "wireguard_inventory_last_reload_success", ""), "1 0");
  EXPECT_EQ(after(0min, "wireguard_peer_undeclared", labels("bert", "")), "")
      << "the broken file may declare it";
  registry.set_broken(false);
  EXPECT_EQ(after(1min, "wireguard_inventory_last_reload_success", ""), "1 0 1");
  EXPECT_EQ(after(0min, "wireguard_peer_undeclared", labels("bert", "")), "_x2 1");
}

TEST_F(RegistryTest, ABootWithAClockThatIsBehindMakesNoPeerLookNew) {
  Peer& anna = add("anna");
  operators.declare(interface, anna, *life, {});
  start();
  after(30min, "up", "");
  gateway.stop();
  exporter.stop();
  gateway.boot(-1h);
  exporter.start();
  after(1min, "up", "");
  gateway.step_clock(0s);
  EXPECT_EQ(after(90min, "wireguard_peer_handshake_overdue", labels("anna", "anna")), "");
}

TEST_F(RegistryTest, APrefixBelongsToThePeerThatWasGivenItLast) {
  Peer& anna = add("anna");
  operators.declare(interface, anna, *life, {});
  Peer& bert = add("bert");
  operators.declare(interface, bert, *life, {});
  start();
  Gateway::set_allowed_ips(interface, bert,
                           {bert.allowed_ips().front(), anna.allowed_ips().front()});
  EXPECT_TRUE(anna.allowed_ips().empty());
  EXPECT_EQ(after(1min, "wireguard_peer_allowed_ips_conflict", labels("anna", "anna")), "1");
}

TEST_F(RegistryTest, ARotationRaisesNothingAndEndsWithTheNewKey) {
  Peer& anna = gateway.add_peer(interface, key_text("gw", "anna"), "anna");
  life = make_site(clock, chance, anna);
  Operators::Terms terms;
  terms.online = config::ExpectedOnline::always;
  terms.kind = Operators::Kind::site;
  operators.declare(interface, anna, *life, terms);
  start();
  life->start();
  after(5min, "up", "");
  operators.rotate_key();
  after(4h, "up", "");
  ASSERT_EQ(interface.peers.size(), 1U);
  EXPECT_EQ(interface.peers.front()->key(), key_text("gw", "rotated1"));
  EXPECT_TRUE(interface.peers.front()->side().last_handshake());
  for (const auto& [id, series] : target.all())
    EXPECT_FALSE(id.starts_with("wireguard_peer_drift") || id.starts_with("wireguard_peer_handsh"))
        << id << " " << series.values();
}

}  // namespace
}  // namespace wgscope::simulator
