#pragma once

#include <memory>
#include <string>

#include "wgscope/base/keys.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/endpoint/embedded_endpoint.hpp"
#include "wgscope/os/poll_loop.hpp"

namespace wgscope::endpoint {

/// Offers an endpoint on a Unix socket as userspace implementations do, so that `wg show` and the
/// exporter see it like any other interface. It answers get=1, and everything else with an errno.
/// It serves several clients at a time. A client that is slow or sends nothing is disconnected
/// after some seconds, or after a tenth of a second if others wait.
/// Source: https://www.wireguard.com/xplatform/ "Configuration Protocol".
class UapiServer {
 public:
  /// @param endpoint  must outlive the server.
  /// @param private_key  of the endpoint. The protocol shows it, so only the socket's owner has
  /// access.
  /// @param path  such as /var/run/wireguard/NAME.sock; `wg` looks in this folder only.
  /// @returns the errors of os::UnixListener::open().
  static Result<UapiServer> open(os::PollLoop& loop, EmbeddedEndpoint& endpoint,
                                 PrivateKey private_key, const std::string& path);
  UapiServer(const UapiServer&) = delete;
  UapiServer& operator=(const UapiServer&) = delete;
  UapiServer(UapiServer&&) noexcept;
  UapiServer& operator=(UapiServer&&) noexcept;
  ~UapiServer();

 private:
  class Server;
  explicit UapiServer(std::unique_ptr<Server> server);
  std::unique_ptr<Server> server_;
};

}  // namespace wgscope::endpoint
