#include "wgscope/journal/presence.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/journal/event.hpp"

namespace wgscope::journal {

std::string_view to_string(End end) {
  switch (end) {
    case End::expired: return "session_expired";
    case End::removed: return "peer_removed";
    case End::exporter_stopped: return "exporter_stopped";
    case End::exporter_killed: return "exporter_killed";
    case End::unreadable: return "interface_unreadable";
    case End::events_lost: return "events_lost";
    case End::journal_ends: return "still_connected";
    case End::journal_begins: return "connections_not_listed";
  }
  return "unknown";
}

bool is_open_ended(End end) { return end != End::expired && end != End::removed; }

bool Gap::covers(const PeerId& peer) const {
  if (why != End::unreadable) return true;
  return netns == peer.netns && (interface.empty() || interface == peer.interface);
}

void Presences::take(const Event& event, bool asked) {
  if (!answer_.begins) {
    answer_.begins = event.time;
    unknown_ = Gap{event.time, std::nullopt, End::journal_begins, {}, {}, {}};
  }
  if (event.kind == EventKind::other)
    ++answer_.other_events;
  else if (asked && event.key)
    take_peer(event);
  else if (asked)
    take_exporter(event);
  answer_.ends = event.time;
}

void Presences::stop_knowing(WallTime at, End why) {
  close_all(at, why, nullptr);
  // Whatever began not to be known earlier still is not.
  if (!unknown_) unknown_ = Gap{at, std::nullopt, why, {}, {}, {}};
}

void Presences::begin_knowing(WallTime at) {
  if (!unknown_) return;
  unknown_->until = std::max(at, unknown_->from);
  if (unknown_->until != unknown_->from) answer_.gaps.push_back(*unknown_);
  unknown_.reset();
}

void Presences::take_exporter(const Event& event) {
  const WallTime last = answer_.ends.value_or(event.time);
  switch (event.kind) {
    case EventKind::exporter_started:
      if (running_) stop_knowing(last, End::exporter_killed);
      for (auto& [place, gap] : std::exchange(unreadable_, {})) {
        gap.until = std::max(last, gap.from);
        answer_.gaps.push_back(gap);
      }
      running_ = true;
      if (event.seconds) answer_.interval = event.seconds;
      return;
    case EventKind::exporter_stopped:
      stop_knowing(event.time, End::exporter_stopped);
      running_ = false;
      return;
    case EventKind::events_dropped:
      stop_knowing(last, End::events_lost);
      answer_.dropped_events += event.count.value_or(0);
      return;
    case EventKind::connections_listed: return begin_knowing(event.time);
    case EventKind::clock_stepped: ++answer_.clock_steps; return;
    case EventKind::reading_failed:
      close_all(event.time, End::unreadable, &event);
      unreadable_.try_emplace({event.netns, event.interface},
                              Gap{event.time, std::nullopt, End::unreadable, event.netns,
                                  event.interface, event.detail});
      return;
    case EventKind::reading_resumed:
      if (auto ended = unreadable_.extract({event.netns, event.interface})) {
        ended.mapped().until = std::max(event.time, ended.mapped().from);
        answer_.gaps.push_back(std::move(ended.mapped()));
      }
      return;
    default: return;
  }
}

void Presences::take_peer(const Event& event) {
  Track& track = tracks_[{event.netns, event.interface, *event.key}];
  if (!event.name.empty()) track.name = event.name;
  switch (event.kind) {
    case EventKind::first_handshake:
    case EventKind::came_back: open(track, event, false); break;
    case EventKind::found_connected: open(track, event, true); break;
    case EventKind::endpoint_changed:
      if (track.open) add_address(track, event.endpoint, event.time);
      break;
    case EventKind::went:
      if (!track.open) open(track, event, true);
      close(track, WallTime{event.handshake.value_or(event.time).since_epoch + kSessionLife},
            End::expired);
      break;
    case EventKind::peer_removed:
      // Connected until then, though the beginning is not in this journal.
      if (!track.open && event.handshake && event.time - *event.handshake < kSessionLife)
        open(track, event, true);
      close(track, event.time, End::removed);
      break;
    default: break;
  }
  if (track.latest && !track.name.empty()) answer_.presences[*track.latest].name = track.name;
}

/// A handshake before the end of the last presence belongs to it: the session went on while nobody
/// looked.
void Presences::open(Track& track, const Event& event, bool at_latest) {
  const WallTime handshake = std::min(event.handshake.value_or(event.time), event.time);
  const bool goes_on =
      track.latest && (track.open || (answer_.presences[*track.latest].end != End::removed &&
                                      handshake <= answer_.presences[*track.latest].until));
  if (!goes_on) {
    if (answer_.presences.size() >= kMostPresences) {
      full_ = true;
      return;
    }
    track.latest = answer_.presences.size();
    Presence& made = answer_.presences.emplace_back();
    made.peer = {event.netns, event.interface, *event.key};
    made.from = handshake;
    made.from_at_latest = at_latest;
    track.endpoint.clear();
  }
  track.open = true;
  add_address(track, event.endpoint, goes_on ? event.time : handshake);
}

void Presences::close(Track& track, WallTime at, End why) {
  if (!track.open) return;
  track.open = false;
  Presence& presence = answer_.presences[*track.latest];
  presence.until = std::max(at, presence.from);
  presence.end = why;
}

void Presences::close_all(WallTime at, End why, const Event* of) {
  for (auto& [peer, track] : tracks_) {
    const bool meant =
        of == nullptr || (of->netns == peer.netns && of->interface == peer.interface);
    if (meant) close(track, at, why);
  }
}

void Presences::add_address(Track& track, const std::string& endpoint, WallTime at) {
  if (endpoint.empty() || track.endpoint == endpoint) return;
  track.endpoint = endpoint;
  Presence& presence = answer_.presences[*track.latest];
  if (presence.addresses.size() >= kMostAddresses)
    ++presence.more_addresses;
  else
    presence.addresses.push_back({endpoint, at});
}

Answer Presences::finish() {
  if (answer_.ends) close_all(*answer_.ends, End::journal_ends, nullptr);
  if (unknown_) answer_.gaps.push_back(*unknown_);
  for (auto& [place, gap] : unreadable_) answer_.gaps.push_back(gap);
  std::ranges::stable_sort(answer_.presences, {}, &Presence::from);
  std::ranges::stable_sort(answer_.gaps, {}, &Gap::from);
  Answer finished = std::move(answer_);
  *this = {};
  return finished;
}

Moment at(const Answer& answer, WallTime time) {
  Moment moment;
  moment.covered = answer.begins && *answer.begins <= time && time <= *answer.ends;
  for (const Gap& gap : answer.gaps)
    if (gap.covers(time)) moment.gaps.push_back(&gap);
  std::map<PeerId, const Presence*> latest;
  for (const Presence& presence : answer.presences) {
    if (time < presence.from) continue;
    if (time <= presence.until)
      moment.connected.push_back(&presence);
    else
      latest[presence.peer] = &presence;
  }
  for (const Presence* presence : moment.connected) latest.erase(presence->peer);
  for (const auto& entry : latest) {
    const PeerId& peer = entry.first;
    const Presence* presence = entry.second;
    if (!is_open_ended(presence->end)) continue;
    const bool unknown = !moment.covered || std::ranges::any_of(moment.gaps, [&](const Gap* gap) {
      return gap->covers(peer) && gap->from <= presence->until;
    });
    if (unknown) moment.unknown.push_back(presence);
  }
  return moment;
}

}  // namespace wgscope::journal
