// A file of expectations, and targets as they stand behind options.

#include "wgscope/config/expectations.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "wgscope/base/result.hpp"

#include "fuzz.hpp"

namespace {

using namespace wgscope;

void keep_promises(const config::Expectation& made) {
  WGSCOPE_PROMISE(!made.where.host.empty());
  WGSCOPE_PROMISE((made.where.port == 0) == (made.kind == config::ReachKind::icmp));
  WGSCOPE_PROMISE(!made.tries || (*made.tries >= 1 && *made.tries <= config::kMaxTries));
  if (made.kind == config::ReachKind::http) {
    WGSCOPE_PROMISE(made.path.starts_with('/'));
    WGSCOPE_PROMISE(made.path.find_first_of(" \r\n") == std::string_view::npos);
    WGSCOPE_PROMISE(made.host.find_first_of(" \r\n/@") == std::string_view::npos);
    WGSCOPE_PROMISE(!made.closed);
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::as_text(data, size);
  if (const auto all = config::parse_expectations(text)) {
    WGSCOPE_PROMISE(!all->empty() && all->size() <= config::kMaxExpectations);
    for (const config::Expectation& made : *all) {
      keep_promises(made);
      WGSCOPE_PROMISE(made.line >= 1);
      WGSCOPE_PROMISE(made.kind != config::ReachKind::dns || !made.question.empty());
    }
  } else {
    WGSCOPE_PROMISE(all.error().code == Errc::bad_value || all.error().code == Errc::too_large);
    WGSCOPE_PROMISE(!fuzz::repeats_a_key(all.error().context, text));
  }
  using enum config::ReachKind;
  for (const config::ReachKind kind : {icmp, tcp, udp, dns, http})
    if (const auto target = config::parse_target(kind, text)) keep_promises(*target);
  if (const auto target = config::parse_closed_target(text)) {
    keep_promises(*target);
    WGSCOPE_PROMISE(target->closed);
  }
  return 0;
}
