#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace wgscope::bench {

struct EndpointOptions {
  bool quick = false;
  bool wireguard_go = true;
  std::string self;  ///< this program, to be started anew
};

/// The same of Debian's wireguard-go, where it could be measured.
struct WireguardGoFigures {
  std::optional<double> handshake_cpu_ns;
  std::optional<double> tcp_send_gbit;
  std::optional<double> tcp_receive_gbit;
  std::optional<double> first_reply_ns;
  std::optional<std::size_t> idle_bytes;
  std::optional<std::size_t> loaded_bytes;
};

/// ns are CPU time, but for the first replies, which are wall time. Gbit are of inner packets, a
/// second of CPU time.
struct EndpointFigures {
  double floor_ns = 0;
  double handshake_cpu_ns = 0;
  double bad_mac1_ns = 0;
  double seal_gbit = 0;
  double send_gbit = 0;
  double receive_gbit = 0;
  double tcp_send_gbit = 0;
  double tcp_receive_gbit = 0;
  double first_reply_ns = 0;
  double first_reply_exec_ns = 0;
  std::size_t idle_bytes = 0;
  std::size_t loaded_bytes = 0;
  WireguardGoFigures go;
};

EndpointFigures measure_endpoint(const EndpointOptions& options);
WireguardGoFigures measure_wireguard_go(const EndpointOptions& options);

/// The program's other face: an echo through a tunnel made for it. @param arguments  port, public
/// key of the gateway, own private key. @returns an exit code.
int echo_once(const std::vector<std::string>& arguments);

}  // namespace wgscope::bench
