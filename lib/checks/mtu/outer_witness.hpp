#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "wgscope/base/random.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/outer.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/echo_socket.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/os/udp_socket.hpp"
#include "wgscope/path/hop_search.hpp"
#include "wgscope/path/mtu_search.hpp"

namespace wgscope::checks {

/// What of the far end answers packets of any size, outside of tunnels; and the routers before it,
/// as far as a packet's life lasts.
class OuterWitness {
 public:
  OuterWitness() = default;
  OuterWitness(const OuterWitness&) = delete;
  OuterWitness& operator=(const OuterWitness&) = delete;
  virtual ~OuterWitness() = default;

  struct Packet {
    std::uint32_t id = 0;
    std::size_t size = 0;  ///< of the whole IP packet; 0: as small as it can be
    std::optional<std::uint8_t> hop_limit;
    bool one_flow = false;  ///< as all others: routers that balance by flows take one way for them
  };
  struct Sent {
    bool too_large = false;            ///< for this host's own interface: not sent
    std::optional<std::size_t> limit;  ///< which takes so much
  };
  virtual Sent send(const Packet& packet) = 0;

  // Set before anything is sent. Without an identifier where an answer does not tell.
  using Id = std::optional<std::uint32_t>;
  std::function<void(Instant, Id)> on_answer;
  std::function<void(Instant, Id, const IpAddress& from)> on_exceeded;
  std::function<void(Instant, Id, const IpAddress& from, std::size_t mtu)> on_too_big;

  /// From which identifier on the next search counts: late answers to the one before are none.
  [[nodiscard]] std::uint32_t base() const { return base_; }
  void set_base(std::uint32_t base) { base_ = base; }

  /// Answers came in fragments, of which the largest had so many bytes. Such an answer is none.
  [[nodiscard]] const std::optional<std::size_t>& largest_fragment() const { return fragment_; }

 protected:
  std::optional<std::size_t> fragment_;

 private:
  std::uint32_t base_ = 0;
};

/// UDP to ports on which nobody listens. The far end says so in small packets, whatever the size
/// was, so it tells of the way there alone. Needs no privileges.
class UdpWitness final : public OuterWitness {
 public:
  /// @param to  its port is the first of kOuterPorts. @returns as UdpSocket::open(),
  /// PollLoop::add().
  static Result<std::unique_ptr<UdpWitness>> open(Run& run, Random& random, const Endpoint& to,
                                                  std::optional<std::uint32_t> mark);
  Sent send(const Packet& packet) override;

 private:
  UdpWitness(Run& run, os::UdpSocket socket, const Endpoint& to);
  void read();
  void take(const os::SocketError& error);
  [[nodiscard]] Id id_of(const os::SocketError& error) const;

  Run& run_;
  os::UdpSocket socket_;
  Endpoint to_;
  std::array<std::byte, 4> secret_{};
  std::array<Id, kOuterPorts> last_of_port_{};
  std::optional<std::size_t> limit_;
  std::vector<std::byte> payload_;
  os::PollLoop::Watch watch_;
};

/// Echo requests, whose replies are as large: of the way there and back at once. Where the system
/// lets this user send them.
class EchoWitness final : public OuterWitness {
 public:
  /// @returns as EchoSocket::open(), PollLoop::add().
  static Result<std::unique_ptr<EchoWitness>> open(Run& run, Random& random, const Endpoint& to,
                                                   std::optional<std::uint32_t> mark);
  Sent send(const Packet& packet) override;

 private:
  EchoWitness(Run& run, os::EchoSocket socket, const Endpoint& to);
  void read();
  void take(const os::EchoError& error);

  Run& run_;
  os::EchoSocket socket_;
  Endpoint to_;
  std::optional<std::size_t> limit_;
  os::PollLoop::Watch watch_;
};

/// Runs a search over a witness, until it is done, the deadline comes or the user ends it.
path::MtuResult drive(Run& run, OuterWitness& witness, const path::MtuSearchConfig& config,
                      Instant deadline);
path::HopSearchResult drive(Run& run, OuterWitness& witness, const path::HopSearchConfig& config,
                            Instant deadline);

}  // namespace wgscope::checks
