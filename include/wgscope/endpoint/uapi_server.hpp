#pragma once

#include <memory>
#include <string>

#include "wgscope/base/keys.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/endpoint/embedded_endpoint.hpp"
#include "wgscope/os/poll_loop.hpp"

namespace wgscope::endpoint {

/// Shows an endpoint on a unix socket as userspace implementations do, so that `wg show` and the
/// exporter see it as any other interface: answers get=1, and everything else with an errno.
/// Several clients at a time; one that is slow or says nothing is dropped after some seconds,
/// and after a tenth of one where others wait.
/// Source: https://www.wireguard.com/xplatform/ "Configuration Protocol".
class UapiServer {
 public:
  /// @param endpoint  must outlive the server.
  /// @param private_key  the endpoint's, which the protocol shows: the socket is its owner's alone.
  /// @param path  such as /var/run/wireguard/NAME.sock, the only folder `wg` looks in.
  /// @returns as os::UnixListener::open().
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
