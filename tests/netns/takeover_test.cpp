// Whoever takes the serving process over can run any code in it. This code tries to get at the keys
// of a real tunnel and at the rest of the host: first in a process that kept everything, which shows
// that the attacks work, and then in one that is confined as the exporter confines itself.

#include <array>
#include <cstddef>
#include <cstdint>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <sched.h>
#include <spawn.h>
#include <sstream>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/os/clock.hpp"
#include "wgscope/os/unique_fd.hpp"
#include "wgscope/source/collect.hpp"

#include "children.hpp"
#include "exporter/isolation/confinement.hpp"
#include "exporter/isolation/remote_reading.hpp"
#include "exporter/names.hpp"
#include "exporter/reading.hpp"
#include "files.hpp"
#include "gateways.hpp"
#include "need.hpp"
#include "temp_dir.hpp"

namespace wgscope::test {
namespace {

using exporter::LocalReading;
using exporter::NamesFile;
using exporter::RemoteReading;

/// What the attacker knows and wants.
struct Prey {
  pid_t reader = -1;
  std::string key_file;      ///< a wg-quick file with a private key
  std::string uapi_socket;   ///< of an interface
  std::string other_folder;  ///< where it should not be able to write
};

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The first address in the reader's memory.
std::uint64_t first_address(pid_t pid) {
  const std::string maps = text_of(fmt::format("/proc/{}/maps", pid));
  return maps.empty() ? 0 : std::stoull(maps, nullptr, 16);
}

bool reads_memory_file(const Prey& prey) {
  const os::UniqueFd memory(open(fmt::format("/proc/{}/mem", prey.reader).c_str(), O_RDONLY));
  char byte = 0;
  return memory &&
         pread(memory.get(), &byte, 1, static_cast<off_t>(first_address(prey.reader))) == 1;
}

bool reads_memory_by_call(const Prey& prey) {
  char byte = 0;
  const iovec here{&byte, 1};
  // Where its code is, is the same in its relatives.
  const iovec there{reinterpret_cast<void*>(&text_of), 1};
  return process_vm_readv(prey.reader, &here, 1, &there, 1, 0) == 1;
}

bool traces(const Prey& prey) {
  if (ptrace(PTRACE_SEIZE, prey.reader, nullptr, nullptr) != 0) return false;
  ptrace(PTRACE_INTERRUPT, prey.reader, nullptr, nullptr);
  waitpid(prey.reader, nullptr, 0);
  return ptrace(PTRACE_DETACH, prey.reader, nullptr, nullptr) == 0;
}

bool asks_daemon_for_key(const Prey& prey) {
  const os::UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  prey.uapi_socket.copy(address.sun_path, sizeof address.sun_path - 1);
  if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return false;
  constexpr std::string_view kQuestion = "get=1\n\n";
  std::array<char, 64> answer{};
  return write(socket.get(), kQuestion.data(), kQuestion.size()) > 0 &&
         read(socket.get(), answer.data(), answer.size()) > 0 &&
         std::string_view(answer.data(), answer.size()).starts_with("private_key=");
}

bool starts_program(const Prey& /*prey*/) {
  pid_t child = -1;
  std::array<char*, 2> arguments{const_cast<char*>("true"), nullptr};
  int status = -1;
  return posix_spawn(&child, "/bin/true", nullptr, nullptr, arguments.data(), nullptr) == 0 &&
         waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool forks(const Prey& /*prey*/) {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  return child > 0 && waitpid(child, nullptr, 0) == child;
}

bool maps_own_code(const Prey& /*prey*/) {
  return mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
              0) != MAP_FAILED;
}

bool changes_shared_memory(const Prey& /*prey*/) {
  std::istringstream maps(text_of("/proc/self/maps"));
  for (std::string line; std::getline(maps, line);)
    if (line.find("wgscope-reading") != std::string::npos)
      return mprotect(reinterpret_cast<void*>(std::stoull(line, nullptr, 16)), 4096,
                      PROT_READ | PROT_WRITE) == 0;
  return true;  // it is not there, which must fail too
}

struct Attack {
  const char* what;
  bool (*reached)(const Prey& prey);
  bool works = true;  ///< in a process that is not confined
};

const std::array kAttacks{
    Attack{"have a capability",
           [](const Prey&) {
             const std::string status = text_of("/proc/self/status");
             return status.find("CapPrm:\t0000000000000000") == std::string::npos;
           }},
    Attack{"read the reader's memory through /proc", reads_memory_file},
    Attack{"read the reader's memory by process_vm_readv", reads_memory_by_call},
    Attack{"trace the reader", traces},
    Attack{"change what the reader hands over", changes_shared_memory, false},
    Attack{"ask a daemon for its private key", asks_daemon_for_key},
    Attack{"speak netlink",
           [](const Prey&) {
             return bool(os::UniqueFd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 16)));
           }},
    Attack{"send raw packets",
           [](const Prey&) { return bool(os::UniqueFd(socket(AF_INET, SOCK_RAW, 1))); }},
    Attack{"read a file with a private key",
           [](const Prey& prey) {
             return text_of(prey.key_file).find("PrivateKey") != std::string::npos;
           }},
    Attack{"make a file readable for others",
           [](const Prey& prey) { return chmod(prey.key_file.c_str(), 0600) == 0; }},
    Attack{"write a file",
           [](const Prey& prey) {
             return bool(os::UniqueFd(
                 open((prey.other_folder + "/planted").c_str(), O_WRONLY | O_CREAT, 0600)));
           }},
    Attack{"start a program", starts_program},
    Attack{"fork", forks},
    Attack{"map code of its own", maps_own_code},
    Attack{"signal the reader", [](const Prey& prey) { return kill(prey.reader, 0) == 0; }},
    Attack{"make a user namespace", [](const Prey&) { return unshare(CLONE_NEWNS) == 0; }},
    Attack{"change its user", [](const Prey&) { return setresuid(0, 0, 0) == 0; }},
};

class TakeoverTest : public testing::Test {
 protected:
  void SetUp() override { WGSCOPE_NEED(why_no_netns()); }

  /// In a process of its own: reads the tunnel once as the exporter does, is confined or not, and
  /// then turns bad. @returns which attacks succeeded; empty if it did not get so far.
  std::map<std::string, bool> take_over(bool confined) {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe(ends.data()), 0);
    const os::UniqueFd said(ends[0]);
    os::UniqueFd says(ends[1]);
    const pid_t child = fork();
    if (child == 0) serve_and_turn_bad(confined, says.get());
    says.reset();
    std::string text;
    std::array<char, 4096> piece{};
    for (ssize_t size = 0; (size = read(said.get(), piece.data(), piece.size())) > 0;)
      text.append(piece.data(), static_cast<std::size_t>(size));
    waitpid(child, nullptr, 0);
    std::map<std::string, bool> outcomes;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
      outcomes[line.substr(2)] = line.starts_with('1');
    return outcomes;
  }

  [[noreturn]] void serve_and_turn_bad(bool confined, int says) {
    prctl(PR_SET_DUMPABLE, 0);
    auto remote = RemoteReading::start([this] {
      source::CollectOptions options;
      options.kernel = false;
      options.filter = *source::NameFilter::make(gateways_.near.name(), "");
      return std::make_unique<LocalReading>(
          options, std::vector{NamesFile{key_file_, NamesFile::Kind::wg_quick}});
    });
    if (!remote) _exit(1);
    Snapshot snapshot;
    exporter::NamesReading names;
    const Now now = os::now();
    (*remote)->read(now, now.boot + std::chrono::seconds(30), snapshot, names);
    // Without this, what follows would prove nothing: the keys have passed through the reader.
    if (snapshot.devices.size() != 1 || names.names == nullptr || names.names->size() != 1)
      _exit(1);
    const Prey prey{first_child_of((*remote)->keeper()), key_file_, gateways_.near.socket_path(),
                    folder_.path().string()};
    if (confined && !exporter::confine({})) _exit(1);
    for (const Attack& attack : kAttacks) {
      const std::string line = fmt::format("{} {}\n", attack.reached(prey) ? 1 : 0, attack.what);
      if (write(says, line.data(), line.size()) < 0) _exit(1);
    }
    // Still able to do its work.
    (*remote)->read(now, os::boot_now() + std::chrono::seconds(30), snapshot, names);
    const std::string line = fmt::format("{} goes on\n", snapshot.devices.size() == 1 ? 1 : 0);
    if (write(says, line.data(), line.size()) < 0) _exit(1);
    remote->reset();
    _exit(0);
  }

  Gateways gateways_;
  TempDir folder_;
  std::string key_file_ = (folder_ / "wg0.conf").string();
};

TEST_F(TakeoverTest, ReachesNoKeyAndNothingElseOfTheHost) {
  write_file(key_file_,
             fmt::format("[Interface]\nPrivateKey = {}\n[Peer]\n# friendly_name = right\n"
                         "PublicKey = {}\n",
                         gateways_.left_keys.private_key, gateways_.right_keys.public_key));
  const auto free = take_over(false);
  const auto confined = take_over(true);
  ASSERT_EQ(free.size(), kAttacks.size() + 1) << "the unconfined process did not get so far";
  ASSERT_EQ(confined.size(), kAttacks.size() + 1) << "the confined process did not get so far";
  for (const Attack& attack : kAttacks) {
    EXPECT_EQ(free.at(attack.what), attack.works) << "unconfined: " << attack.what;
    EXPECT_FALSE(confined.at(attack.what)) << attack.what;
  }
  EXPECT_TRUE(confined.at("goes on"));
}

}  // namespace
}  // namespace wgscope::test
