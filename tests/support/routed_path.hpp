#pragma once

#include "netns.hpp"

namespace wgscope::test {

/// Two hosts and a router between them, over IPv4.
///
///   client 10.1.0.1 ---- 10.1.0.2 router 10.2.0.2 ---- 10.2.0.1 server
struct RoutedPath {
  NetworkNamespace client;
  NetworkNamespace router;
  NetworkNamespace server;
  Veth near = connect(client, "10.1.0.1/24", router, "10.1.0.2/24");
  Veth far = connect(router, "10.2.0.2/24", server, "10.2.0.1/24");

  static constexpr const char* kServer = "10.2.0.1";

  RoutedPath() {
    router.must({"sysctl", "-qw", "net.ipv4.ip_forward=1"});
    client.ip("route add 10.2.0.0/24 via 10.1.0.2");
    server.ip("route add 10.1.0.0/24 via 10.2.0.2");
  }
};

}  // namespace wgscope::test
