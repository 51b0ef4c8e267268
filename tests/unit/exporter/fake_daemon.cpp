#include "fake_daemon.hpp"

#include <cstddef>
#include <filesystem>
#include <iterator>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "keys.hpp"

namespace wgscope::exporter {

std::string daemon_answer(const std::vector<DaemonPeer>& peers) {
  std::string text =
      "private_key=" + std::string(64, '1') + "\n";  // no port: its sockets are not looked for
  const auto end = std::back_inserter(text);
  for (const DaemonPeer& peer : peers) {
    text += "public_key=";
    for (const std::byte byte : key(peer.number).bytes)
      fmt::format_to(end, "{:02x}", std::to_integer<unsigned>(byte));
    fmt::format_to(
        end,
        "\npreshared_key={:064x}\nendpoint={}\nlast_handshake_time_sec={}\n"
        "last_handshake_time_nsec=0\ntx_bytes=1\nrx_bytes={}\npersistent_keepalive_interval=25\n"
        "allowed_ip=10.0.0.0/8\nallowed_ip=fd00::/64\nprotocol_version=1\n",
        0, peer.endpoint, peer.handshake_seconds, peer.receive_bytes);
  }
  return text + "errno=0\n\n";
}

FakeDaemon::FakeDaemon(const std::filesystem::path& folder, std::string_view interface,
                       std::string answer)
    : path_(folder / (std::string(interface) + ".sock")), answer_(std::move(answer)) {
  server_.emplace(path_.string(),
                  [this](int client, const std::stop_token& stop) { talk(client, stop); });
}

FakeDaemon::~FakeDaemon() {
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

void FakeDaemon::talk(int client, const std::stop_token& stop) {
  std::string text;
  {
    std::unique_lock lock(mutex_);
    ++asked_;
    if (!released_.wait(lock, stop, [this] { return !held_; })) return;
    text = answer_;
  }
  uapi::testing::send_all(client, text);
  uapi::testing::wait_for_end(client, stop);
}

void FakeDaemon::answer_with(std::string answer) {
  const std::lock_guard lock(mutex_);
  answer_ = std::move(answer);
}

void FakeDaemon::hold() {
  const std::lock_guard lock(mutex_);
  held_ = true;
}

void FakeDaemon::release() {
  {
    const std::lock_guard lock(mutex_);
    held_ = false;
  }
  released_.notify_all();
}

int FakeDaemon::asked() const {
  const std::lock_guard lock(mutex_);
  return asked_;
}

}  // namespace wgscope::exporter
