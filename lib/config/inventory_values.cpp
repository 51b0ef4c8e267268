// Values that several kinds of entries have.

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/key_text.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/config/inventory_file.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"

#include "inventory_cursor.hpp"
#include "inventory_entries.hpp"
#include "wg_quick_values.hpp"

namespace wgscope::config {
namespace {

constexpr std::size_t kMaxLabels = 64;

std::string text_expected() {
  return fmt::format(
      "expected text of 1 to {} bytes, without line breaks and control characters, and without "
      "anything that looks like a key",
      kMaxInventoryText);
}

/// The code points that YAML does not have (YAML 1.2 §5.1), or that break a line in it, as far as
/// they take more than one byte.
bool has_odd_character(std::string_view text) {
  constexpr std::array<std::string_view, 3> kLineBreaks{"\xE2\x80\xA8", "\xE2\x80\xA9",
                                                        "\xEF\xBB\xBF"};
  constexpr std::array<std::string_view, 2> kNone{"\xEF\xBF\xBE", "\xEF\xBF\xBF"};
  const auto has = [text](std::string_view part) { return text.find(part) != text.npos; };
  if (std::ranges::any_of(kLineBreaks, has) || std::ranges::any_of(kNone, has)) return true;
  for (std::size_t at = text.find('\xC2'); at != text.npos; at = text.find('\xC2', at + 1))
    if (at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) < 0xA0) return true;
  return false;
}

/// YYYY-MM-DD
std::optional<std::chrono::sys_days> parse_day(std::string_view text) {
  const auto number = [](std::string_view digits) -> std::optional<int> {
    int value = 0;
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, value);
    if (error != std::errc{} || stop != end || digits.front() == '-') return std::nullopt;
    return value;
  };
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto year = number(text.substr(0, 4));
  const auto month = number(text.substr(5, 2));
  const auto day = number(text.substr(8, 2));
  if (!year || !month || !day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date);
}

}  // namespace

bool is_inventory_text(std::string_view text) {
  return !text.empty() && text.size() <= kMaxInventoryText && is_valid_utf8(text) &&
         std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7F; }) &&
         !has_odd_character(text) && !looks_like_key(text);
}

bool is_interface_name(std::string_view name) {
  constexpr std::size_t kLongest = 15;
  return is_inventory_text(name) && name.size() <= kLongest && name != "." && name != ".." &&
         name.find_first_of(" /:@") == std::string_view::npos;
}

bool is_host_name(std::string_view name) { return is_host(name) && !looks_like_key(name); }

bool is_label_name(std::string_view name) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !name.empty() && name.size() <= kMaxInventoryText && !name.starts_with("__") &&
         is_letter(name.front()) && !looks_like_key(name) &&
         std::ranges::all_of(name, [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

void read_interface_refs(InventoryCursor& in, std::vector<InterfaceRef>& into) {
  in.scalars(
      "expected the name of an interface, such as wg0, or wg0@gw-1 for that of one host",
      [&into](std::string_view text) {
        const std::size_t at = text.find('@');
        const std::string_view name = text.substr(0, at);
        const std::string_view host =
            at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
        if (!is_interface_name(name) || (at != std::string_view::npos && !is_host_name(host)))
          return false;
        into.push_back({std::string(name), std::string(host)});
        return true;
      });
}

void read_text(InventoryCursor& in, std::string& into) {
  static const std::string kExpected = text_expected();
  in.scalar(kExpected, [&into](std::string_view text) {
    if (!is_inventory_text(text)) return false;
    into = text;
    return true;
  });
}

void read_texts(InventoryCursor& in, std::vector<std::string>& into) {
  static const std::string kExpected = text_expected();
  in.scalars(kExpected, [&into](std::string_view text) {
    if (!is_inventory_text(text)) return false;
    into.emplace_back(text);
    return true;
  });
}

void read_key(InventoryCursor& in, std::optional<PublicKey>& into) {
  std::string why;
  const Position at = in.here();
  in.scalar("expected a public key: 44 characters of base64", [&](std::string_view text) {
    const auto key = PublicKey::from_base64(text);
    if (key)
      into = *key;
    else
      why = fmt::format("the key is {}", describe_bad_key(text));
    return true;
  });
  if (!why.empty()) return in.error(at, why);
  if (into && into->bytes == PublicKey{}.bytes) {
    into.reset();
    in.error(at, "the key of zeros belongs to nobody");
  }
}

void read_labels(InventoryCursor& in, DeclaredLabels& into) {
  if (!in.enter_map("expected a map of labels, such as {team: ops, site: berlin}")) return;
  while (const auto name = in.field()) {
    const Position at = in.field_position();
    std::string value;
    read_text(in, value);
    if (!is_label_name(*name)) {
      in.error(at,
               "expected the name of a label: letters, digits and _, without a digit or __ in "
               "front");
    } else if (find_label(into, *name) != nullptr) {
      in.error(at, fmt::format("the label is given twice: {}", *name));
    } else if (into.size() >= kMaxLabels) {
      in.error(at, fmt::format("there are more than {} labels", kMaxLabels));
    } else {
      const auto place = std::ranges::lower_bound(into, *name, {}, &DeclaredLabel::name);
      into.insert(place, {*name, std::move(value)});
    }
  }
}

void read_prefixes(InventoryCursor& in, std::vector<Prefix>& into) {
  in.scalars(R"(expected an IP prefix, such as 10.9.0.7/32 or "fd09::7/128")",
             [&](std::string_view text) {
               const auto prefix = parse_allowed_ip(text);
               if (!prefix) return false;
               const Prefix bare = without_host_bits(*prefix);
               if (bare != *prefix)
                 in.warn(in.here(), fmt::format("{} has host bits set: WireGuard makes {} of it",
                                                prefix->to_string(), bare.to_string()));
               into.push_back(bare);
               return true;
             });
}

void read_day(InventoryCursor& in, std::optional<std::chrono::sys_days>& into) {
  in.scalar("expected a date, such as 2026-03-31", [&into](std::string_view text) {
    into = parse_day(text);
    return into.has_value();
  });
}

}  // namespace wgscope::config
