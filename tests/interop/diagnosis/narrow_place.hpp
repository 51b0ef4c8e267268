#pragma once

#include <cstddef>
#include <string>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/mtu.hpp"
#include "wgscope/diagnosis/mtu.hpp"
#include "wgscope/model/address.hpp"

#include "netns.hpp"
#include "place.hpp"

namespace wgscope::test {

/// A place whose router takes only so much in each direction, and says so or does not.
class NarrowPlace : public Place {
 public:
  /// @param outer  of the tunnel's datagrams.
  explicit NarrowPlace(Family outer) : v4_(outer == Family::v4) {}

  [[nodiscard]] std::size_t overhead() const { return v4_ ? 60 : 80; }
  /// The router sends nothing larger to the gateway.
  void limit_forward(std::size_t mtu) const;
  /// The router sends nothing larger to our host.
  void limit_backward(std::size_t mtu) const;
  /// It does not say so either.
  void silence_router() const;
  void drop_fragments(const NetworkNamespace& host) const;
  /// The router's address on our side.
  [[nodiscard]] const char* router_address() const { return v4_ ? kRouter : kRouter6; }

 private:
  void limit(const char* network, const std::string& interface, std::size_t mtu) const;

  bool v4_;
};

struct MeasuredMtu {
  diagnosis::MtuFacts facts;
  Nanoseconds took{};  ///< without the handshake
};

/// What `wgscope mtu` measures from `place.ours`. Throws where there is no handshake.
/// @param config  a wg-quick file whose peer has an address as its Endpoint.
MeasuredMtu measure_mtu(const Place& place, const std::string& config,
                        const checks::MtuOptions& options);

}  // namespace wgscope::test
