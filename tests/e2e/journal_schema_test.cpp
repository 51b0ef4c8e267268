// docs/journal.schema.json, held against lines of every event by Debian's validator, and against
// what the parser refuses.

#include <chrono>
#include <cstddef>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "wgscope/base/time.hpp"
#include "wgscope/journal/event.hpp"
#include "wgscope/model/public_key.hpp"

#include "files.hpp"
#include "json_schema.hpp"
#include "need.hpp"
#include "paths.hpp"

namespace wgscope::test {
namespace {

using nlohmann::json;

constexpr const char* kSchema = "docs/journal.schema.json";

TEST(JournalSchema, AcceptsEveryEventThatIsWritten) {
  WGSCOPE_NEED(why_no_json_schema());
  json lines = json::array();
  for (std::size_t kind = 0; kind < journal::kEventNames.size(); ++kind) {
    journal::Event event;
    event.time = WallTime{std::chrono::milliseconds(1'796'036'778'354)};
    event.kind = static_cast<journal::EventKind>(kind);
    event.interface = "wg0";
    event.key = PublicKey{};
    for (const bool whole : {false, true}) {
      if (whole) {
        event.netns = event.name = event.endpoint = event.endpoint_before = event.detail = "x";
        event.handshake = event.time;
        event.count = 7;
        event.seconds = -1.5;
      }
      std::string line;
      journal::write_event(event, line);
      lines.push_back(json::parse(line));
    }
  }
  EXPECT_EQ(lines.size(), 2 * journal::kEventNames.size());
  EXPECT_EQ(schema_faults(kSchema, lines), "");
}

TEST(JournalSchema, RefusesWhatTheParserRefuses) {
  WGSCOPE_NEED(why_no_json_schema());
  for (const char* line :
       {R"({"event":"exporter_started"})", R"({"time":"2026-11-30T11:06:18.354Z"})",
        R"({"time":"2026-11-30 11:06:18","event":"exporter_started"})",
        R"({"time":"2026-11-30T11:06:18.354Z","event":"went","interface":"wg0"})",
        R"({"time":"2026-11-30T11:06:18.354Z","event":"events_dropped","count":-1})",
        R"({"time":"2026-11-30T11:06:18.354Z","event":"exporter_started","public_key":"x"})",
        R"({"time":"2026-11-30T11:06:18.354Z","event":"exporter_started","name":[]})"}) {
    EXPECT_FALSE(journal::parse_event(line)) << line;
    EXPECT_NE(schema_faults(kSchema, json::array({json::parse(line)})), "") << line;
  }
}

TEST(JournalSchema, NamesEveryEventInTheDocumentation) {
  const std::string document = read_file(source_dir() / "docs/journal.md");
  for (const std::string_view name : journal::kEventNames)
    EXPECT_NE(document.find("`" + std::string(name) + "`"), std::string::npos) << name;
}

}  // namespace
}  // namespace wgscope::test
