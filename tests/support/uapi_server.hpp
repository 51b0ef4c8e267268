#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "wgscope/os/unique_fd.hpp"

// A userspace implementation as far as the exporter sees one: its UAPI socket, well behaved or not.
namespace wgscope::test {

/// What stands behind get=1.
struct UapiReply {
  std::string bytes;
  bool hang_up = true;                 ///< false: says nothing more, and keeps the connection
  std::chrono::milliseconds delay{0};  ///< before the first byte; ends early with the server
};

class UapiServer {
 public:
  /// Listens on `socket`, replacing a file that is there.
  UapiServer(std::filesystem::path socket, UapiReply reply);
  ~UapiServer();
  UapiServer(const UapiServer&) = delete;
  UapiServer& operator=(const UapiServer&) = delete;

  void reply_with(UapiReply reply);  ///< from the next request on

  [[nodiscard]] int requests() const { return requests_; }

 private:
  void serve();
  void answer(os::UniqueFd connection);

  std::filesystem::path path_;
  os::UniqueFd listener_;
  os::UniqueFd stop_;  ///< an eventfd
  std::mutex mutex_;   ///< guards reply_
  UapiReply reply_;
  std::atomic<int> requests_ = 0;
  std::vector<os::UniqueFd> kept_;  ///< of the thread
  std::thread thread_;
};

/// A socket file that nobody listens on, as a daemon leaves that was killed.
void leave_stale_socket(const std::filesystem::path& path);

/// A peer in an answer. `number` makes its key.
struct UapiPeer {
  std::uint64_t number = 0;
  std::optional<std::chrono::seconds> handshake_age;
  std::string receive_bytes = "1000";
  std::string transmit_bytes = "2000";
  std::optional<std::uint16_t> port;  ///< of its endpoint; otherwise `number` makes it

  [[nodiscard]] std::string public_key() const;  ///< base64, as the label has it
};

/// A whole answer of an interface with these peers, as wireguard-go words it.
std::string uapi_answer(const std::vector<UapiPeer>& peers);
/// With peers 0 … count-1, all of them live.
std::string uapi_answer(std::size_t count);

}  // namespace wgscope::test
