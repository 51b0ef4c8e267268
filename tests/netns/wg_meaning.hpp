#pragma once

#include <map>
#include <set>
#include <string>

#include "wgscope/config/wg_quick.hpp"

namespace wgscope::test {

// What a wg-quick file means to WireGuard, whoever read it.

struct PeerMeaning {
  std::string preshared_key;  ///< hexadecimal; empty: none
  std::string endpoint;
  std::string keepalive = "0";
  std::set<std::string> allowed_ips;
  friend bool operator==(const PeerMeaning&, const PeerMeaning&) = default;
};

struct Meaning {
  std::string private_key;
  std::string listen_port = "0";
  std::string fwmark = "0";
  std::map<std::string, PeerMeaning> peers;
  friend bool operator==(const Meaning&, const Meaning&) = default;
};

std::string to_text(const Meaning& meaning);

/// What WireGuard makes of the requests that wg sends to a UAPI socket. wg(8) leaves it to the
/// implementation that a prefix has one peer, and that a key given twice is one peer (the last test
/// of wg_parity_test.cpp holds that against wireguard-go).
Meaning meaning_of_requests(const std::string& requests);

/// What we make of a file. Names are looked up as wg looks them up.
Meaning meaning_of(const config::WgQuickConfig& config);

}  // namespace wgscope::test
