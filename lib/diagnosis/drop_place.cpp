#include "drop_place.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/path/hop_search.hpp"

namespace wgscope::diagnosis {
namespace {

Text hop_text(const path::PathHop& hop, const Text& end) {
  if (hop.number == 0) return "this host";
  Text number = text("hop {}", hop.number);
  if (hop.is_end) return text("{} ({})", end, number);
  if (hop.address) return text("{} ({})", *hop.address, number);
  return number;
}

/// So many pairs show that a router did not just leave a report out.
constexpr std::size_t kEnoughPairs = 3;

Text hop_text(const Hop& hop) {
  return text("{} (hop {})", *hop.from, static_cast<unsigned>(hop.limit));
}

bool reports_data(const DataTrace& trace, const Hop& hop) {
  return std::ranges::find(trace.data_seen_at, *hop.from) != trace.data_seen_at.end();
}

bool reports_plain(const Hop& hop) { return hop.from && !hop.arrived; }

struct DataEnd {
  const Hop* last = nullptr;  ///< the last router that reported data; nullptr: none did
  const Hop* next = nullptr;  ///< the first behind it that reported plain datagrams alone
};

DataEnd find_end(const DataTrace& trace) {
  DataEnd end;
  for (const Hop& hop : trace.plain_hops) {
    if (!reports_plain(hop)) continue;
    if (reports_data(trace, hop))
      end = {.last = &hop, .next = nullptr};
    else if (end.next == nullptr)
      end.next = &hop;
  }
  return end;
}

}  // namespace

std::optional<Text> end_of_data(const DataTrace& trace) {
  const DataEnd end = find_end(trace);
  if (end.next == nullptr && end.last == nullptr) return std::nullopt;
  if (end.next == nullptr)
    return text("data reaches {}, the last router that reports anything", hop_text(*end.last));
  if (trace.lost_before_plain < kEnoughPairs) return std::nullopt;
  if (end.last == nullptr)
    return text("WireGuard's data does not reach {}, but other UDP does", hop_text(*end.next));
  return text("WireGuard's data is dropped between {} and {}, where other UDP passes",
              hop_text(*end.last), hop_text(*end.next));
}

void add_trace(const DataTrace& trace, Finding& finding) {
  if (std::ranges::none_of(trace.plain_hops, reports_plain)) return;
  Text plain;
  Text data;
  for (const Hop& hop : trace.plain_hops) {
    if (!reports_plain(hop)) continue;
    plain.add(" ").add(hop_text(hop));
    if (reports_data(trace, hop)) data.add(" ").add(hop_text(hop));
  }
  finding.evidence.push_back(
      text("routers that report plain datagrams:{}; that report this session's data:{}", plain,
           data.empty() ? Text(" none") : data));
  const Hop* next = find_end(trace).next;
  if (next == nullptr) return;
  finding.evidence.push_back(text(
      "{} more pairs of a data packet and a plain datagram of the same size: {} reported the plain "
      "datagram alone{}",
      trace.lost_before_plain, hop_text(*next),
      either(trace.lost_before_plain < kEnoughPairs,
             ". Too few to tell: routers leave some reports out", "")));
}

std::optional<Text> place_of_drop(const path::HopSearchResult& place, const Text& end) {
  if (!place.last || !place.first) return std::nullopt;
  return text("between {} and {}", hop_text(*place.last, end), hop_text(*place.first, end));
}

void add_place(const path::HopSearchResult& place, const Text& end, Finding& finding) {
  if (!place.last || !place.first) {
    const auto speaks =
        std::ranges::count_if(place.hops, [](const path::PathHop& hop) { return hop.small_seen; });
    finding.evidence.push_back(
        text("cannot tell which hop drops the larger packets: {} of {} routers answered", speaks,
             place.hops.size()));
    return;
  }
  if (place.last->number > 0)
    finding.evidence.push_back(text("the larger packets reach {}", hop_text(*place.last, end)));
  if (const int silent = place.first->number - place.last->number - 1; silent > 0)
    finding.evidence.push_back(
        text("hops between them that answer no packet of either size: {}", silent));
  finding.evidence.push_back(
      text("only the smaller packets reach {}", hop_text(*place.first, end)));
  if (place.last->number > 0 && place.first->number == place.last->number + 1)
    finding.evidence.push_back(
        text("so {} drops the larger packets when it forwards them, or the link behind it does",
             hop_text(*place.last, end)));
}

}  // namespace wgscope::diagnosis
