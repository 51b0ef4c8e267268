#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <zlib.h>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "wgscope/base/time.hpp"

#include "../config/keys.hpp"
#include "captured.hpp"
#include "files.hpp"
#include "probe/options/moment.hpp"
#include "probe/verbs.hpp"
#include "temp_dir.hpp"

namespace wgscope::probe {
namespace {

using config::key_text;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// A line of the exporter at a time of 2026-11-30, of which `time` is the hour and minute.
std::string line(std::string_view time, std::string_view event, std::string_view more = "") {
  return fmt::format("{{\"time\":\"2026-11-30T{}:00.000Z\",\"event\":\"{}\"{}}}\n", time, event,
                     more);
}

/// And of a peer, with the hour and minute of its handshake.
std::string peer(std::string_view time, std::string_view event, std::uint32_t key,
                 std::string_view handshake, std::string_view more = "") {
  return line(time, event,
              fmt::format(R"(,"interface":"wg0","public_key":"{}","name":"peer {}",)"
                          R"("handshake":"2026-11-30T{}:00.000Z"{})",
                          key_text(key), key, handshake, more));
}

const std::string kStarted = line("10:00", "exporter_started", R"(,"seconds":5)") +
                             line("10:00", "connections_listed", R"(,"count":0)");

/// Peer 1 comes, moves and goes; peer 2 comes before the exporter stops at 12:00, from which it is
/// started again at 13:00.
std::string day() {
  return kStarted + peer("10:05", "first_handshake", 1, "10:04", R"(,"endpoint":"192.0.2.1:1")") +
         peer("10:10", "endpoint_changed", 1, "10:08", R"(,"endpoint":"198.51.100.1:1")") +
         peer("10:30", "went", 1, "10:26") + peer("11:00", "first_handshake", 2, "10:59") +
         line("12:00", "exporter_stopped") + line("13:00", "exporter_started", R"(,"seconds":5)") +
         line("13:00", "connections_listed", R"(,"count":0)") + line("14:00", "exporter_running");
}

class JournalVerb : public testing::Test {
 protected:
  static Ended run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "journal");
    return run_captured(std::move(arguments));
  }
  std::string write(const std::string& name, const std::string& text) {
    test::write_file(folder_ / name, text);
    return (folder_ / name).string();
  }
  test::TempDir folder_;
};

TEST_F(JournalVerb, SaysWhoWasConnectedFromWhenToWhenAndWhere) {
  const Ended ended = run({"--until", "2026-11-30T11:59Z", write("journal", day())});
  EXPECT_EQ(ended.exit, Exit::ok) << ended.err;
  EXPECT_EQ(
      ended.out,
      fmt::format(
          "connected from       until                         interface  peer          "
          "                                         addresses\n"
          "2026-11-30 10:04:00  2026-11-30 10:29:00           wg0        peer 1 ({})  "
          "192.0.2.1:1, then 198.51.100.1:1\n"
          "2026-11-30 10:59:00  2026-11-30 12:00:00 or later  wg0        peer 2 ({})  "
          "unknown\n"
          "The journal covers 2026-11-30 10:00:00 to 2026-11-30 14:00:00 (UTC).\n"
          "The exporter looked about every 5 s, which limits how exact times are. A connection "
          "counts until 180 s after its last handshake.\n",
          key_text(1), key_text(2)));
}

TEST_F(JournalVerb, IsUnknownWhereTheTimeHasGaps) {
  const std::string file = write("journal", day());
  const Ended ended = run({file});
  EXPECT_EQ(ended.exit, Exit::unknown);
  EXPECT_THAT(ended.out, HasSubstr("Unknown from 2026-11-30 12:00:00 to 2026-11-30 13:00:00: the "
                                   "exporter did not run.\n"));
  EXPECT_EQ(run({"--since", "2026-11-30T13:01Z", file}).exit, Exit::ok);
  EXPECT_EQ(run({"--since", "2026-11-30T09:59Z", "--until", "2026-11-30T11:00Z", file}).exit,
            Exit::unknown)
      << "before the journal";
  EXPECT_EQ(run({"--since", "2026-11-30T13:01Z", "--until", "2026-11-30T14:01Z", file}).exit,
            Exit::unknown)
      << "after it";
}

TEST_F(JournalVerb, SaysWhoWasConnectedAtATime) {
  const std::string file = write("journal", day());
  const Ended one = run({"--at", "2026-11-30T10:06Z", file});
  EXPECT_EQ(one.exit, Exit::ok);
  EXPECT_THAT(one.out, AllOf(HasSubstr("Connected at 2026-11-30 10:06:00:\n"), HasSubstr("peer 1"),
                             HasSubstr("  192.0.2.1:1\n"), Not(HasSubstr("198.51.100.1"))));
  const Ended none = run({"--at", "2026-11-30T12:40+02:00", file});
  EXPECT_EQ(none.exit, Exit::ok);
  EXPECT_THAT(none.out, HasSubstr("Nobody was connected at 2026-11-30 10:40:00.\n"));
  const Ended gap = run({"--at", "2026-11-30 12:30", file});
  EXPECT_EQ(gap.exit, Exit::unknown);
  EXPECT_THAT(gap.out, AllOf(HasSubstr("Unknown whether anybody was connected"),
                             HasSubstr("Connected when last seen, at 2026-11-30 12:00:00: peer 2"),
                             Not(HasSubstr("peer 1")), Not(HasSubstr("Nobody"))));
  const Ended later = run({"--at", "2026-11-30T15:00Z", file});
  EXPECT_EQ(later.exit, Exit::unknown);
}

TEST_F(JournalVerb, NarrowsToAnInterfaceAKeyOrAName) {
  const std::string other = line(
      "10:40", "came_back",
      fmt::format(R"(,"interface":"wg7","public_key":"{}","handshake":"2026-11-30T10:39:00.000Z")",
                  key_text(3)));
  const std::string file = write("journal", kStarted + peer("10:05", "came_back", 1, "10:04") +
                                                peer("10:06", "came_back", 2, "10:04") + other);
  const auto keys = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--json", file});
    std::vector<std::string> found;
    const json made = json::parse(run(std::move(arguments)).out);
    for (const json& one : made["connections"]) found.push_back(one["public_key"]);
    return found;
  };
  EXPECT_THAT(keys({}), ElementsAre(key_text(1), key_text(2), key_text(3)));
  EXPECT_THAT(keys({"--interface", "wg7"}), ElementsAre(key_text(3)));
  EXPECT_THAT(keys({"--key", key_text(2)}), ElementsAre(key_text(2)));
  EXPECT_THAT(keys({"--peer", "peer 1"}), ElementsAre(key_text(1)));
  EXPECT_THAT(keys({"--peer", "peer"}), IsEmpty());
}

TEST_F(JournalVerb, PrintsJson) {
  const json made = json::parse(run({"--json", write("journal", day())}).out);
  EXPECT_EQ(made["schema"], "wgscope.journal/1");
  EXPECT_EQ(made["begins"], "2026-11-30T10:00:00.000Z");
  EXPECT_EQ(made["known"], false);
  EXPECT_EQ(made["interval_seconds"], 5);
  ASSERT_EQ(made["connections"].size(), 2U);
  EXPECT_EQ(made["connections"][0]["until"], "2026-11-30T10:29:00.000Z");
  EXPECT_EQ(made["connections"][0]["end"], "session_expired");
  EXPECT_EQ(made["connections"][0]["addresses"][1]["endpoint"], "198.51.100.1:1");
  EXPECT_EQ(made["connections"][1]["until_at_earliest"], true);
  EXPECT_EQ(made["gaps"][0]["reason"], "exporter_stopped");
}

TEST_F(JournalVerb, PrintsCsvThatNoNameBreaks) {
  const std::string file = write(
      "journal",
      kStarted + line("10:05", "first_handshake",
                      fmt::format(R"(,"interface":"wg0","public_key":"{}","name":"a,\"b\"\nc",)"
                                  R"("handshake":"2026-11-30T10:04:00.000Z","endpoint":"x")",
                                  key_text(1))));
  const Ended ended = run({"--csv", file});
  EXPECT_EQ(ended.exit, Exit::ok);
  EXPECT_EQ(
      ended.out,
      fmt::format("kind,netns,interface,public_key,name,from,from_at_latest,until,end,"
                  "addresses\r\nconnected,,wg0,{},\"a,\"\"b\"\"\nc\",2026-11-30T10:04:00.000Z,"
                  "false,2026-11-30T10:05:00.000Z,still_connected,x\r\n",
                  key_text(1)));
  EXPECT_THAT(ended.err, HasSubstr("The journal covers"));
}

TEST_F(JournalVerb, ShowsNoControlCharacters) {
  const std::string file = write(
      "journal", kStarted + line("10:05", "first_handshake",
                                 fmt::format(R"(,"interface":"wg\u001b[2J","public_key":"{}",)"
                                             R"("name":"\u009b31m","endpoint":"\u0007")",
                                             key_text(1))));
  const std::string out = run({file}).out;
  for (const char* bad : {"\x1b", "\x07", "\xc2\x9b"}) EXPECT_THAT(out, Not(HasSubstr(bad)));
  EXPECT_THAT(out, HasSubstr("\\x1b[2J"));
}

TEST_F(JournalVerb, ReadsRotatedFilesInAnyOrderAlsoCompressed) {
  const std::string oldest = (folder_ / "journal.2.gz").string();
  const std::string text = kStarted + peer("10:05", "first_handshake", 1, "10:04");
  gzFile file = gzopen(oldest.c_str(), "wb");
  ASSERT_EQ(gzwrite(file, text.data(), static_cast<unsigned>(text.size())),
            static_cast<int>(text.size()));
  gzclose(file);
  const std::string middle = write("journal.1", peer("10:30", "went", 1, "10:26"));
  const std::string newest = write("journal", line("11:00", "exporter_running"));
  const std::string empty = write("journal.0", "");
  const Ended ended = run({newest, middle, empty, oldest, "--json"});
  EXPECT_EQ(ended.exit, Exit::ok);
  const json made = json::parse(ended.out);
  ASSERT_EQ(made["connections"].size(), 1U);
  EXPECT_EQ(made["connections"][0]["from"], "2026-11-30T10:04:00.000Z");
  EXPECT_EQ(made["connections"][0]["until"], "2026-11-30T10:29:00.000Z");
  EXPECT_EQ(made["ends"], "2026-11-30T11:00:00.000Z");

  std::filesystem::resize_file(oldest, std::filesystem::file_size(oldest) - 10);
  EXPECT_THAT(run({oldest}).out, HasSubstr("journal.2.gz: the compressed file is cut short"));
  EXPECT_THAT(run({write("day", day()), write("same", day())}).out,
              HasSubstr("Give each file once"));
}

TEST_F(JournalVerb, PassesOverATornLineAndTellsOfOthersThatAreNoEvents) {
  const std::string torn = R"({"time":"2026-11-30T10:0)";
  const std::string killed = kStarted + torn + "\n" + line("11:00", "exporter_started") +
                             line("11:00", "connections_listed");
  const json made = json::parse(run({"--json", write("killed", killed)}).out);
  EXPECT_EQ(made["torn_lines"], 1);
  EXPECT_EQ(made["unreadable_lines"], 0);
  EXPECT_EQ(json::parse(run({"--json", write("growing", kStarted + torn)}).out)["torn_lines"], 1);
  EXPECT_EQ(run({write("growing", kStarted + torn)}).exit, Exit::ok);

  const std::string twice =
      write("twice", kStarted + torn + "\n{\"ti\n" + line("11:00", "exporter_started"));
  EXPECT_EQ(json::parse(run({"--json", twice}).out)["torn_lines"], 2)
      << "killed before it had begun";
  const std::string other =
      write("other", kStarted + torn + "\nnothing\n" + line("11:00", "exporter_started"));
  EXPECT_EQ(json::parse(run({"--json", other}).out)["unreadable_lines"], 2);

  const std::string file =
      write("broken", kStarted + torn + "\n" + line("11:00", "exporter_running"));
  const Ended ended = run({file});
  EXPECT_EQ(ended.exit, Exit::warning);
  EXPECT_THAT(ended.out, HasSubstr("What 1 line said is missing, because it is not an event. The "
                                   "first: " +
                                   file + ":3: not a whole JSON object.\n"));
}

TEST_F(JournalVerb, RefusesWhatItCannotRead) {
  EXPECT_EQ(run({}).exit, Exit::unknown);
  EXPECT_THAT(run({}).err, HasSubstr("give the journal's file"));
  EXPECT_THAT(run({(folder_ / "none").string()}).err, HasSubstr("No such file"));
  EXPECT_THAT(run({folder_.path().string()}).err, HasSubstr("Is a directory"));
  EXPECT_THAT(run({"-", "-"}).err, HasSubstr("only once"));
  EXPECT_THAT(run({"--key", "abc", "-"}).err, HasSubstr("44 characters"));
  EXPECT_THAT(run({"--at", "noon", "-"}).err, HasSubstr("'noon' is not a time"));
  const Ended junk = run({write("junk", "no journal\n" + std::string(200'000, 'x') + "\n")});
  EXPECT_EQ(junk.exit, Exit::unknown);
  EXPECT_THAT(junk.out, AllOf(HasSubstr("What 2 lines said"), HasSubstr("has no events"),
                              Not(HasSubstr("no journal"))));
}

TEST(Moments, AreReadAsUsersWriteThem) {
  constexpr WallTime kNow{std::chrono::seconds(1'796'036'778)};
  const auto seconds = [&](std::string_view text) {
    const auto moment = parse_moment(text, kNow);
    if (!moment) return -1.0;
    return static_cast<double>(
               std::chrono::duration_cast<std::chrono::milliseconds>(moment->since_epoch).count()) /
           1000;
  };
  EXPECT_EQ(seconds("2026-11-30T11:06:18Z"), 1'796'036'778);
  EXPECT_EQ(seconds("2026-11-30t11:06:18.250z"), 1'796'036'778.25);
  EXPECT_EQ(seconds("2026-11-30 11:06:18"), 1'796'036'778);
  EXPECT_EQ(seconds("2026-11-30T13:06:18+02:00"), 1'796'036'778);
  EXPECT_EQ(seconds("2026-11-30T06:36:18-04:30"), 1'796'036'778);
  EXPECT_EQ(seconds("2026-11-30T11:06"), 1'796'036'760);
  EXPECT_EQ(seconds("2026-11-30"), 1'795'996'800);
  EXPECT_EQ(seconds("90m"), 1'796'036'778 - 5400);
  EXPECT_EQ(seconds("0s"), 1'796'036'778);
  for (const char* bad :
       {"", "yesterday", "2026-11-31", "2026-1-1", "2026-11-30T", "2026-11-30T25:00",
        "2026-11-30T11", "2026-11-30T11:60", "2026-11-30T11:06:60", "2026-11-30T11:06:18.",
        "2026-11-30T11:06+2", "2026-11-30T11:06+24:00", "2026-11-30T11:06Zx", "1969-12-31",
        "2200-01-01", "2026-11-30X11:06", "-5m"})
    EXPECT_EQ(seconds(bad), -1) << bad;
}

}  // namespace
}  // namespace wgscope::probe
