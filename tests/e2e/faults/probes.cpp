// What probes find that run regularly, through the files that they leave for node_exporter.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "files.hpp"
#include "local_server.hpp"
#include "netns.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "scenario.hpp"
#include "temp_dir.hpp"
#include "tunnel.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;

/// Serves one file, as node_exporter's textfile collector does.
class Textfile {
 public:
  explicit Textfile(std::filesystem::path file) : file_(std::move(file)) {}

  [[nodiscard]] std::uint16_t port() const { return server_.port(); }

 private:
  void answer(int client) const {
    static_cast<void>(receive_request(client));
    const std::string text = std::filesystem::exists(file_) ? read_file(file_) : "";
    send_all(client, fmt::format("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n"
                                 "Content-Length: {}\r\nConnection: close\r\n\r\n{}",
                                 text.size(), text));
  }

  std::filesystem::path file_;
  LocalServer server_{[this](int client) { answer(client); }};  ///< last: its thread uses the file
};

/// wgscope mtu, every few seconds, from behind a router.
///
///   gateway 198.51.100.10 ---- 198.51.100.2 router 10.7.0.1 ---- 10.7.0.2 probe
class ProbedPath : public Fault {
 public:
  ProbedPath() {
    connect(gateway_.host, "198.51.100.10/24", router_, "198.51.100.2/24");
    connect(router_, "10.7.0.1/24", probe_, "10.7.0.2/24");
    gateway_.host.ip("route add 10.7.0.0/24 via 198.51.100.2");
    probe_.ip("route add default via 10.7.0.1");
    router_.must({"sysctl", "-qw", "net.ipv4.ip_forward=1"});
    gateway_.config = fmt::format(
        "[Interface]\nPrivateKey = {}\nListenPort = 51820\n"
        "[Peer]\nPublicKey = {}\nAllowedIPs = 10.9.0.2/32\n",
        gateway_.keys.private_key, keys_.public_key);
    gateway_.start();
    write_file(folder_ / "probe.conf",
               fmt::format("[Interface]\nPrivateKey = {}\nAddress = 10.9.0.2/32\n"
                           "[Peer]\nPublicKey = {}\nEndpoint = 198.51.100.10:51820\n"
                           "AllowedIPs = 10.9.0.1/32\n",
                           keys_.private_key, gateway_.keys.public_key));
    // A probe finds fault with less.
    std::filesystem::permissions(folder_ / "probe.conf", std::filesystem::perms::owner_read);
    std::filesystem::create_directory(folder_ / "no-sockets");
  }

  [[nodiscard]] std::uint16_t port() const override { return results_.port(); }
  [[nodiscard]] std::string job() const override { return "node"; }

  void tend() override {
    constexpr auto kInterval = 12s;
    const auto now = std::chrono::steady_clock::now();
    if (run_ && (run_->running() || now < began_ + kInterval)) return;
    began_ = now;
    run_.emplace(std::vector<std::string>{binary_dir() / "probe/wgscope", "mtu", "--quick",
                                          "--config", folder_ / "probe.conf", "--uapi.dir",
                                          folder_ / "no-sockets", "--state.dir", folder_.path(),
                                          "--prometheus", folder_ / "wgscope.prom"},
                 ProcessOptions{.env = {}, .netns = probe_.name(), .input = {}});
  }

 protected:
  void drop(const std::string& what) const {
    router_.must({"nft", "-f", "-"},
                 "table inet drops {\n chain way {\n  type filter hook forward priority 0\n  " +
                     what + " drop\n }\n}\n");
  }
  void drop_nothing() const { router_.must({"nft", "delete", "table", "inet", "drops"}); }

 private:
  End gateway_{.host = {}, .wireguard = {}, .address = "10.9.0.1", .config = {}};
  NetworkNamespace router_;
  NetworkNamespace probe_;
  KeyPair keys_ = make_key_pair();
  TempDir folder_;
  Textfile results_{folder_ / "wgscope.prom"};
  std::optional<Process> run_;
  std::chrono::steady_clock::time_point began_;
};

/// The router drops large packets and says nothing.
class MtuBlackHole : public ProbedPath {
 public:
  void inject() override { drop("meta length > 1300"); }
  void repair() override { drop_nothing(); }
};

/// Nobody runs it any more.
class ProbeStops : public ProbedPath {
 public:
  void tend() override {
    if (!stopped_) ProbedPath::tend();
  }
  void inject() override { stopped_ = true; }
  void repair() override { stopped_ = false; }

 private:
  bool stopped_ = false;
};

/// The router drops the tunnel altogether.
class ProbeFails : public ProbedPath {
 public:
  void inject() override { drop("meta l4proto udp"); }
  void repair() override { drop_nothing(); }
};

}  // namespace

std::vector<Scenario> probe_scenarios() {
  return {
      {.name = "mtu-black-hole",
       .alert = "WireGuardPathMTUBlackHole",
       .make = make_place<MtuBlackHole>,
       .settle = 20s},
      {.name = "probe-fails",
       .alert = "WireGuardProbeFailing",
       .make = make_place<ProbeFails>,
       .settle = 20s},
      {.name = "probe-stops",
       .alert = "WireGuardProbeStale",
       .make = make_place<ProbeStops>,
       .settle = 20s},
  };
}

}  // namespace wgscope::test
