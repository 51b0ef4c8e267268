#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include "wgscope/os/unique_fd.hpp"

namespace wgscope::uapi::testing {

/// A bound unix socket at `path` that does not listen: a daemon that ended and left its socket.
os::UniqueFd bind_socket(const std::string& path);

/// A daemon's end of UAPI in a thread: for each client it reads the request and then talks as it
/// was told to.
class ScriptedServer {
 public:
  /// Talks to one client; returning closes the connection. Must end soon once a stop is requested.
  using Conversation = std::function<void(int client, const std::stop_token& stop)>;

  ScriptedServer(const std::string& path, Conversation conversation);
  ~ScriptedServer() = default;
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

 private:
  os::UniqueFd listener_;
  std::jthread thread_;
};

/// Sends all of `text` unless the client goes away. @returns whether it took all.
bool send_all(int client, std::string_view text);

/// Waits, up to 20 ms at a time, until a stop is requested or the client has gone.
void wait_for_end(int client, const std::stop_token& stop);

// Conversations.
ScriptedServer::Conversation answers(std::string text);  ///< at once
/// In pieces of odd sizes, each once the client has read the one before.
ScriptedServer::Conversation answers_in_pieces(std::string text);
ScriptedServer::Conversation sends_and_closes(
    std::string text);  ///< however much of an answer that is
ScriptedServer::Conversation sends_and_hangs(std::string text);  ///< the connection stays open
ScriptedServer::Conversation drips(std::string text);  ///< a byte every 20 ms, over and over
ScriptedServer::Conversation floods(
    std::string text);                             ///< as fast as the client reads, over and over
ScriptedServer::Conversation never_ends_a_line();  ///< 10 MiB without a newline

}  // namespace wgscope::uapi::testing
