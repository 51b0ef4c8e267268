#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "wgscope/os/unique_fd.hpp"

namespace wgscope::test {

/// Listens on a free port of 127.0.0.1 and hands connections, one after the other, to a function on
/// a thread of its own, which also closes them.
class LocalServer {
 public:
  /// @param serve  reads and writes the socket; waits 5 s at most for the other side.
  explicit LocalServer(std::function<void(int)> serve);
  ~LocalServer();
  LocalServer(const LocalServer&) = delete;
  LocalServer& operator=(const LocalServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  void run();

  std::function<void(int)> serve_;
  os::UniqueFd listener_;
  os::UniqueFd stop_;  ///< an eventfd
  std::uint16_t port_ = 0;
  std::thread thread_;
};

/// Reads until `end` has come, or the other side closes. An empty `end` never comes.
std::string receive_until(int socket, std::string_view end);
/// Reads a request: its head, and as many bytes after it as its Content-Length says.
std::string receive_request(int socket);
void send_all(int socket, std::string_view text);
/// Lets reading and writing fail after 5 s.
void limit_waiting(int socket);

}  // namespace wgscope::test
