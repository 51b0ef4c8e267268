// docs/inventory.schema.json, held against the examples and against files with mistakes by Debian's
// validator: what wgscope reads without a problem the schema accepts, and what the schema refuses
// wgscope refuses, too.

#include <charconv>
#include <cstddef>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include "wgscope/base/result.hpp"
#include "wgscope/config/inventory_file.hpp"

#include "files.hpp"
#include "json_schema.hpp"
#include "need.hpp"
#include "paths.hpp"

namespace wgscope::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

/// As an editor reads YAML 1.2: numbers are numbers, everything else here is text.
json to_json(const YAML::Node& node) {
  if (node.IsSequence()) {
    json made = json::array();
    for (const YAML::Node& item : node) made.push_back(to_json(item));
    return made;
  }
  if (node.IsMap()) {
    json made = json::object();
    for (const auto& field : node) made[field.first.as<std::string>()] = to_json(field.second);
    return made;
  }
  if (node.IsNull()) return nullptr;
  const auto text = node.as<std::string>();
  long number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool plain = node.Tag() != "!";  // in quotes it is text
  if (plain && error == std::errc{} && end == text.data() + text.size()) return number;
  return text;
}

/// What the validator has against each of the documents, a line each that begins with its number.
std::string faults(const std::vector<std::string>& documents) {
  json all = json::array();
  for (const std::string& document : documents) all.push_back(to_json(YAML::Load(document)));
  return schema_faults("docs/inventory.schema.json", all);
}

/// The blocks of YAML in the documentation.
std::vector<std::string> examples() {
  std::istringstream lines(read_file(source_dir() / "docs/inventory.md"));
  std::vector<std::string> found;
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line == "```yaml") {
      inside = true;
      found.emplace_back();
    } else if (line == "```") {
      inside = false;
    } else if (inside) {
      found.back() += line + "\n";
    }
  }
  return found;
}

config::InventoryRead read(const std::string& text) {
  const std::vector<config::InventoryText> files{{"example", text}};
  return config::read_inventory(files, [](std::string_view) { return Result<>(); });
}

class InventorySchema : public testing::Test {
 protected:
  void SetUp() override { WGSCOPE_NEED(why_no_json_schema()); }
};

TEST_F(InventorySchema, AcceptsTheExamplesAndWhatIsShownOfThem) {
  std::vector<std::string> documents = examples();
  ASSERT_FALSE(documents.empty());
  for (std::size_t i = 0, count = documents.size(); i < count; ++i) {
    const config::InventoryRead made = read(documents[i]);
    EXPECT_TRUE(made.problems.empty()) << config::to_string(made.problems.at(0), made.files);
    EXPECT_FALSE(made.inventory.peers.empty());
    documents.push_back(config::write_inventory(made.inventory));
  }
  EXPECT_EQ(faults(documents), "");
}

TEST_F(InventorySchema, RefusesWhatIsRefused) {
  const std::string peer =
      "peers:\n- name: x\n  public_key: 8Lq2kpvvEGlbCCHcIxc5hVPFqS9dJlMTfVxNqSzVQ2o=\n  ";
  std::vector<std::string> bad{"peers: 7",
                               "peers: [{name: x}]",
                               "peers: [{name: x, public_key: short}]",
                               "interfaces: [{mtu: 1400}]",
                               "interfaces: [{name: wg0, mtu: 9}]",
                               "interfaces: [{name: 'a@b'}]",
                               "interfaces: [{name: wg0, fwmark: on}]",
                               "groups: {g: {name: x, private_key: y}}",
                               "defaults: [x]",
                               "policies: {widest_prefix: [{labels: {a: b}}]}",
                               "policies: {reserved: [{only: {a: b}}]}",
                               "policies: {no_overlap: [a-b]}"};
  for (const char* field :
       {"allowed_ips: [nowhere]", "endpoint: gw.example.net", "persistent_keepalive: 70000",
        "persistent_keepalive: sometimes", "preshared_key: maybe", "expected_online: sometimes",
        "expected_online: {time_zone: UTC}", "expected_online: {time_zone: UTC, hours: [mon]}",
        "grace: 2 days", "rotation: 36h", "key_created: 31.1.2026", "labels: {__a: b}",
        "labels: {a: \"b\\nc\"}", "successor: {until: 2026-01-01}", "private_key: x",
        "interfaces: wg0@"})
    bad.push_back(peer + field);
  for (const std::string& document : bad) EXPECT_GT(read(document).errors(), 0U) << document;
  const std::string found = "\n" + faults(bad);
  for (std::size_t i = 0; i < bad.size(); ++i)
    EXPECT_THAT(found, HasSubstr("\n" + std::to_string(i) + " ")) << bad[i];
}

}  // namespace
}  // namespace wgscope::test
