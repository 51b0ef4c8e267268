// The schemas in docs/ by themselves; whether reports are as they say is tested with a validator
// (tests/e2e/report_formats_test.cpp).

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "files.hpp"
#include "paths.hpp"

namespace wgscope::render {
namespace {

using nlohmann::json;

constexpr const char* kSchemas[] = {"docs/report.schema.json", "docs/lint.schema.json"};

json schema(const char* path) { return json::parse(test::read_file(test::source_dir() / path)); }

/// Whatever says "type": "object", wherever it is.
void collect_objects(const json& node, const std::string& place,
                     std::vector<std::pair<std::string, json>>& into) {
  if (node.is_object() && node.contains("type") && node["type"] == "object")
    into.emplace_back(place, node);
  if (!node.is_structured()) return;
  for (const auto& [name, inner] : node.items()) collect_objects(inner, place + "/" + name, into);
}

TEST(ReportSchema, DescribesEveryProperty) {
  std::vector<std::pair<std::string, json>> objects;
  for (const char* path : kSchemas) collect_objects(schema(path), path, objects);
  ASSERT_GE(objects.size(), 10U);
  for (const auto& [place, object] : objects) {
    EXPECT_FALSE(object.value("description", "").empty()) << place;
    if (!object.contains("properties")) continue;
    for (const auto& [name, property] : object["properties"].items())
      EXPECT_FALSE(property.value("description", "").empty()) << place << "/" << name;
  }
}

TEST(ReportSchema, AllowsNothingElse) {
  std::vector<std::pair<std::string, json>> objects;
  for (const char* path : kSchemas) collect_objects(schema(path), path, objects);
  for (const auto& [place, object] : objects) {
    if (object.contains("properties")) {
      EXPECT_EQ(object.value("additionalProperties", json(true)), json(false)) << place;
      for (const json& name : object.value("required", json::array()))
        EXPECT_TRUE(object["properties"].contains(name.get<std::string>())) << place << name;
    }
  }
}

}  // namespace
}  // namespace wgscope::render
