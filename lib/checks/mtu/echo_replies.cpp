#include "echo_replies.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "wgscope/diagnosis/outer.hpp"
#include "wgscope/os/echo_socket.hpp"

namespace wgscope::checks {

void EchoReplies::note_sent(std::uint16_t sequence, std::size_t payload_size) {
  sent_.insert_or_assign(sequence, payload_size);
}

EchoReplies::Proof EchoReplies::judge(const os::EchoReply& reply) {
  const auto request = sent_.find(reply.sequence);
  if (request == sent_.end() || reply.matching < os::EchoReply::kProof) {
    ++strange_;
    return Proof::nothing;
  }
  const std::size_t sent = request->second;
  if (reply.payload_size == sent && reply.intact) {
    largest_equal_ = std::max(largest_equal_.value_or(0), sent + overhead_);
    return Proof::both;
  }
  if (!changed_)
    changed_ = diagnosis::ChangedReply{.request = sent + overhead_,
                                       .reply = reply.payload_size + overhead_};
  return Proof::arrival;
}

}  // namespace wgscope::checks
