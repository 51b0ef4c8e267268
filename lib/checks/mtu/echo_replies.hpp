#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

#include "wgscope/diagnosis/outer.hpp"
#include "wgscope/os/echo_socket.hpp"

namespace wgscope::checks {

/// What echo replies prove, each by the request of its sequence number. Hosts may answer with
/// fewer bytes than they received (some do so on purpose, against amplification), with more, or
/// with other ones. Only a reply that is the request's equal proves the reverse path for its size.
class EchoReplies {
 public:
  /// @param overhead  bytes of the headers in front of the payload.
  explicit EchoReplies(std::size_t overhead) : overhead_(overhead) {}

  enum class Proof : std::uint8_t {
    nothing,  ///< the reply is to no request of ours, or carries too little of it
    arrival,  ///< the host received the request; the reply is not of its size, or not its bytes
    both,     ///< a reply of the request's size came back
  };

  void note_sent(std::uint16_t sequence, std::size_t payload_size);
  /// @param reply  one that came in a single piece.
  Proof judge(const os::EchoReply& reply);

  /// The first reply that was not the request's equal; nothing: all were.
  [[nodiscard]] const std::optional<diagnosis::ChangedReply>& changed() const { return changed_; }
  /// Bytes of the largest packet whose equal came back; nothing: none did.
  [[nodiscard]] const std::optional<std::size_t>& largest_equal() const { return largest_equal_; }
  /// How many replies carried too little of their request to prove anything.
  [[nodiscard]] std::size_t strange() const { return strange_; }

 private:
  std::size_t overhead_;
  std::map<std::uint16_t, std::size_t> sent_;  ///< payload sizes by sequence number
  std::optional<diagnosis::ChangedReply> changed_;
  std::optional<std::size_t> largest_equal_;
  std::size_t strange_ = 0;
};

}  // namespace wgscope::checks
