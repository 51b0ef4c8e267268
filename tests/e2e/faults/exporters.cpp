// What goes wrong with an exporter, or where it runs.

#include <arpa/inet.h>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <netinet/in.h>
#include <optional>
#include <regex>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <vector>

#include "wgscope/os/unique_fd.hpp"

#include "exporter.hpp"
#include "files.hpp"
#include "scenario.hpp"
#include "temp_dir.hpp"
#include "tunnel.hpp"
#include "uapi_server.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;

class ExporterKilled : public Tunnel {
 public:
  ExporterKilled() : Tunnel({.peer_keepalive = 25}) {}

  [[nodiscard]] std::uint16_t port() const override { return port_; }

  void inject() override {
    exporter_->signal(SIGKILL);
    static_cast<void>(exporter_->wait(10s));
  }
  void repair() override {
    exporter_.emplace(
        ExporterOptions{.flags = {"--interface.include=" + gateway_.wireguard->name()},
                        .log_level = "info",
                        .port = port_});
  }

 private:
  std::uint16_t port_ = Tunnel::port();
};

/// A daemon with two peers, as far as the exporter sees one.
class Played : public Fault {
 public:
  [[nodiscard]] std::uint16_t port() const override { return exporter_->server().port; }

 protected:
  explicit Played(std::vector<std::string> flags = {}) {
    flags.push_back("--uapi.dir=" + folder_.path().string());
    exporter_.emplace(ExporterOptions{.flags = flags, .log_level = "info"});
  }
  [[nodiscard]] static std::string answer() { return uapi_answer({{.number = 1}, {.number = 2}}); }

  TempDir folder_;
  UapiServer daemon_{folder_ / "played.sock", {answer()}};
  std::optional<Exporter> exporter_;
};

/// Its daemon takes long to answer: more than the second that is too slow, and less than half of the
/// scrape's timeout, after which it would count as stuck.
class SlowScrape : public Played {
 public:
  [[nodiscard]] std::string scrape_interval() const override { return "4s"; }
  void inject() override { daemon_.reply_with({.bytes = answer(), .delay = 1300ms}); }
  void repair() override { daemon_.reply_with({.bytes = answer()}); }
};

/// A daemon that does not read its UDP socket, while somebody keeps sending: the kernel drops what
/// does not fit. The daemon is played; its socket, the datagrams and the drops are real.
class SlowSocket : public Played {
 public:
  SlowSocket() {
    daemon_.reply_with(
        {.bytes = std::regex_replace(answer(), std::regex("listen_port=[0-9]+"),
                                     "listen_port=" + std::to_string(ntohs(address_.sin_port)))});
  }

  void inject() override { flooded_ = true; }
  void repair() override { flooded_ = false; }
  void tend() override {
    const std::array<char, 1000> datagram{};
    for (int i = 0; flooded_ && i < 300; ++i)
      sendto(sender_.get(), datagram.data(), datagram.size(), 0, any_address(), sizeof address_);
  }

 private:
  static os::UniqueFd make_socket() {
    return os::UniqueFd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  }
  sockaddr* any_address() { return reinterpret_cast<sockaddr*>(&address_); }
  [[nodiscard]] sockaddr_in bind_receiver() const {
    constexpr int kSmall = 4096;
    setsockopt(receiver_.get(), SOL_SOCKET, SO_RCVBUF, &kSmall, sizeof kSmall);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    socklen_t size = sizeof address;  // of no address of its own, as WireGuard's sockets
    auto* any = reinterpret_cast<sockaddr*>(&address);
    if (bind(receiver_.get(), any, size) + getsockname(receiver_.get(), any, &size) != 0)
      throw std::runtime_error("no UDP socket");
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }

  os::UniqueFd receiver_ = make_socket();
  os::UniqueFd sender_ = make_socket();
  sockaddr_in address_ = bind_receiver();
  bool flooded_ = false;
};

/// Its file of names is broken.
class CollectorFails : public Tunnel {
 public:
  CollectorFails() {
    repair();
    exporter_.emplace(
        ExporterOptions{.flags = {"--interface.include=" + gateway_.wireguard->name(),
                                  "--names.file=" + (folder_ / "names.yaml").string()},
                        .log_level = "info"});
  }

  void inject() override { write_file(folder_ / "names.yaml", "{ this is: [not YAML"); }
  void repair() override {
    write_file(folder_ / "names.yaml", peer_.keys.public_key + ": laptop of Ada\n");
  }

 private:
  TempDir folder_;
};

}  // namespace

std::vector<Scenario> exporter_scenarios() {
  return {
      {.name = "exporter-killed",
       .alert = "WireGuardExporterDown",
       .make = make_place<ExporterKilled>},
      {.name = "slow-scrape", .alert = "WireGuardScrapeSlow", .make = make_place<SlowScrape>},
      {.name = "socket-drops", .alert = "WireGuardSocketDrops", .make = make_place<SlowSocket>},
      {.name = "collector-fails",
       .alert = "WireGuardCollectorFailing",
       .make = make_place<CollectorFails>},
  };
}

}  // namespace wgscope::test
