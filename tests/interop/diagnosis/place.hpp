#pragma once

#include <string>

#include "wgscope/model/address.hpp"

#include "interop/site.hpp"
#include "netns.hpp"

namespace wgscope::test {

/// A host whose IPv6 addresses are usable at once: a router sends nothing before its link-local
/// address has waited two seconds for duplicates.
class Host : public NetworkNamespace {
 public:
  Host() { set("net/ipv6/conf/default/accept_dad", "0"); }

  /// What sysctl(8) does.
  void set(const std::string& key, const std::string& value) const;
  /// Waits until an interface has its link-local address, without which it asks for no neighbour.
  void wait_for_link_local(const std::string& interface) const;
};

/// Where a scenario happens: a probe's host, a router on the way, and a gateway of the other
/// implementation, all of its own.
///
///   ours 10.1.0.1 ---- 10.1.0.2 router 10.2.0.2 ---- 10.2.0.1 theirs     outside
///        fd01::1       fd01::2         fd02::2       fd02::1
///        10.9.0.2 ================================== 10.9.0.1            inside
///        fd09::2                                     fd09::1
class Place {
 public:
  Place();

  static constexpr const char* kRouter = "10.1.0.2";
  static constexpr const char* kRouter6 = "fd01::2";
  static constexpr const char* kGateway = "10.2.0.1";
  static constexpr const char* kGateway6 = "fd02::1";
  static constexpr const char* kInner = "10.9.0.1";
  static constexpr const char* kInner6 = "fd09::1";

  /// The gateway's endpoint.
  static std::string outer(Family family) {
    return family == Family::v4 ? "10.2.0.1:51820" : "[fd02::1]:51820";
  }

  /// Adds one rule to a host's firewall. @param hook  input, output or forward.
  static void add_rule(const NetworkNamespace& host, const std::string& hook,
                       const std::string& rule);
  Host ours;
  Host router;
  Host theirs;
  Veth near{unique_interface_name(), unique_interface_name()};
  Veth far{unique_interface_name(), unique_interface_name()};
  RealGateway gateway{theirs};
};

}  // namespace wgscope::test
