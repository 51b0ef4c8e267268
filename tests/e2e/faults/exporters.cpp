// What goes wrong with an exporter, or where it runs.

#include <chrono>
#include <csignal>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

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
      {.name = "collector-fails",
       .alert = "WireGuardCollectorFailing",
       .make = make_place<CollectorFails>},
  };
}

}  // namespace wgscope::test
