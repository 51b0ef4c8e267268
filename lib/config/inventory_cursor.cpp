#include "inventory_cursor.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>

#include "wgscope/base/closest.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/config/inventory_file.hpp"
#include "wgscope/config/schedule.hpp"

#include "yaml_reader.hpp"

namespace wgscope::config {
namespace {

constexpr std::string_view kSecret =
    "an inventory must not hold private or preshared keys: remove the key from the file, and "
    "replace it if others could read the file";

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// The name of a field that would hold a secret, however it is written.
bool is_secret_field(std::string_view name) {
  constexpr std::array<std::string_view, 5> kSecrets{"privatekey", "presharedkey", "privkey", "psk",
                                                     "secret"};
  std::string bare;
  for (const char c : name)
    if (is_alphanumeric(c)) bare += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return std::ranges::find(kSecrets, bare) != kSecrets.end();
}

bool is_showable_field(std::string_view name) {
  constexpr std::size_t kLongest = 32;
  return !name.empty() && name.size() <= kLongest && std::ranges::all_of(name, [](char c) {
    return is_alphanumeric(c) || c == '_' || c == '-';
  });
}

}  // namespace

bool looks_like_key(std::string_view text) {
  constexpr std::size_t kLeast = 43;  // 32 bytes in base64, without padding
  std::size_t run = 0;
  for (const char c : text) {
    run = is_alphanumeric(c) || c == '+' || c == '/' ? run + 1 : 0;
    if (run >= kLeast) return true;
  }
  return false;
}

void ProblemList::add(ProblemKind kind, Position at, std::string text,
                      std::optional<Position> other) {
  if (++counts_[static_cast<std::size_t>(kind)] <= kMaxProblemsPerFile)
    kept_.push_back({kind, at, std::move(text), other});
}

const std::string& TimeZones::complaint(std::string_view name) {
  if (const auto found = asked_.find(name); found != asked_.end()) return found->second;
  std::string text;
  if (!is_time_zone_name(name) || looks_like_key(name)) {
    static const std::string kNoName =
        "expected the name of a time zone, such as Europe/Berlin or UTC";
    return kNoName;
  }
  if (const auto known = (*knows_)(name); !known) text = known.error().context;
  return asked_.emplace(name, std::move(text)).first->second;
}

InventoryCursor::InventoryCursor(std::string_view text, std::uint32_t file, TimeZones& zones)
    : reader_(text, {.max_depth = kMaxInventoryDepth}), file_(file), zones_(&zones) {
  step();
}

void InventoryCursor::step() {
  if (event_.kind == YamlEvent::Kind::broken) return;
  event_ = reader_.next();
  if (event_.kind == YamlEvent::Kind::broken) error(here(), std::string(event_.text));
}

bool InventoryCursor::enter_item(std::size_t count, std::size_t most) {
  if (count == 0) step();  // over the beginning of the list
  if (is(YamlEvent::Kind::end)) {
    step();
    return false;
  }
  if (is(YamlEvent::Kind::broken) || is(YamlEvent::Kind::done)) return false;
  if (count < most) return true;
  error(here(), fmt::format("the list has more than {} entries", most));
  while (!is(YamlEvent::Kind::end) && !is(YamlEvent::Kind::broken)) skip();
  step();
  return false;
}

void InventoryCursor::refuse_value(std::string_view expected) {
  if (is(YamlEvent::Kind::broken)) return;
  if (is_missing())
    error(here(), fmt::format("a value is missing: {}", expected));
  else
    error(here(), std::string(expected));
  skip();
}

bool InventoryCursor::enter_map(std::string_view expected) {
  if (!is(YamlEvent::Kind::map)) {
    refuse_value(expected);
    return false;
  }
  step();
  return true;
}

std::optional<std::string> InventoryCursor::field() {
  while (true) {
    if (is(YamlEvent::Kind::broken) || is(YamlEvent::Kind::done)) return std::nullopt;
    if (is(YamlEvent::Kind::end)) {
      step();
      return std::nullopt;
    }
    field_at_ = here();
    if (is(YamlEvent::Kind::scalar)) {
      std::string name(event_.text);
      step();
      return name;
    }
    error(here(), "the name of a field must be text");
    skip();
    skip();
  }
}

void InventoryCursor::unknown_field(std::string_view name, Position at,
                                    std::span<const std::string> known) {
  if (is_secret_field(name)) {
    error(at, std::string(kSecret));
    return skip();
  }
  if (is_showable_field(name))
    warn(at, fmt::format("unknown field '{}'{}", name, did_you_mean(name, known)));
  else if (looks_like_key(name))
    error(at, "here is something that looks like a key, where a field's name belongs");
  else
    warn(at, "unknown field");
  skip_all(true);
}

void InventoryCursor::skip() { skip_all(false); }

void InventoryCursor::skip_all(bool look_for_keys) {
  std::size_t depth = 0;
  do {
    switch (event_.kind) {
      case YamlEvent::Kind::list:
      case YamlEvent::Kind::map: ++depth; break;
      case YamlEvent::Kind::end:
        if (depth == 0) return;
        --depth;
        break;
      case YamlEvent::Kind::scalar:
        if (look_for_keys && looks_like_key(event_.text))
          error(here(), "here is something that looks like a key, in a field that is not known");
        break;
      case YamlEvent::Kind::done:
      case YamlEvent::Kind::broken: return;
    }
    step();
  } while (depth > 0);
}

}  // namespace wgscope::config
