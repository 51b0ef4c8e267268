// Reads a line of the journal: one flat JSON object. nlohmann's SAX interface gives each field as it
// comes, so that a hostile line costs no tree, and a nested value ends the reading at once.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "wgscope/base/result.hpp"
#include "wgscope/journal/event.hpp"
#include "wgscope/model/public_key.hpp"

namespace wgscope::journal {
namespace {

using nlohmann::json;

constexpr std::size_t kMostFields = 64;

/// Fills an Event. Each function returns whether to go on, as nlohmann wants it; `problem` says why
/// not.
class Reader {
 public:
  // NOLINTBEGIN(readability-identifier-naming): names that nlohmann's SAX interface gives
  bool start_object(std::size_t /*elements*/) {
    if (std::exchange(begun_, true)) return wrong("a field is neither a text nor a number");
    return true;
  }
  bool key(std::string& name) {
    field_ = name;
    if (!fields_.insert(name).second) return wrong("a field comes twice");
    return fields_.size() <= kMostFields || wrong("there are too many fields");
  }
  bool string(std::string& text) { return begun_ ? take_text(text) : wrong("not an object"); }
  bool number_unsigned(std::uint64_t value) {
    if (!begun_) return wrong("not an object");
    if (field_ == "count")
      event_.count = value;
    else if (field_ == "seconds")
      event_.seconds = static_cast<double>(value);
    else
      return !is_text(field_) || wrong("a field that should be a text is a number");
    return true;
  }
  bool number_integer(std::int64_t value) { return number_float(static_cast<double>(value), ""); }
  bool number_float(double value, const std::string& /*text*/) {
    if (!begun_) return wrong("not an object");
    if (field_ == "count") return wrong("the count is not a whole number");
    if (!std::isfinite(value)) return wrong("a number is too large");
    if (field_ == "seconds") event_.seconds = value;
    return !is_text(field_) || wrong("a field that should be a text is a number");
  }
  bool boolean(bool /*value*/) { return other(); }
  bool null() { return other(); }
  bool binary(json::binary_t& /*value*/) { return other(); }
  bool start_array(std::size_t /*elements*/) {
    return wrong("a field is neither a text nor a number");
  }
  bool end_array() { return true; }
  bool end_object() { return true; }
  bool parse_error(std::size_t /*position*/, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*error*/) {
    return wrong("not a whole JSON object");
  }
  // NOLINTEND(readability-identifier-naming)

  Result<Event> finish(bool parsed) {
    if (!parsed || !problem_.empty())
      return fail(Errc::bad_value, problem_.empty() ? "not a whole JSON object" : problem_);
    if (!has_time_) return fail(Errc::bad_value, "the event has no time");
    if (!has_kind_) return fail(Errc::bad_value, "the event has no name");
    return std::move(event_);
  }

 private:
  bool wrong(std::string_view why) {
    if (problem_.empty()) problem_ = why;
    return false;
  }
  /// A value of a kind that no field of this version has.
  bool other() {
    const bool known = is_text(field_) || field_ == "count" || field_ == "seconds";
    return (begun_ && !known) || wrong("a field has a value of the wrong type");
  }
  [[nodiscard]] static std::string Event::* text_field(std::string_view name) {
    if (name == "netns") return &Event::netns;
    if (name == "interface") return &Event::interface;
    if (name == "name") return &Event::name;
    if (name == "endpoint") return &Event::endpoint;
    if (name == "endpoint_before") return &Event::endpoint_before;
    return name == "detail" ? &Event::detail : nullptr;
  }
  [[nodiscard]] static bool is_text(std::string_view name) {
    return text_field(name) != nullptr || name == "time" || name == "event" ||
           name == "handshake" || name == "public_key";
  }

  bool take_text(std::string& text) {
    if (std::string Event::* const field = text_field(field_)) {
      event_.*field = std::move(text);
      return true;
    }
    if (field_ == "time" || field_ == "handshake") {
      const auto time = parse_time(text);
      if (!time) return wrong(time.error().context);
      if (field_ == "handshake") return event_.handshake = *time, true;
      event_.time = *time;
      return has_time_ = true;
    }
    if (field_ == "event") {
      const auto* const found = std::ranges::find(kEventNames, std::string_view(text));
      event_.kind = static_cast<EventKind>(found - kEventNames.begin());
      return has_kind_ = true;
    }
    if (field_ == "public_key") {
      const auto key = PublicKey::from_base64(text);
      if (!key) return wrong("the public key is not valid");
      event_.key = *key;
      return true;
    }
    return (field_ != "count" && field_ != "seconds") ||
           wrong("a field that should be a number is a text");
  }

  Event event_;
  std::string field_;
  std::set<std::string> fields_;
  std::string problem_;
  bool begun_ = false;
  bool has_time_ = false;
  bool has_kind_ = false;
};

/// Whether the event has what its kind cannot do without.
Result<> check_complete(const Event& event) {
  switch (event.kind) {
    case EventKind::peer_added:
    case EventKind::peer_removed:
    case EventKind::first_handshake:
    case EventKind::came_back:
    case EventKind::found_connected:
    case EventKind::went:
    case EventKind::endpoint_changed:
      if (!event.key || event.interface.empty())
        return fail(Errc::bad_value, "an event of a peer lacks the interface or the public key");
      return {};
    default: return {};
  }
}

}  // namespace

Result<Event> parse_event(std::string_view line) {
  if (line.size() >= kMaxLine) return fail(Errc::bad_value, "the line is too long");
  Reader reader;
  const bool parsed = json::sax_parse(line, &reader);
  auto event = reader.finish(parsed);
  if (!event) return event;
  if (const auto complete = check_complete(*event); !complete)
    return tl::unexpected(complete.error());
  return event;
}

}  // namespace wgscope::journal
