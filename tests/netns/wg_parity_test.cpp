// Files mean to us what they mean to wg and wg-quick. Thousands of files, made from a grammar and
// damaged byte by byte, are read by config::parse_wg_quick() and by Debian's `wg setconf`, which
// here talks to a UAPI socket of the test and so tells what it understood. Both take a file and
// understand the same, or a table below says why not.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <poll.h>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/unique_fd.hpp"

#include "files.hpp"
#include "need.hpp"
#include "netns.hpp"
#include "process.hpp"
#include "temp_dir.hpp"
#include "wg_meaning.hpp"
#include "wg_quick_files.hpp"
#include "wireguard_go.hpp"

namespace wgscope::test {
namespace {

using config::Warning;
using config::WarningKind;
using config::WgQuickConfig;
using config::WgQuickPeer;

/// The UAPI socket of an interface that takes everything, and remembers it.
class Recorder {
 public:
  Recorder() : stop_(eventfd(0, EFD_CLOEXEC)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::string_view("/run/wireguard/w.sock").copy(address.sun_path, sizeof address.sun_path);
    unlink(address.sun_path);
    listener_ = os::UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        listen(listener_.get(), 16) != 0)
      throw std::runtime_error("no UAPI socket");
    thread_ = std::thread([this] { serve(); });
  }
  ~Recorder() {
    eventfd_write(stop_.get(), 1);
    thread_.join();
  }
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  /// What came since the last call.
  std::string take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(requests_, {});
  }

 private:
  void serve() {
    for (;;) {
      std::array<pollfd, 2> waiting{pollfd{listener_.get(), POLLIN, 0},
                                    pollfd{stop_.get(), POLLIN, 0}};
      poll(waiting.data(), waiting.size(), -1);
      if (waiting[1].revents != 0) return;
      const os::UniqueFd connection(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      std::string request;
      std::array<char, 4096> buffer;
      while (!request.ends_with("\n\n")) {
        const ssize_t count = recv(connection.get(), buffer.data(), buffer.size(), 0);
        if (count <= 0) break;
        request.append(buffer.data(), static_cast<std::size_t>(count));
      }
      // wg connects once more only to see whether somebody is there.
      if (request.empty()) continue;
      {
        const std::lock_guard lock(mutex_);
        requests_ += request;
      }
      constexpr std::string_view kTaken = "errno=0\n\n";
      static_cast<void>(send(connection.get(), kTaken.data(), kTaken.size(), MSG_NOSIGNAL));
    }
  }

  os::UniqueFd stop_;
  os::UniqueFd listener_;
  std::mutex mutex_;  ///< guards requests_
  std::string requests_;
  std::thread thread_;
};

/// What wg says of a file.
struct Theirs {
  bool taken = false;
  Meaning meaning;
  std::string error;
};

std::string without_blanks(std::string_view text) {
  std::string made;
  for (const char c : text)
    if (std::string_view(" \t\v\f\r").find(c) == std::string_view::npos) made += c;
  return made;
}

bool is_decimal(std::string_view text, unsigned least) {
  std::uint64_t value = 0;
  if (text.empty() || text.size() > 10) return false;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return value >= least && value <= UINT16_MAX;
}

/// A line that wg takes and we refuse.
struct Stricter {
  const char* why;
  const char* error;                           ///< is in ours
  std::function<bool(std::string_view)> fits;  ///< the line that it names, without blanks
};

const std::vector<Stricter>& stricter() {
  const auto any = [](std::string_view) { return true; };
  static const std::vector<Stricter> rows{
      {"a file that is cut short must not look like one without peers", "there is no [Interface]",
       any},
      {"the private key was most likely given away as a public one", "this PublicKey is the", any},
      {"wg stops reading the line there, and wg-quick leaves the byte out", "a byte of zero", any},
      {"wg takes services' names, which differ between hosts, and numbers above 65535 modulo 65536",
       "ListenPort must be",
       [](std::string_view line) { return !is_decimal(line.substr(line.find('=') + 1), 0); }},
      {"the same in endpoints", "expected HOST:PORT",
       [](std::string_view line) { return !is_decimal(line.substr(line.rfind(':') + 1), 0); }},
      {"nothing can be sent to port 0", "nothing can be sent to port 0", any},
  };
  return rows;
}

/// wg-quick strip looks at none of these; ip and resolvconf refuse them when the tunnel is to start.
constexpr std::string_view kLaterRefused[] = {"Address must be", "DNS must be", "MTU must be",
                                              "Table must be"};

/// The line that an error of ours names, without its comment and blanks; all of the file where it
/// names none.
std::string line_of(const std::string& error, const std::string& file) {
  std::size_t number = 0;
  if (std::sscanf(error.c_str(), "line %zu:", &number) != 1) return file;
  std::istringstream lines(file);
  std::string line;
  for (std::size_t i = 0; i < number; ++i) std::getline(lines, line);
  return without_blanks(line.substr(0, line.find('#')));
}

/// What we take, with a warning, and wg refuses.
bool says_that_wg_refuses(const WgQuickConfig& config) {
  return std::ranges::any_of(config.warnings, [](const Warning& warning) {
    switch (warning.kind) {
      case WarningKind::not_known:
      case WarningKind::refused:
      case WarningKind::obfuscated:
      case WarningKind::obfuscating:
      case WarningKind::reserved: return true;
      default: return false;
    }
  });
}

class WgParity : public testing::Test {
 protected:
  void SetUp() override {
    WGSCOPE_NEED(why_no_netns());
    if (!std::exchange(is_apart_, true)) leave_network();
    recorder_.emplace();
  }

  /// No name server is asked, and the names that there are are the same everywhere.
  static void leave_network() {
    leave_shared_folders();
    static const TempDir folder;
    write_file(folder / "hosts", "127.0.0.1 localhost\n192.0.2.7 gw.example.net\n");
    write_file(folder / "nsswitch.conf", "hosts: files\nservices: files\n");
    for (const char* name : {"hosts", "nsswitch.conf"}) {
      const std::string to = std::string("/etc/") + name;
      if (mount((folder / name).c_str(), to.c_str(), nullptr, MS_BIND, nullptr) != 0)
        throw std::runtime_error("mount over " + to);
    }
    setenv("WG_ENDPOINT_RESOLUTION_RETRIES", "0", 1);
  }

  /// Other files with --gtest_shuffle and a --gtest_random_seed, the same ones without.
  static std::uint64_t seed() {
    return 1000 * static_cast<std::uint64_t>(testing::UnitTest::GetInstance()->random_seed());
  }

  Theirs wg_reads(const std::string& file) {
    write_file(folder_ / "w.conf", file);
    const Finished ended = run({"wg", "setconf", "w", folder_ / "w.conf"});
    Theirs theirs{.taken = ended.exit_code == 0, .meaning = {}, .error = ended.err};
    const std::string requests = recorder_->take();
    EXPECT_EQ(theirs.taken, !requests.empty()) << ended.err;
    theirs.meaning = meaning_of_requests(requests);
    return theirs;
  }

  /// As wg-quick does it.
  Theirs wg_quick_reads(const std::string& file) {
    write_file(folder_ / "w.conf", file);
    const Finished stripped = run({"wg-quick", "strip", folder_ / "w.conf"});
    if (stripped.exit_code != 0) return {.taken = false, .meaning = {}, .error = stripped.err};
    return wg_reads(stripped.out);
  }

  /// Holds what both make of a file against each other, and counts how that ended.
  void compare(const std::string& file, const Theirs& theirs) {
    const auto config = config::parse_wg_quick(file);
    const std::string about =
        fmt::format("{}\n---\nwg: {}{}\nours: {}", file, theirs.taken ? "takes it" : theirs.error,
                    theirs.taken ? "\n" + to_text(theirs.meaning) : "",
                    config ? "takes it" : config.error().context);
    if (!config) {
      if (theirs.taken)
        expect_stricter(file, config.error().context, about);
      else
        ++counts_["both refuse"];
      return;
    }
    if (theirs.taken) {
      EXPECT_EQ(to_text(meaning_of(*config)), to_text(theirs.meaning)) << about;
      EXPECT_FALSE(says_that_wg_refuses(*config)) << about;
      ++counts_["both take it"];
    } else if (says_that_wg_refuses(*config)) {
      ++counts_["we take it and say that wg refuses it"];
    } else {
      // A name can be looked up later; wg does it while it reads.
      EXPECT_NE(theirs.error.find("Name or service not known"), std::string::npos) << about;
      ++counts_["a name does not resolve"];
    }
  }

  void expect_stricter(const std::string& file, const std::string& error,
                       const std::string& about) {
    for (const Stricter& row : stricter()) {
      if (error.find(row.error) == std::string::npos || !row.fits(line_of(error, file))) continue;
      ++counts_[row.why];
      return;
    }
    for (const std::string_view later : kLaterRefused)
      if (error.find(later) != std::string::npos) return;
    ADD_FAILURE() << "wg takes it, and we refuse it for no reason that the table has:\n" << about;
  }

  static inline bool is_apart_ = false;
  std::optional<Recorder> recorder_;
  TempDir folder_;
  std::map<std::string, std::size_t> counts_;
};

TEST_F(WgParity, OfFilesThatWgReads) {
  constexpr int kFiles = 3000;
  // So rare among the others that a run may be without it.
  using namespace std::string_literals;
  const std::string with_zero = "[Interface]\nListenPort = 51820\0x\n[Peer]\nPublicKey = "s +
                                "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=\n";
  compare(with_zero, wg_reads(with_zero));
  WgQuickFiles files(14 + seed());
  for (int i = 0; i < kFiles && !HasFailure(); ++i) {
    const std::string file = files.next(false);
    compare(file, wg_reads(file));
  }
  for (const auto& [how, count] : counts_) RecordProperty(how, static_cast<int>(count));
  // What never happens is not tested.
  EXPECT_GT(counts_["both take it"], kFiles / 4);
  EXPECT_GT(counts_["both refuse"], kFiles / 20);
  EXPECT_GT(counts_["we take it and say that wg refuses it"], kFiles / 40);
  EXPECT_GT(counts_["a name does not resolve"], 0U);
  for (const Stricter& row : stricter()) EXPECT_GT(counts_[row.why], 0U) << row.why;
}

TEST_F(WgParity, OfFilesThatWgQuickReads) {
  constexpr int kFiles = 150;
  WgQuickFiles files(15 + seed());
  for (int i = 0; i < kFiles && !HasFailure(); ++i) {
    const std::string file = files.next(true);
    compare(file, wg_quick_reads(file));
  }
  EXPECT_GT(counts_["both take it"], kFiles / 4);
  EXPECT_GT(counts_["we take it and say that wg refuses it"], 5U);
}

/// What the comparison takes for granted: of what several peers have in common.
TEST_F(WgParity, OfPeersThatContradictEachOtherInWireguardGo) {
  const NetworkNamespace netns;
  const WireguardGo tunnel(netns);
  const std::string head = "[Peer]\nPublicKey = ";
  const std::string file =
      head + file_keys()[1] + "\nAllowedIPs = 10.0.0.0/8, 10.1.0.0/16\nPersistentKeepalive = 5\n" +
      head + file_keys()[2] + "\nAllowedIPs = 10.0.0.0/8, 10.2.0.0/16\nEndpoint = 192.0.2.1:5\n" +
      head + file_keys()[2] + "\nAllowedIPs = 10.3.0.0/16\nPersistentKeepalive = 7\n" + head +
      file_keys()[1] + "\nPublicKey = " + file_keys()[3] + "\nAllowedIPs = 10.4.0.0/16\n";
  tunnel.configure(file);
  std::string ours;
  const auto config = config::parse_wg_quick(file);
  ASSERT_TRUE(config) << config.error().context;
  for (const WgQuickPeer& peer : config->peers) {
    std::string prefixes;
    for (const Prefix& prefix : peer.allowed_ips)
      prefixes += (prefixes.empty() ? "" : ",") + prefix.to_string();
    ours += fmt::format("{} {} {} {}\n", peer.public_key.base64(),
                        peer.endpoint ? peer.endpoint->to_string() : "(none)", prefixes,
                        peer.persistent_keepalive.value_or(std::chrono::seconds(0)).count());
  }
  // Without the interface itself, and of each peer: key, preshared key, endpoint, allowed IPs,
  // handshake, received, sent, keepalive.
  std::istringstream lines(tunnel.wg({"show", tunnel.name(), "dump"}));
  std::set<std::string> theirs;
  std::string line;
  for (std::getline(lines, line); std::getline(lines, line);) {
    std::vector<std::string> fields;
    std::istringstream columns(line);
    for (std::string field; std::getline(columns, field, '\t');) fields.push_back(field);
    ASSERT_EQ(fields.size(), 8U) << line;
    theirs.insert(fmt::format("{} {} {} {}\n", fields[0], fields[2], fields[3],
                              fields[7] == "off" ? "0" : fields[7]));
  }
  std::set<std::string> expected;
  std::istringstream own(ours);
  while (std::getline(own, line)) expected.insert(line + "\n");
  EXPECT_EQ(theirs, expected);
  EXPECT_EQ(expected.size(), 3U);
}

}  // namespace
}  // namespace wgscope::test
