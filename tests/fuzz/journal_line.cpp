// A line of the exporter's journal: what can be read is written and read back as the same, and no
// row of events makes a connection end before it begins.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "wgscope/base/result.hpp"
#include "wgscope/journal/event.hpp"
#include "wgscope/journal/presence.hpp"

#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wgscope;
  std::string_view text = fuzz::as_text(data, size);
  journal::Presences presences;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const auto event = journal::parse_event(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!event) {
      WGSCOPE_PROMISE(event.error().code == Errc::bad_value);
      continue;
    }
    presences.take(*event);
    if (event->kind == journal::EventKind::other) continue;
    std::string written;
    journal::write_event(*event, written);
    written.pop_back();
    WGSCOPE_PROMISE(written.find('\n') == std::string::npos && written.size() < journal::kMaxLine);
    const auto again = journal::parse_event(written);
    WGSCOPE_PROMISE(again.has_value());
    std::string twice;
    journal::write_event(*again, twice);
    WGSCOPE_PROMISE(twice == written + '\n');
  }
  const journal::Answer answer = presences.finish();
  for (const journal::Presence& presence : answer.presences)
    WGSCOPE_PROMISE(presence.from <= presence.until);
  for (const journal::Gap& gap : answer.gaps) WGSCOPE_PROMISE(!gap.until || gap.from <= *gap.until);
  return 0;
}
