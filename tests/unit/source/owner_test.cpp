#include "wgscope/source/uapi/owner.hpp"

#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"
#include "wgscope/os/netns.hpp"
#include "wgscope/os/unique_fd.hpp"

#include "temp_dir.hpp"

namespace wgscope::uapi {
namespace {

using namespace std::chrono_literals;

class Owner : public ::testing::Test {
 protected:
  void SetUp() override { bind_again(); }

  /// What a daemon does that starts: a new socket file. The old one is kept aside, or the new one
  /// could have its inode.
  void bind_again() {
    if (socket_) std::filesystem::rename(path_, path_ + ".old");
    socket_ = os::UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  void start_listening() { ASSERT_EQ(listen(socket_.get(), 1), 0); }

  test::TempDir folder_;
  std::string path_ = (folder_ / "wg0.sock").string();
  os::UniqueFd socket_;
  OwnerFinder finder_;
  Instant now_{1000s};
};

TEST_F(Owner, IsTheNamespaceOfTheListener) {
  start_listening();
  const auto netns = finder_.find(path_, getpid(), now_);
  ASSERT_TRUE(netns) << netns.error().context;
  EXPECT_EQ(netns->id(), os::Netns::open_own().value().id());
}

TEST_F(Owner, IsFoundWithoutAListenersNumber) {  // a daemon in another PID namespace, or one whose
                                                 // parent listened
  start_listening();
  for (const pid_t listener : {0, 999'999'999}) {
    OwnerFinder finder;
    const auto netns = finder.find(path_, listener, now_);
    ASSERT_TRUE(netns) << netns.error().context;
    EXPECT_EQ(netns->id(), os::Netns::open_own().value().id());
  }
}

TEST_F(Owner, IsFoundThroughASymbolicLink) {
  start_listening();
  std::filesystem::create_directory_symlink(folder_.path(), folder_ / "link");
  const auto netns = finder_.find((folder_ / "link" / "wg0.sock").string(), getpid(), now_);
  ASSERT_TRUE(netns) << netns.error().context;
}

TEST_F(Owner, IsNobodyWhereNobodyListens) {
  // Others' processes may not be looked at without privileges, which would be told instead.
  const std::filesystem::path only_self = folder_ / "proc";
  std::filesystem::create_directory(only_self);
  std::filesystem::create_directory_symlink("/proc/self", only_self / "self");
  const auto netns = OwnerFinder(only_self).find(path_, getpid(), now_);
  ASSERT_FALSE(netns);
  EXPECT_EQ(netns.error().code, Errc::no_device);
  EXPECT_NE(netns.error().context.find(path_), std::string::npos);
}

TEST_F(Owner, IsNotSearchedForAgainAtOnceAfterASearchInVain) {
  ASSERT_FALSE(finder_.find(path_, 0, now_));
  start_listening();
  EXPECT_FALSE(finder_.find(path_, 0, now_ + OwnerFinder::kSearchAgainAfter - 1s));
  EXPECT_TRUE(finder_.find(path_, 0, now_ + OwnerFinder::kSearchAgainAfter));
}

TEST_F(Owner, IsSearchedForAgainAtOnceWhenTheSocketIsNew) {
  ASSERT_FALSE(finder_.find(path_, 0, now_));
  bind_again();
  start_listening();
  EXPECT_TRUE(finder_.find(path_, 0, now_ + 1s));
}

TEST_F(Owner, IsSearchedForAgainOnceForgotten) {
  ASSERT_FALSE(finder_.find(path_, 0, now_));
  start_listening();
  finder_.keep_only({path_});
  ASSERT_FALSE(finder_.find(path_, 0, now_ + 1s));
  finder_.keep_only({});
  EXPECT_TRUE(finder_.find(path_, 0, now_ + 1s));
}

TEST_F(Owner, StaysKnownWithoutSearching) {
  start_listening();
  ASSERT_TRUE(finder_.find(path_, getpid(), now_));
  // The socket still exists but nobody listens any more: a new search would find nothing.
  socket_.reset();
  EXPECT_TRUE(finder_.find(path_, getpid(), now_ + 1s));
}

TEST_F(Owner, IsAnErrorForAFileThatIsGone) {
  std::filesystem::remove(path_);
  const auto netns = finder_.find(path_, getpid(), now_);
  ASSERT_FALSE(netns);
  EXPECT_EQ(netns.error().code, Errc::io);
}

/// Processes that end or move in the very moment: a folder like /proc, its namespaces real ones of
/// this process. Of which kind they are is looked at by nobody before somebody enters.
class OwnerAmongProcesses : public Owner {
 protected:
  void SetUp() override {
    Owner::SetUp();
    std::filesystem::create_directory(proc_);
  }

  [[nodiscard]] std::filesystem::path folder_of(int pid) const {
    return proc_ / std::to_string(pid);
  }
  static os::NetnsId id_of(const std::string& kind) {
    return os::Netns::open("/proc/self/ns/" + kind).value().id();
  }
  [[nodiscard]] std::string listing() const {
    return fmt::format("0000000000000000: 00000002 00000000 00010000 0001 01 7 {}\n", path_);
  }

  /// A process in the namespace /proc/self/ns/KIND that has no table yet.
  void add_process(int pid, const std::string& kind) {
    std::filesystem::create_directories(folder_of(pid) / "net");
    std::filesystem::create_directory(folder_of(pid) / "ns");
    std::filesystem::create_symlink("/proc/self/ns/" + kind, folder_of(pid) / "ns" / "net");
  }
  void add_process(int pid, const std::string& kind, const std::string& unix_table) {
    add_process(pid, kind);
    std::ofstream(folder_of(pid) / "net" / "unix") << unix_table;
  }
  void set_root(int pid, const std::filesystem::path& root) {
    std::filesystem::create_directory_symlink(root, folder_of(pid) / "root");
  }
  /// @param meanwhile  is called while the process's table is read.
  template <class Meanwhile>
  std::jthread add_process_that_changes(int pid, const std::string& kind, std::string unix_table,
                                        Meanwhile meanwhile) {
    add_process(pid, kind);
    const std::filesystem::path table = folder_of(pid) / "net" / "unix";
    EXPECT_EQ(mkfifo(table.c_str(), 0600), 0);
    return std::jthread([table, meanwhile, text = std::move(unix_table)] {
      std::ofstream pipe(table);  // waits until somebody reads
      meanwhile();
      pipe << text;
    });
  }

  std::filesystem::path proc_ = folder_ / "proc";
  OwnerFinder among_{proc_};
};

TEST_F(OwnerAmongProcesses, IsFoundThoughAnotherProcessOfItsNamespaceEndsBeforeItsTableIsRead) {
  add_process(10, "net");
  add_process(20, "net", listing());
  const auto netns = among_.find(path_, 0, now_);
  ASSERT_TRUE(netns) << netns.error().context;
  EXPECT_EQ(netns->id(), id_of("net"));
}

TEST_F(OwnerAmongProcesses, IsFoundThoughTheProcessThatShowsItEndsMeanwhile) {
  const std::jthread ends = add_process_that_changes(
      10, "net", listing(), [this] { std::filesystem::remove(folder_of(10) / "ns" / "net"); });
  add_process(20, "net", listing());
  const auto netns = among_.find(path_, 0, now_);
  ASSERT_TRUE(netns) << netns.error().context;
  EXPECT_EQ(netns->id(), id_of("net"));
}

TEST_F(OwnerAmongProcesses, IsNotTheNamespaceThatAProcessMovedTo) {
  const std::jthread moves = add_process_that_changes(10, "net", listing(), [this] {
    std::filesystem::remove(folder_of(10) / "ns" / "net");
    std::filesystem::create_symlink("/proc/self/ns/mnt", folder_of(10) / "ns" / "net");
  });
  add_process(20, "net", listing());
  const auto netns = among_.find(path_, 0, now_);
  ASSERT_TRUE(netns) << netns.error().context;
  EXPECT_EQ(netns->id(), id_of("net"));
}

TEST_F(OwnerAmongProcesses, IsNotTheNamespaceThatAProcessCameFrom) {
  const std::jthread moves = add_process_that_changes(10, "mnt", listing(), [this] {
    std::filesystem::remove(folder_of(10) / "ns" / "net");
    std::filesystem::create_symlink("/proc/self/ns/net", folder_of(10) / "ns" / "net");
  });
  add_process(20, "net", listing());
  const auto netns = among_.find(path_, 0, now_);
  ASSERT_TRUE(netns) << netns.error().context;
  EXPECT_EQ(netns->id(), id_of("net"));
}

TEST_F(OwnerAmongProcesses, IsFoundThoughAReadingInPiecesPassedItOver) {
  const std::string others(5000, '\n');
  const std::jthread changes = add_process_that_changes(10, "net", others, [this] {
    std::filesystem::remove(folder_of(10) / "net" / "unix");
    std::ofstream(folder_of(10) / "net" / "unix") << listing();
  });
  const auto netns = among_.find(path_, 0, now_);
  ASSERT_TRUE(netns) << netns.error().context;
  EXPECT_EQ(netns->id(), id_of("net"));
}

TEST_F(OwnerAmongProcesses, IsNotAContainersWithASocketOfTheSamePath) {
  // The container's file is another one, behind a link that leads to ours from our own root.
  const std::filesystem::path container = folder_ / "container";
  std::filesystem::create_directories(container.string() + folder_.path().parent_path().string());
  std::filesystem::create_directory_symlink(folder_.path(),
                                            container.string() + folder_.path().string());
  add_process(10, "mnt", listing());
  set_root(10, container);
  add_process(20, "net", listing());
  set_root(20, "/");
  const auto netns = among_.find(path_, 0, now_);
  ASSERT_TRUE(netns) << netns.error().context;
  EXPECT_EQ(netns->id(), id_of("net"));
}

TEST_F(OwnerAmongProcesses, IsFoundByTheFirstProcessOfItsNamespaceThatSeesTheFile) {
  add_process(5, "mnt", listing());
  add_process(10, "net", listing());
  set_root(10, folder_.path());
  add_process(20, "net");
  set_root(20, "/");
  const auto netns = among_.find(path_, 0, now_);
  ASSERT_TRUE(netns) << netns.error().context;
  EXPECT_EQ(netns->id(), id_of("net"));
}

TEST_F(OwnerAmongProcesses, IsNotGuessedWhereSeveralNamespacesListThePath) {
  add_process(10, "mnt", listing());
  add_process(20, "net", listing());
  const auto netns = among_.find(path_, 0, now_);
  ASSERT_FALSE(netns);
  EXPECT_EQ(netns.error().code, Errc::no_device);
  EXPECT_NE(netns.error().context.find("2 namespaces have a socket with this path"),
            std::string::npos)
      << netns.error().context;
}

TEST_F(OwnerAmongProcesses, IsToldApartFromASearchThatCannotBeMadeAndThatIsMadeAgainAtOnce) {
  add_process(10, "net");
  std::filesystem::create_symlink("unix", folder_of(10) / "net" / "unix");  // leads to itself
  const auto error = among_.find(path_, 0, now_);
  ASSERT_FALSE(error);
  EXPECT_EQ(error.error().code, Errc::io);
  EXPECT_NE(error.error().context.find(path_), std::string::npos) << error.error().context;
  std::filesystem::remove(folder_of(10) / "net" / "unix");
  std::ofstream(folder_of(10) / "net" / "unix") << listing();
  EXPECT_TRUE(among_.find(path_, 0, now_));
}

TEST_F(OwnerAmongProcesses, SaysWhichNamespacesToRunInWhereNoProcessIsVisible) {
  for (const std::filesystem::path& proc : {proc_, folder_ / "missing"}) {
    const auto netns = OwnerFinder(proc).find(path_, getpid(), now_);
    ASSERT_FALSE(netns);
    EXPECT_EQ(netns.error().code, Errc::no_device);
    EXPECT_NE(netns.error().context.find("host's PID namespace"), std::string::npos);
  }
}

}  // namespace
}  // namespace wgscope::uapi
