#include "probe/commands/unconfirmed.hpp"

#include <optional>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/tunnel/event.hpp"

namespace wgscope::probe {

void UnconfirmedResponses::note(const tunnel::Event& event) {
  if (!event.peer) return;
  using enum tunnel::EventKind;
  switch (event.kind) {
    case initiation_accepted: {
      const Waiting first{.since = event.at, .due = event.at + kPatience, .endpoint = {}};
      Waiting& waiting = peers_.try_emplace(event.peer->value, first).first->second;
      waiting.endpoint = event.address;
      ++waiting.responses;
      return;
    }
    // The peer has the keys of this session, or of one that we began meanwhile.
    case key_confirmed:
    case response_accepted: peers_.erase(event.peer->value); return;
    default: return;
  }
}

std::optional<Instant> UnconfirmedResponses::next() const {
  std::optional<Instant> next;
  for (const auto& [peer, waiting] : peers_)
    if (waiting.said < waiting.responses && (!next || waiting.due < *next)) next = waiting.due;
  return next;
}

std::vector<UnconfirmedResponses::Report> UnconfirmedResponses::take(Instant now) {
  std::vector<Report> reports;
  for (auto& [peer, waiting] : peers_) {
    if (waiting.said == waiting.responses || now < waiting.due) continue;
    reports.push_back({{peer}, waiting.endpoint, waiting.responses, waiting.since});
    waiting.said = waiting.responses;
    waiting.due = now + kSaidAgain;
  }
  return reports;
}

}  // namespace wgscope::probe
