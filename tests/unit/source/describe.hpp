#pragma once

#include <string>

#include <fmt/core.h>

#include "wgscope/model/device.hpp"

namespace wgscope::testing {

/// A device as text, one line for everything a source can fill in: what tests and
/// fuzz targets compare.
inline std::string describe(const Device& device) {
  std::string text = fmt::format("key={} port={} fwmark={:x}\n",
                                 device.public_key ? device.public_key->base64() : "none",
                                 device.listen_port, device.fwmark);
  for (const Peer& peer : device.peers) {
    text += fmt::format(
        "peer={} endpoint={} handshake={} rx={} tx={} keepalive={} version={} psk={} ips=",
        peer.public_key.base64(), peer.endpoint ? peer.endpoint->to_string() : "none",
        peer.last_handshake ? std::to_string(peer.last_handshake->since_epoch.count()) : "never",
        peer.receive_bytes, peer.transmit_bytes, peer.persistent_keepalive_seconds,
        peer.protocol_version, peer.has_preshared_key);
    for (const Prefix& prefix : device.allowed_ips_of(peer)) text += prefix.to_string() + ",";
    text += '\n';
  }
  return text;
}

}  // namespace wgscope::testing
