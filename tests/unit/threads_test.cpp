// The thread sanitizer runs on the unit programs that have more than one thread, for in the others
// it can find nothing. This says which rooms those threads are of, and why, and holds the list
// against the sources: a room that begins to use threads, or a program that should be marked
// THREADS in its CMakeLists.txt and is not, fails here.

#include <algorithm>
#include <array>
#include <filesystem>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "files.hpp"
#include "paths.hpp"

namespace wgscope::architecture {
namespace {

struct ThreadedRoom {
  std::string_view room;
  std::string_view why;
};
constexpr std::array kThreadedRooms{
    ThreadedRoom{
        "checks",
        "getaddrinfo(3) waits on a thread that may be left to itself; a runner has a thread "
        "for each check"},
    ThreadedRoom{"crypto", "OpenSSL's contexts are kept for each thread"},
    ThreadedRoom{"exporter",
                 "CivetWeb's threads and the sampler's share collections; --demo, the journal and "
                 "the state file have one each"},
    ThreadedRoom{
        "os",
        "a poll loop is stopped from any thread, threads take turns, and one waits for output"},
    ThreadedRoom{"source", "a thread visits other network namespaces"},
};

constexpr std::array kRooms{"base",   "model",   "wire",     "crypto", "noise",
                            "tunnel", "inner",   "path",     "config", "diagnosis",
                            "audit",  "journal", "render",   "os",     "endpoint",
                            "source", "checks",  "exporter", "probe"};

struct Exception {
  std::string_view program;
  std::string_view why;
};
constexpr std::array kWithoutThreads{
    Exception{"architecture_test", "it only names them"},
    Exception{"fuzz_corpus_test", "of the exporter it calls parsers, on one thread"},
    Exception{"tunnel_allocation_test", "it counts as programs with threads do, but has one"},
};

/// A unit program, as tests/CMakeLists.txt writes it down.
struct Program {
  std::string name;
  bool marked = false;
  std::string text;  ///< of all its sources
  std::set<std::string> libraries;
};

bool uses_threads(const std::string& text) {
  static const std::regex kThreads(
      R"(std::(j?thread|async|promise|mutex|shared_mutex|atomic\w*|condition_variable|call_once)\b(?!::id))"
      R"(|\bthread_local\b)");
  return std::regex_search(text, kThreads);
}

std::string read_folder(const std::filesystem::path& folder) {
  std::string text;
  if (!std::filesystem::exists(folder)) return text;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string suffix = entry.path().extension().string();
    if (suffix == ".cpp" || suffix == ".hpp") text += test::read_file(entry.path());
  }
  return text;
}

std::string read_room(const std::string& room) {
  const std::filesystem::path root = test::source_dir();
  if (room == "exporter" || room == "probe") return read_folder(root / room);
  return read_folder(root / "lib" / room) + read_folder(root / "include/wgscope" / room);
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> pieces;
  std::istringstream in(text);
  for (std::string piece; std::getline(in, piece, separator);) pieces.push_back(piece);
  return pieces;
}

std::vector<Program> read_programs() {
  std::vector<Program> programs;
  for (const std::string& line :
       split(test::read_file(test::binary_dir() / "tests/unit_programs.txt"), '\n')) {
    const std::vector<std::string> fields = split(line, '|');
    if (fields.size() < 4) continue;
    Program program{fields[0], fields[1] == "TRUE", "", {}};
    const std::filesystem::path folder = test::source_dir() / fields[2];
    for (const std::string& source : split(fields[3], ','))
      if (std::filesystem::exists(folder / source))
        program.text += test::read_file(folder / source);
    if (fields.size() > 4)
      for (const std::string& library : split(fields[4], ',')) program.libraries.insert(library);
    programs.push_back(std::move(program));
  }
  return programs;
}

/// Why a program has threads; empty if it has none that can be seen.
std::string why_threads(const Program& program) {
  if (std::ranges::find(kWithoutThreads, program.name, &Exception::program) !=
      std::ranges::end(kWithoutThreads))
    return "";
  for (const ThreadedRoom& threaded : kThreadedRooms) {
    const std::string room(threaded.room);
    if (program.libraries.contains("wgscope::" + room) ||
        program.libraries.contains("wgscope_" + room + "_core"))
      return "it is linked with " + room + ": " + std::string(threaded.why);
  }
  if (program.libraries.contains("wgscope_endpoint_support"))
    return "its fixture runs an endpoint on a thread";
  if (program.text.find("\"probe/wgscope\"") != std::string::npos)
    return "it starts wgscope, which looks names up on a thread";
  return uses_threads(program.text) ? "its own sources use them" : "";
}

TEST(Threads, AreUsedByTheRoomsThatAreListedAndByNoOther) {
  for (const std::string room : kRooms) {
    const bool listed = std::ranges::find(kThreadedRooms, room, &ThreadedRoom::room) !=
                        std::ranges::end(kThreadedRooms);
    EXPECT_EQ(uses_threads(read_room(room)), listed) << room;
  }
}

TEST(Threads, AreLookedAtByTheThreadSanitizerInEveryUnitProgramThatHasThem) {
  const std::vector<Program> programs = read_programs();
  ASSERT_GT(programs.size(), 40U) << "so few that the list must be cut short";
  for (const Program& program : programs) {
    EXPECT_NE(program.text, "") << program.name << ": its sources were not found";
    const std::string why = why_threads(program);
    EXPECT_EQ(program.marked, !why.empty())
        << program.name << ": "
        << (why.empty() ? "marked THREADS, though it has none" : "to be marked THREADS: " + why);
  }
}

TEST(Threads, AreSeenInTextThatUsesThem) {
  EXPECT_TRUE(uses_threads("std::thread([] {}).join();"));
  EXPECT_TRUE(uses_threads("thread_local int x;"));
  EXPECT_TRUE(uses_threads("std::atomic<bool> done;"));
  EXPECT_FALSE(uses_threads("std::thread::id owner;"));
  EXPECT_FALSE(uses_threads("std::string mutex;"));
}

}  // namespace
}  // namespace wgscope::architecture
