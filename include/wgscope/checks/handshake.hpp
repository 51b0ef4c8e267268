#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "wgscope/base/keys.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/checks/stamps.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::checks {

/// A preshared key that the other side may be using.
struct NamedPresharedKey {
  std::string name;  ///< for people: the file it came from
  PresharedKey key;
};

/// All that --quick lets a verb take, so that the program has ended within 10 s.
inline constexpr std::chrono::milliseconds kQuick{9500};

struct HandshakeOptions {
  std::chrono::nanoseconds timeout = std::chrono::seconds{20};  ///< of the whole
  bool quick = false;                             ///< kQuick at most, without the witnesses
  bool data = true;                               ///< whether data crosses, too
  bool go_on = false;                             ///< the session is to be used afterwards
  std::vector<std::uint16_t> ports;               ///< besides the endpoint's own
  std::optional<Family> family;                   ///< only addresses of this one
  std::vector<NamedPresharedKey> preshared_keys;  ///< to try on a response that does not decrypt
  std::optional<IpAddress> inner_target;          ///< what to ping inside; guessed where absent
  std::optional<std::chrono::nanoseconds>
      hold;                     ///< ping that long, for tunnels that die after seconds
  bool steal_endpoint = false;  ///< use the key though an interface of this host does
  std::string uapi_folder = "/var/run/wireguard";  ///< where userspace interfaces are looked for
  std::string through;  ///< a tunnel that packets may leave through (Departure); empty: none

  /// How long the whole takes at most.
  [[nodiscard]] Nanoseconds limit() const {
    return quick ? std::min<Nanoseconds>(timeout, kQuick) : timeout;
  }
};

struct HandshakeOutcome {
  diagnosis::HandshakeFacts facts;
  /// A session that stands; nothing where none does. With several addresses, the first in the
  /// order of trying whose data crosses, or else that answered. With HandshakeOptions::go_on it is
  /// the gateway's newest, made once more if need be, and can be used; each later handshake of the
  /// same key would end it.
  std::unique_ptr<Session> session;
};

/// Handshakes with every address of the endpoint and finds out what there is to find out.
///
/// One address after the other, but without waiting for those that are silent: they go on being
/// tried in the protocol's own rhythm until the time is over. Data is only tried on the newest
/// session, as a gateway keeps but one that was not used yet. Sends only to the endpoint's
/// addresses: initiations, data and, where those meet silence, a few datagrams to closed ports of
/// the same host and with short lives. A good handshake ends with an empty packet, by which the
/// gateway's latest-handshake moves.
/// @param run, stamps  outlive the outcome's session.
HandshakeOutcome handshake(Run& run, const Target& target, Stamps& stamps,
                           const HandshakeOptions& options);

}  // namespace wgscope::checks
