#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "../source/scripted_server.hpp"

namespace wgscope::exporter {

/// A peer as a daemon lists it; the key is key(number).
struct DaemonPeer {
  std::uint32_t number = 0;
  std::int64_t handshake_seconds = 0;  ///< since 1970; 0: never
  std::uint64_t receive_bytes = 0;
  const char* endpoint = "192.0.2.1:51820";
};

/// The answer to get=1 with these peers.
std::string daemon_answer(const std::vector<DaemonPeer>& peers);

/// A userspace implementation of WireGuard, as far as its UAPI socket goes.
class FakeDaemon {
 public:
  /// Listens at `<folder>/<interface>.sock`.
  FakeDaemon(const std::filesystem::path& folder, std::string_view interface, std::string answer);
  ~FakeDaemon();
  FakeDaemon(const FakeDaemon&) = delete;
  FakeDaemon& operator=(const FakeDaemon&) = delete;

  void answer_with(std::string answer);
  /// From now on nobody gets an answer, until release().
  void hold();
  void release();

  /// How often it was asked. Counts before it answers.
  [[nodiscard]] int asked() const;

 private:
  void talk(int client, const std::stop_token& stop);

  std::filesystem::path path_;
  mutable std::mutex mutex_;
  std::condition_variable_any released_;
  std::string answer_;
  bool held_ = false;
  int asked_ = 0;
  std::optional<uapi::testing::ScriptedServer> server_;  ///< last: its thread uses the rest
};

}  // namespace wgscope::exporter
