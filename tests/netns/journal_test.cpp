// --journal and --state.dir with a real process: killed at any moment, on a full or read-only disk,
// with a journal that others rotate.

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "wgscope/os/unique_fd.hpp"

#include "exporter.hpp"
#include "files.hpp"
#include "metrics.hpp"
#include "need.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "temp_dir.hpp"
#include "uapi_server.hpp"
#include "wait.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::HasSubstr;
using testing::Not;
using testing::Optional;
using testing::StartsWith;

constexpr const char* kJournald = "/lib/systemd/systemd-journald";

/// What `wgscope journal` makes of files.
json ask(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {binary_dir() / "probe/wgscope", "journal", "--json"});
  const Finished ended = run(std::move(arguments));
  EXPECT_EQ(ended.err, "");
  return json::parse(ended.out);
}

class JournalProcessTest : public testing::Test {
 protected:
  [[nodiscard]] std::vector<std::string> flags(const std::filesystem::path& folder) const {
    return {"--uapi.dir=" + sockets_.path().string(), "--no-collector.netlink",
            "--sample.interval=100ms", "--journal=" + (folder / "journal").string(),
            "--state.dir=" + folder.string()};
  }
  /// `count` peers, none of which was in the answer before.
  void change_peers(std::size_t count) {
    std::vector<UapiPeer> peers(count);
    for (UapiPeer& peer : peers)
      peer = {.number = next_++ % 50'000, .handshake_age = std::chrono::seconds(1)};
    server_.reply_with({uapi_answer(peers)});
  }
  /// Runs an exporter that is killed when it has written `byte` bytes to files whose paths have this in them.
  void kill_in_write(const std::string& file, std::size_t byte) const {
    std::vector<std::string> command{
        "env",
        fmt::format("LD_PRELOAD={}/tests/support/libwgscope_torn_write.so", binary_dir().string()),
        "WGSCOPE_TEAR_FILE=" + file,
        fmt::format("WGSCOPE_TEAR_AT={}", byte),
        Exporter::program(),
        "--web.listen-address=127.0.0.1:0"};
    for (const std::string& flag : flags(folder_.path())) command.push_back(flag);
    Process exporter(command);
    EXPECT_EQ(exporter.wait(20s), 128 + SIGKILL) << exporter.err();
  }
  static std::size_t size_of(const std::filesystem::path& path) {
    std::error_code ignored;
    const auto size = std::filesystem::file_size(path, ignored);
    return ignored ? 0 : size;
  }

  TempDir folder_;

 private:
  TempDir sockets_;
  std::uint64_t next_ = 1;
  UapiServer server_{sockets_ / "wg0.sock", {uapi_answer(0)}};
};

TEST_F(JournalProcessTest, SurvivesKillsAtAnyMoment) {
  constexpr int kKills = 20;
  std::mt19937_64 random(std::random_device{}());
  const auto journal = folder_ / "journal";
  std::string before;
  int torn = 0;
  for (int i = 0; i < kKills; ++i) {
    change_peers(500);
    Exporter exporter({.flags = flags(folder_.path())});
    EXPECT_THAT(exporter.log(), Not(HasSubstr("first-seen"))) << "the state can always be read";
    // Each reading writes about 200 kB; the kill comes somewhere in there.
    const std::size_t enough =
        size_of(journal) + std::uniform_int_distribution<std::size_t>(0, 250'000)(random);
    ASSERT_TRUE(wait_until(
        [&] {
          change_peers(500);
          return size_of(journal) >= enough;
        },
        20s, 1ms));
    before = read_file(journal);
    exporter.signal(SIGKILL);
    EXPECT_EQ(exporter.wait(10s), 128 + SIGKILL);
    const std::string after = read_file(journal);
    ASSERT_THAT(after.substr(0, before.size()) == before, true) << "what was written stays";
    if (!after.empty() && after.back() != '\n') ++torn;
  }
  const json answer = ask({journal});
  EXPECT_EQ(answer["unreadable_lines"], 0);
  EXPECT_EQ(answer["torn_lines"], torn);
  int killed = 0;
  for (const json& gap : answer["gaps"]) killed += gap["reason"] == "exporter_killed" ? 1 : 0;
  EXPECT_EQ(killed, kKills - 1);
  RecordProperty("torn_lines", torn);

  change_peers(1);
  Exporter last({.flags = flags(folder_.path())});
  EXPECT_THAT(last.log(), Not(HasSubstr("first-seen")));
  EXPECT_EQ(last.stop(), 0);
  std::vector<std::string> left;
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path()))
    left.push_back(entry.path().filename());
  EXPECT_THAT(left, testing::UnorderedElementsAre("first-seen", "journal"))
      << "no temporary of a killed exporter stays";
}

/// At every eleventh byte of the first lines, so at every kind of byte of a line.
TEST_F(JournalProcessTest, IsReadBehindEachLineThatAKillToreApart) {
  const auto journal = folder_ / "journal";
  std::string before;
  int torn = 0;
  int killed = 0;
  for (std::size_t byte = 1; byte < 450; byte += 11, ++killed) {
    change_peers(3);
    kill_in_write("/journal", byte);
    const std::string after = read_file(journal);
    ASSERT_TRUE(after.starts_with(before)) << "what was written stays";
    ASSERT_EQ(after.size(), before.size() + byte);
    // A line that only lacks its end is whole once the next one begins on a line of its own.
    if (!after.ends_with('\n') && !after.ends_with('}')) ++torn;
    before = after;
  }
  EXPECT_GE(torn, killed - 3) << "hardly any of these bytes ends a line";
  change_peers(1);
  Exporter last({.flags = flags(folder_.path())});
  EXPECT_EQ(last.stop(), 0);
  const json answer = ask({journal});
  EXPECT_EQ(answer["torn_lines"], torn);
  EXPECT_EQ(answer["unreadable_lines"], 0);
  EXPECT_EQ(answer["gaps"].back()["reason"], "exporter_stopped");
}

/// A new state is written beside the old one, which counts until the new one is whole.
TEST_F(JournalProcessTest, KeepsTheOldStateWhereAKillToreTheNewOneApart) {
  change_peers(3);
  {
    Exporter first({.flags = flags(folder_.path())});
    EXPECT_EQ(first.stop(), 0);
  }
  const std::string old = read_file(folder_ / "first-seen");
  ASSERT_THAT(old, HasSubstr("\npeer\t"));
  for (const std::size_t byte : {0U, 1U, 23U, 60U, 150U, 300U}) {
    change_peers(3);
    kill_in_write("/first-seen.", byte);
    EXPECT_EQ(read_file(folder_ / "first-seen"), old) << "killed at byte " << byte;
  }
  Exporter last({.flags = flags(folder_.path())});
  EXPECT_THAT(last.log(), Not(HasSubstr("first-seen")));
  EXPECT_EQ(last.stop(), 0);
  EXPECT_NE(read_file(folder_ / "first-seen"), old);
}

TEST_F(JournalProcessTest, FollowsRotationAndLosesNothing) {
  const auto journal = folder_ / "journal";
  const auto contains = [](const std::filesystem::path& path, std::string_view text) {
    return std::filesystem::exists(path) && read_file(path).find(text) != std::string::npos;
  };
  change_peers(3);
  Exporter exporter({.flags = flags(folder_.path())});
  ASSERT_TRUE(wait_until([&] { return contains(journal, "connections_listed"); }, 20s));
  for (int i = 3; i > 0; --i) {
    std::filesystem::rename(journal, folder_ / fmt::format("journal.{}", i));
    change_peers(3);
    ASSERT_TRUE(wait_until([&] { return contains(journal, "connections_listed"); }, 20s))
        << "a new file lists who is connected, so it can be read alone";
  }
  EXPECT_EQ(exporter.stop(), 0);
  const json all =
      ask({folder_ / "journal.2", journal, folder_ / "journal.3", folder_ / "journal.1"});
  EXPECT_EQ(all["known"], true) << all.dump(1);
  EXPECT_EQ(all["connections"].size(), 12U);
  for (const json& connection : all["connections"])
    EXPECT_EQ(connection["until_at_earliest"], connection["end"] == "exporter_stopped");
  EXPECT_EQ(ask({journal})["connections"].size(), 6U) << "three that went, three that came";
}

/// A wrapper that mounts a small file system at `folder` where only the exporter sees it.
std::vector<std::string> with_disk(const std::filesystem::path& folder,
                                   const std::string& options) {
  return {"unshare",
          "--mount",
          "sh",
          "-c",
          fmt::format("mount -t tmpfs -o {} none {} && exec \"$@\"", options, folder.string()),
          "sh"};
}

std::optional<std::string> why_no_mounts() {
  if (run({"unshare", "--mount", "true"}).exit_code == 0) return std::nullopt;
  return "mount namespaces need root";
}

TEST_F(JournalProcessTest, GoesOnWhenTheDiskIsFullAndAgainWhenItIsNot) {
  WGSCOPE_NEED(why_no_mounts());
  change_peers(200);
  Exporter exporter(
      {.flags = flags(folder_.path()), .wrapper = with_disk(folder_.path(), "size=3m")});
  const std::filesystem::path disk =
      fmt::format("/proc/{}/root{}", exporter.pid(), folder_.path().string());
  const auto value = [&](const std::string& name) {
    return exporter.scrape().value("wireguard_exporter_" + name);
  };
  ASSERT_EQ(value("journal_success"), 1);
  write_file(disk / "ballast", std::string(2'000'000, 'x'));
  ASSERT_TRUE(wait_until(
      [&] {
        change_peers(200);
        return value("journal_success") == 0 && value("interface_failures") == std::nullopt;
      },
      60s))
      << "and scrapes are answered";
  EXPECT_NE(count_of(exporter.log(), "No space left on device"), 0U) << exporter.log();
  const std::size_t warned = count_of(exporter.log(), "write the journal");
  EXPECT_EQ(warned, 1U) << exporter.log();
  const std::string full = read_file(disk / "journal");
  EXPECT_TRUE(full.ends_with('\n')) << "nothing is half written";
  std::filesystem::remove(disk / "ballast");
  ASSERT_TRUE(wait_until([&] { return value("journal_success") == 1; }, 60s, 50ms));
  EXPECT_THAT(value("journal_dropped_events_total"), Optional(0));
  const auto copy = folder_ / "copy";
  write_file(copy, read_file(disk / "journal"));
  const json answer = ask({copy});
  EXPECT_EQ(answer["unreadable_lines"], 0);
  EXPECT_EQ(answer["torn_lines"], 0);
  EXPECT_EQ(answer["gaps"], json::array()) << "all that waited was written";
  EXPECT_EQ(exporter.stop(), 0);
}

TEST_F(JournalProcessTest, GoesOnWhereTheFolderIsReadOnly) {
  WGSCOPE_NEED(why_no_mounts());
  change_peers(3);
  Exporter exporter(
      {.flags = flags(folder_.path()), .wrapper = with_disk(folder_.path(), "ro,size=256k")});
  ASSERT_TRUE(wait_until(
      [&] {
        const Metrics metrics = exporter.scrape();
        return metrics.value("wireguard_exporter_state_success") == 0 &&
               metrics.value("wireguard_exporter_journal_success") == 0;
      },
      20s));
  EXPECT_EQ(exporter.scrape().find("wireguard_peer_info").size(), 3U);
  EXPECT_EQ(exporter.stop(), 0);
  EXPECT_EQ(count_of(exporter.log(), "first-seen: make a temporary file beside it: Read-only"), 2U)
      << "once while it runs, and once at its end: " << exporter.log();
  EXPECT_EQ(count_of(exporter.log(), "write the journal"), 2U) << exporter.log();
  EXPECT_THAT(exporter.log(), HasSubstr("the journal lacks the last"));
}

/// journald's socket, which the exporter sees at its usual path.
class FakeJournald {
 public:
  explicit FakeJournald(const std::filesystem::path& folder)
      : socket_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = folder / "socket";
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    if (bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("bind " + path);
  }
  /// The next entry, as systemd.journal-fields(7)'s native protocol has it; empty: there is none.
  std::string next() {
    std::string entry(200'000, '\0');
    const ssize_t size = recv(socket_.get(), entry.data(), entry.size(), 0);
    entry.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return entry;
  }

 private:
  os::UniqueFd socket_;
};

TEST_F(JournalProcessTest, GoesToTheSystemdJournal) {
  WGSCOPE_NEED(why_no_mounts());
  const auto start = [&](const std::string& mounts) {
    std::vector<std::string> all = flags(folder_.path());
    all[3] = "--journal=systemd";
    return Exporter({.flags = all,
                     .wrapper = {"unshare", "--mount", "sh", "-c",
                                 "mount -t tmpfs none /run && " + mounts + " exec \"$@\"", "sh"}});
  };
  change_peers(2);
  {
    Exporter without = start("");
    ASSERT_TRUE(wait_until(
        [&] { return without.scrape().value("wireguard_exporter_journal_success") == 0; }, 20s));
    EXPECT_THAT(without.log(),
                HasSubstr("write the systemd journal (/run/systemd/journal/socket)"));
  }
  FakeJournald journald(folder_.path());
  Exporter exporter = start("mkdir -p /run/systemd/journal && mount --bind " +
                            folder_.path().string() + " /run/systemd/journal &&");
  EXPECT_EQ(exporter.stop(), 0);
  std::string lines;
  std::string fields;
  for (std::string entry = journald.next(); !entry.empty(); entry = journald.next()) {
    fields += entry;
    const std::size_t begin = entry.find("MESSAGE=") + 8;
    lines += entry.substr(begin, entry.find('\n', begin) + 1 - begin);
  }
  EXPECT_THAT(fields, HasSubstr("SYSLOG_IDENTIFIER=wgscope-journal\n"));
  EXPECT_THAT(fields, HasSubstr("WGSCOPE_EVENT=exporter_stopped\n"));
  EXPECT_THAT(fields, HasSubstr("WGSCOPE_INTERFACE=wg0\n"));
  EXPECT_THAT(fields, HasSubstr("WGSCOPE_PUBLIC_KEY=" + UapiPeer{.number = 1}.public_key() + "\n"));
  write_file(folder_ / "lines", lines);
  EXPECT_EQ(ask({folder_ / "lines"})["connections"].size(), 2U) << lines;
}

std::optional<std::string> why_no_journald() {
  if (!std::filesystem::exists(kJournald)) return "there is no " + std::string(kJournald);
  return why_no_mounts();
}

/// A journald of its own in a /run of its own, and what journalctl then gives back.
TEST_F(JournalProcessTest, IsReadBackFromARealJournald) {
  WGSCOPE_NEED(why_no_journald());
  change_peers(2);
  std::string exporter = Exporter::program() + " --web.listen-address=127.0.0.1:0";
  for (const std::string& flag : flags(folder_.path()))
    if (!flag.starts_with("--journal")) exporter += " " + flag;
  const std::string script = fmt::format(
      "mount -t tmpfs none /run && mkdir -p /run/systemd/journal /run/log/journal\n"
      "{} 2>/dev/null & journald=$!\n"
      "trap 'kill $exporter $journald; wait' EXIT\n"
      "while ! [ -S /run/systemd/journal/socket ]; do :; done\n"
      "{} --journal=systemd 2>/dev/null & exporter=$!\n"
      "read_back() {{ journalctl -D /run/log/journal -t wgscope-journal -o cat --no-pager \"$@\"; "
      "}}\n"
      "until [ \"$(read_back WGSCOPE_EVENT=connections_listed | wc -l)\" = 1 ]; do :; done\n"
      "read_back > {}/lines\n"
      "read_back WGSCOPE_PUBLIC_KEY={}",
      kJournald, exporter, folder_.path().string(), UapiPeer{.number = 1}.public_key());
  const Finished finished =
      run({"unshare", "--mount", "--propagation", "private", "bash", "-c", script}, {}, 30s);
  ASSERT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  EXPECT_EQ(count_of(finished.out, UapiPeer{.number = 1}.public_key()), 1U) << finished.out;
  EXPECT_EQ(ask({folder_ / "lines"})["connections"].size(), 2U) << read_file(folder_ / "lines");
}

TEST_F(JournalProcessTest, RefusesWhatWouldMakeNoSense) {
  const Finished once =
      run({Exporter::program(), "--once", "--journal=" + folder_.path().string()});
  EXPECT_EQ(once.exit_code, 2);
  EXPECT_THAT(once.err, HasSubstr("--once excludes --journal"));
}

}  // namespace
}  // namespace wgscope::test
