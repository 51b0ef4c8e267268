#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "wgscope/checks/nat_flow.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/checks/stamps.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/diagnosis/nat.hpp"
#include "wgscope/diagnosis/nat_flow.hpp"

#include "endpoint_fixture.hpp"
#include "place.hpp"

namespace wgscope::test {

/// A place whose router translates what our host sends, with conntrack's timers, and two probe peers
/// of the gateway: 10.9.0.2 and 10.9.0.3.
class BehindNat : public Place {
 public:
  /// @param new_flow, stream  how long the router remembers a silent flow of either kind. Its
  /// timers end within the second after they are over.
  BehindNat(std::chrono::seconds new_flow, std::chrono::seconds stream);
  /// Of streams only. The other kind's timer is shorter, and must not count.
  explicit BehindNat(std::chrono::seconds lifetime)
      : BehindNat(std::chrono::seconds(2), lifetime) {}

  // What `wgscope nat` measures from our host. Throw where there is no handshake.
  diagnosis::FlowFacts through_twin(const checks::NatFlowOptions& options);
  /// With a TestService on the gateway's host.
  diagnosis::FlowFacts through_tcp(const checks::NatFlowOptions& options);
  /// With a STUN server of our own on the gateway's host, beside the gateway.
  diagnosis::NatFacts by_stun(std::chrono::seconds keepalive, std::chrono::seconds longest_silence);

  /// The router drops every second empty packet of our host's, and does not remember its flow for it.
  void drop_keepalives() const;

  /// How often the router began to translate a flow, ever.
  [[nodiscard]] std::size_t flows() const;

 private:
  struct ProbePeer {
    KeyPair keys = generate_key_pair();
    std::string address;
    checks::Stamps stamps;
  };

  [[nodiscard]] checks::Target target_of(const ProbePeer& peer) const;
  static std::unique_ptr<checks::Session> connect(checks::Run& run, const checks::Target& target,
                                                  checks::Stamps& stamps);

  ProbePeer ours_{.address = "10.9.0.2", .stamps = {}};
  ProbePeer twin_{.address = "10.9.0.3", .stamps = {}};
};

}  // namespace wgscope::test
