#include "wgscope/diagnosis/text.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>

#include "wgscope/base/text.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"

namespace wgscope::diagnosis {
namespace {

std::string shown(std::string_view outside) {
  return printable(outside, std::numeric_limits<std::size_t>::max());
}

/// "3 min 5 s"; the smaller one only where it is not 0.
template <class Large, class Small>
std::string in_two(Nanoseconds time, std::string_view large, std::string_view small) {
  const auto whole = std::chrono::duration_cast<Large>(time);
  const auto rest = std::chrono::duration_cast<Small>(time - whole);
  if (rest.count() == 0) return fmt::format("{} {}", whole.count(), large);
  return fmt::format("{} {} {} {}", whole.count(), large, rest.count(), small);
}

}  // namespace

Text& Text::append(std::string_view text, Sensitivity kind) {
  if (text.empty()) return *this;
  if (kind == Sensitivity::none && !pieces_.empty() && pieces_.back().kind == kind)
    pieces_.back().text += text;
  else
    pieces_.push_back({std::string(text), kind});
  return *this;
}

Text& Text::add(const Text& other) {
  for (const Piece& piece : other.pieces_) append(piece.text, piece.kind);
  return *this;
}

Text& Text::add(const IpAddress& address) {
  return append(address.to_string(), Sensitivity::address);
}

Text& Text::add(const Endpoint& endpoint) {
  const bool is_v4 = endpoint.address.family == Family::v4;
  if (!is_v4) add("[");
  add(endpoint.address);
  if (!is_v4 && endpoint.scope_id != 0) add("%").add(endpoint.scope_id);
  if (!is_v4) add("]");
  return add(":").add(endpoint.port);
}

Text& Text::add(const Prefix& prefix) {
  return add(prefix.address).add("/").add(static_cast<unsigned>(prefix.bits));
}

Text& Text::add(const PublicKey& key) { return append(key.base64(), Sensitivity::key); }

Text& Text::add(const Name& name) { return append(shown(name.text), Sensitivity::name); }

Text& Text::add(const Path& path) { return append(shown(path.text), Sensitivity::path); }

Text& Text::add(Nanoseconds time) { return append(format_duration(time), Sensitivity::none); }

Text& Text::replace(Words words, const Text& by) {
  Text made;
  for (const Piece& piece : pieces_) {
    std::string_view rest = piece.text;
    for (auto at = std::string_view::npos;
         piece.kind == Sensitivity::none &&
         (at = rest.find(words.view())) != std::string_view::npos;) {
      made.append(rest.substr(0, at), piece.kind).add(by);
      rest.remove_prefix(at + words.view().size());
    }
    made.append(rest, piece.kind);
  }
  return *this = std::move(made);
}

std::string Text::plain() const {
  std::string all;
  for (const Piece& piece : pieces_) all += piece.text;
  return all;
}

Text decimal(double number, int digits) { return vouched(fmt::format("{:.{}f}", number, digits)); }

std::string format_duration(Nanoseconds time) {
  using std::chrono::hours;
  using std::chrono::minutes;
  using std::chrono::seconds;
  if (time < Nanoseconds{0}) return "-" + format_duration(-std::max(time, -Nanoseconds::max()));
  if (time >= hours{48}) return fmt::format("{} days", time / hours{24});
  if (time >= hours{2}) return in_two<hours, minutes>(time, "h", "min");
  if (time >= minutes{2}) return in_two<minutes, seconds>(time, "min", "s");
  struct Unit {
    double nanoseconds;
    std::string_view name;
  };
  constexpr std::array<Unit, 3> kUnits{{{1e9, "s"}, {1e6, "ms"}, {1e3, "µs"}}};
  const auto count = static_cast<double>(time.count());
  for (const Unit& unit : kUnits) {
    // What rounds up to 1000 belongs to the next unit.
    if (count < unit.nanoseconds * 0.9995) continue;
    const double value = count / unit.nanoseconds;
    const int digits = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    return fmt::format("{:.{}f} {}", value, digits, unit.name);
  }
  return fmt::format("{} ns", time.count());
}

Text vouched(std::string_view words) { return Text().append(words, Sensitivity::none); }

namespace detail {

Text take_words(std::string_view& words) {
  const std::size_t place = words.find("{}");
  Text before = vouched(words.substr(0, place));
  words.remove_prefix(place + 2);
  return before;
}

}  // namespace detail

}  // namespace wgscope::diagnosis
