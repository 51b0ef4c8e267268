// Reads an interface of the kernel's own WireGuard with our reader and with `wg show dump`, in the
// virtual machine of tests/kernel. Under emulation work takes ten to twenty times as long, so what
// counts is the ratio.

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include <fmt/core.h>

#include "wgscope/base/time.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/snapshot.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/source/collect.hpp"

#include "measure.hpp"
#include "processes.hpp"
#include "workload.hpp"

namespace wgscope::bench {
namespace {

void configure(const Device& device) {
  run_program({"/bin/ip", "link", "add", device.name, "type", "wireguard"});
  const std::string path = "/tmp/bench.conf";
  std::ofstream file(path);
  file << "[Interface]\nListenPort = " << device.listen_port << "\n";
  for (const Peer& peer : device.peers) {
    file << "[Peer]\nPublicKey = " << peer.public_key.base64()
         << "\nEndpoint = " << peer.endpoint->to_string() << "\nAllowedIPs = ";
    bool first = true;
    for (const Prefix& prefix : device.allowed_ips_of(peer))
      file << (std::exchange(first, false) ? "" : ", ") << prefix.to_string();
    file << "\n";
  }
  file.close();
  run_program({"/bin/wg", "setconf", device.name, path});
}

void measure(std::size_t peers) {
  const Device device = make_device("wg0", peers, os::now().wall);
  configure(device);
  source::CollectOptions options;
  options.userspace = false;
  source::SnapshotSource source(options);
  Snapshot snapshot;
  Rounds rounds;
  rounds.add(
      {[&] { source.collect(os::now(), os::boot_now() + std::chrono::seconds(60), snapshot); },
       {}});
  rounds.add(
      {[] { run_program({"/bin/wg", "show", "wg0", "dump"}); }, {}, CpuClock::ended_children()});
  const auto results = rounds.run({7, std::chrono::milliseconds(100)});
  if (snapshot.devices.empty() || snapshot.devices[0].peers.size() != peers)
    throw std::runtime_error("not all peers were read");
  const double ours = results[0].cpu_ns;
  const double wg = results[1].cpu_ns;
  fmt::print("our reading {:.1f} ms, wg show dump {:.1f} ms, ratio {:.2f}\n", ours / 1e6, wg / 1e6,
             wg / ours);
}

}  // namespace
}  // namespace wgscope::bench

int main(int argc, char** argv) {
  try {
    wgscope::bench::measure(argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10'000);
  } catch (const std::exception& error) {
    fmt::print("kernel_bench: {}\n", error.what());
    return 1;
  }
}
