#include "exporter/inventory/prepared.hpp"

#include <array>
#include <string>
#include <string_view>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"
#include "wgscope/config/inventory_file.hpp"

#include "keys.hpp"

namespace wgscope::exporter {
namespace {

using ::testing::ElementsAre;

config::InventoryRead read(const std::string& text) {
  const std::array<config::InventoryText, 1> files{{{"inventory.yaml", text}}};
  auto made = config::read_inventory(files, [](std::string_view) { return Result<>(); });
  EXPECT_EQ(made.errors(), 0U);
  return made;
}

std::string peer(std::uint32_t number, std::string_view more) {
  return fmt::format("  - {{name: p{}, public_key: {}, {}}}\n", number, key(number).base64(), more);
}

TEST(ItsName, IsTheSystemsOrThatWithoutTheDomain) {
  const auto of_hosts = [](std::string_view hosts) {
    return read(fmt::format("interfaces: [{{name: wg0, hosts: {}}}]\n", hosts)).inventory;
  };
  EXPECT_EQ(its_name_in(of_hosts("[gw-1]"), "gw-1"), "gw-1");
  EXPECT_EQ(its_name_in(of_hosts("[gw-1]"), "gw-1.example.net"), "gw-1");
  EXPECT_EQ(its_name_in(of_hosts("[gw-1.example.net]"), "gw-1.example.net"), "gw-1.example.net");
  EXPECT_EQ(its_name_in(of_hosts("[gw-1, gw-1.example.net]"), "gw-1.example.net"),
            "gw-1.example.net");
  EXPECT_EQ(its_name_in(of_hosts("[gw-1.example.net]"), "gw-1"), "gw-1")
      << "gw-1 of another domain has this name as well";
  EXPECT_EQ(its_name_in(read("peers:\n" + peer(1, "interfaces: [wg0@gw-1]")).inventory,
                        "gw-1.example.net"),
            "gw-1");
}

TEST(EndpointNames, AreThoseOfThisHostsInterfacesEachOnce) {
  const PreparedInventory prepared(
      read("interfaces: [{name: wg0, hosts: [gw-1]}, {name: wg1, hosts: [gw-2]}]\npeers:\n" +
           peer(1, R"(endpoint: "b.example:1")") + peer(2, R"(endpoint: "a.example:2")") +
           peer(3, R"(endpoint: "b.example:3", interfaces: [wg0])") +
           peer(4, R"(endpoint: "elsewhere.example:3", interfaces: [wg1])") +
           peer(5, R"(endpoint: "c.example:3", interfaces: [wg0@gw-1])") +
           peer(6, R"(endpoint: "192.0.2.1:3")") + peer(7, R"(endpoint: "[2001:db8::1]:3")")),
      {.host = "gw-1", .peer_labels = {}, .seed = 1});
  EXPECT_THAT(prepared.endpoint_names(), ElementsAre("a.example", "b.example", "c.example"));
}

TEST(SharedSchedules, AreWorkedOutOnce) {
  const std::string hours = "expected_online: {time_zone: UTC, hours: [mon-fri 08:00-18:00]}";
  const PreparedInventory prepared(read("peers:\n" + peer(1, hours) + peer(2, hours) +
                                        peer(3, "expected_online: always") + peer(4, "grace: 1h")),
                                   {.host = "gw-1", .peer_labels = {}, .seed = 1});
  EXPECT_EQ(prepared.terms(0).expectation, prepared.terms(1).expectation);
  Expectations now;
  prepared.expect(WallTime{std::chrono::seconds(1'780'308'000)}, now);  // a Monday, 10:00
  EXPECT_EQ(now[prepared.terms(0).expectation], 1);
  EXPECT_EQ(now[prepared.terms(2).expectation], 1);
  EXPECT_EQ(now[prepared.terms(3).expectation], 0);
  prepared.expect(WallTime{std::chrono::seconds(1'780'308'000 + 86'400 / 2)}, now);
  EXPECT_EQ(now[prepared.terms(0).expectation], 0);
  EXPECT_EQ(now[prepared.terms(2).expectation], 1);
}

}  // namespace
}  // namespace wgscope::exporter
