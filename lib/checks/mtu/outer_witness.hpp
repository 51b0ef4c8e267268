#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "wgscope/base/random.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/attendance.hpp"
#include "wgscope/checks/outer.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/echo_socket.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/os/udp_socket.hpp"
#include "wgscope/path/hop_search.hpp"
#include "wgscope/path/mtu_search.hpp"

#include "echo_replies.hpp"

namespace wgscope::checks {

/// Sends packets of any size outside of tunnels, which the far end answers, or the router that a
/// packet's hop limit ends at.
class OuterWitness {
 public:
  OuterWitness(const OuterWitness&) = delete;
  OuterWitness& operator=(const OuterWitness&) = delete;
  virtual ~OuterWitness() = default;

  struct Packet {
    std::uint32_t id = 0;
    std::size_t size = 0;  ///< bytes of the whole IP packet; 0: as small as it can be
    std::optional<std::uint8_t> hop_limit;
    /// Sent like all others of this kind, so that routers send them the same way.
    bool one_flow = false;
  };
  struct Sent {
    bool too_large = false;  ///< the packet was not sent: this host's interface takes less
    std::optional<std::size_t> limit;  ///< what that interface takes, in bytes; nothing: unknown
  };
  virtual Sent send(const Packet& packet) = 0;

  /// Packet::id of the packet that an answer or error is about. Nothing: it does not tell which.
  using Id = std::optional<std::uint32_t>;
  /// What to do about what comes. Each may be left out.
  struct Attendant {
    std::function<void(Instant, Id)> on_answer = {};
    std::function<void(Instant, Id, const IpAddress& from)> on_exceeded = {};
    std::function<void(Instant, Id, const IpAddress& from, std::size_t mtu)> on_too_big = {};
  };
  using Attention = Attendance<Attendant>::Attention;
  /// Calls the attendant until the Attention ends.
  [[nodiscard]] Attention attend(Attendant attendant) {
    return attendance_.add(std::move(attendant));
  }

  /// Where the identifiers of the next search begin, so that late answers to the search before do
  /// not count.
  [[nodiscard]] std::uint32_t base() const { return base_; }
  void set_base(std::uint32_t base) { base_ = base; }

  /// Bytes of the largest fragment of an answer; nothing: none came in fragments. An answer in
  /// fragments does not count as one.
  [[nodiscard]] const std::optional<std::size_t>& largest_fragment() const { return fragment_; }
  /// Why this host could not send, the first time; nothing: it always could.
  [[nodiscard]] const std::optional<int>& send_errno() const { return send_errno_; }
  /// How many packets left this host.
  [[nodiscard]] std::size_t packets_sent() const { return packets_sent_; }
  /// The first report that packets cannot get to the far end; nothing: there was none.
  [[nodiscard]] const std::optional<diagnosis::IcmpReport>& unreachable() const {
    return unreachable_;
  }

 protected:
  /// @param to  the far end.
  explicit OuterWitness(const Endpoint& to) : to_(to) {}
  void tell_answer(Instant now, Id id) const;
  void tell_exceeded(Instant now, Id id, const IpAddress& from) const;
  void tell_too_big(Instant now, Id id, const IpAddress& from, std::size_t mtu) const;

  Endpoint to_;
  std::optional<std::size_t> fragment_;
  void note_unreachable(const os::SocketError& error);
  void note_unsent(int sys_errno) {
    if (!send_errno_) send_errno_ = sys_errno;
  }

  std::optional<int> send_errno_;
  std::optional<diagnosis::IcmpReport> unreachable_;
  std::size_t packets_sent_ = 0;
  std::optional<std::size_t> limit_;  ///< the MTU that this host's interface reported last

 private:
  Attendance<Attendant> attendance_;
  std::uint32_t base_ = 0;
};

/// Sends UDP to ports on which nothing listens. The far end reports that in small packets, whatever
/// the size of the datagram was, so this measures the forward path alone. Needs no privileges.
class UdpWitness final : public OuterWitness {
 public:
  /// @param to  its port is the first of kOuterPorts. @returns as UdpSocket::open(),
  /// PollLoop::add().
  static Result<std::unique_ptr<UdpWitness>> open(Run& run, Random& random, const Endpoint& to,
                                                  std::optional<std::uint32_t> mark);
  Sent send(const Packet& packet) override;

 private:
  UdpWitness(os::UdpSocket socket, const Endpoint& to);
  void read();
  void take(const os::SocketError& error);
  [[nodiscard]] Id id_of(const os::SocketError& error) const;

  os::UdpSocket socket_;
  std::array<std::byte, 4> secret_{};
  std::array<Id, kOuterPorts> last_of_port_{};
  std::vector<std::byte> payload_;
  os::PollLoop::Watch watch_;  ///< declared last, so that it ends before the socket is closed
};

/// Sends echo requests. Replies are as large where the host answers as it should, so this measures
/// the forward and the reverse path together; see EchoReplies for those that are not. Only where the
/// system lets this user send them.
class EchoWitness final : public OuterWitness {
 public:
  /// @returns as EchoSocket::open(), PollLoop::add().
  static Result<std::unique_ptr<EchoWitness>> open(Run& run, Random& random, const Endpoint& to,
                                                   std::optional<std::uint32_t> mark);
  Sent send(const Packet& packet) override;
  [[nodiscard]] const EchoReplies& replies() const { return replies_; }

 private:
  EchoWitness(os::EchoSocket socket, const Endpoint& to);
  void read();
  void take(const os::EchoError& error);

  os::EchoSocket socket_;
  EchoReplies replies_;
  os::PollLoop::Watch watch_;
};

/// Of a search with the packets of a witness.
struct OuterSearch {
  Run& run;
  OuterWitness& witness;
  Instant deadline;           ///< ends the search, as the user can
  diagnosis::Text what = {};  ///< what the search is for: a person who waits sees it grow
};
/// @param hop_limit  counts "time exceeded" of the router so far away as an answer; 0: those of the
///                   far end.
path::MtuResult search(const OuterSearch& with, const path::MtuSearchConfig& config,
                       std::uint8_t hop_limit);
path::HopSearchResult search(const OuterSearch& with, const path::HopSearchConfig& config);

}  // namespace wgscope::checks
