#include "wgscope/render/sentence.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "wgscope/base/text.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"

namespace wgscope::render {
namespace {

using diagnosis::Name;
using diagnosis::Path;
using diagnosis::Text;
using diagnosis::text;
using diagnosis::vouched;

bool is_letter_or_digit(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_beyond_ascii(char c) { return static_cast<unsigned char>(c) >= 0x80; }
/// Of a word that goes on.
bool is_inside(char c) { return is_letter_or_digit(c) || is_beyond_ascii(c) || c == '_'; }

/// "4.2", but not "10.1.2".
bool is_number(std::string_view word) {
  return std::ranges::count(word, '.') < 2 &&
         std::ranges::all_of(word, [](char c) { return is_digit(c) || c == '.'; });
}

bool has_dot_inside(std::string_view word) {
  for (std::size_t i = 1; i + 1 < word.size(); ++i)
    if (word[i] == '.' && is_inside(word[i - 1]) && is_inside(word[i + 1])) return true;
  return false;
}

/// Of what this program writes itself.
bool is_own_sign(std::string_view word) {
  constexpr std::array<std::string_view, 4> kSigns{"µs", "…", "–", "→"};
  return std::ranges::find(kSigns, word) != kSigns.end();
}

/// The '=' at its end is not part of a word here.
bool looks_like_key(std::string_view word) {
  return word.size() + 1 >= kKeyBase64Size && std::ranges::all_of(word, [](char c) {
           return is_letter_or_digit(c) || c == '+' || c == '/';
         });
}

bool is_name(std::string_view word) {
  if (is_number(word) || is_own_sign(word)) return false;
  return has_dot_inside(word) || word.find('@') != std::string_view::npos ||
         std::ranges::any_of(word, is_beyond_ascii);
}

/// "gw:51820" has one, which may be shown; npos: there is none.
std::size_t colon_of_port(std::string_view word) {
  const std::size_t colon = word.rfind(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == word.size()) return word.npos;
  return std::ranges::all_of(word.substr(colon + 1), is_digit) ? colon : word.npos;
}

Text marked_value(std::string_view value) {
  if (const auto address = IpAddress::parse(value)) return text("{}", *address);
  if (value.find('/') != std::string_view::npos) return text("{}", Path{std::string(value)});
  return text("{}", Name{std::string(value)});
}

Text marked_word(std::string_view word) {
  if (word.starts_with("--")) return vouched(word);  // an option's name
  if (const auto address = IpAddress::parse(word)) return text("{}", *address);
  if (const auto endpoint = Endpoint::parse(word)) return text("{}", *endpoint);
  if (const auto prefix = Prefix::parse(word)) return text("{}", *prefix);
  const std::size_t colon = colon_of_port(word);
  if (colon != std::string_view::npos)
    return marked_value(word.substr(0, colon)).add(vouched(word.substr(colon)));
  if (looks_like_key(word)) return text("{}", Name{std::string(word)});
  const bool is_path = word.size() > 1 && word.find('/') != std::string_view::npos;
  return is_path || is_name(word) ? marked_value(word) : vouched(word);
}

/// What it begins with, without the marks that end a sentence or a clause behind it.
std::string_view word_at(std::string_view from) {
  const bool is_path = from.starts_with('/');
  std::string_view word =
      from.substr(0, from.find_first_of(is_path ? " \t\n\"'" : " \t\n()\"'=,;<>"));
  while (!word.empty() && std::string_view(".:!?,;)").find(word.back()) != std::string_view::npos)
    word.remove_suffix(1);
  if (word.ends_with(']') && !word.starts_with('[')) word.remove_suffix(1);
  return word;
}

class Marker {
 public:
  Marker(std::string_view sentence, std::span<const std::string> given)
      : sentence_(sentence), given_(given) {}

  Text mark() && {
    while (place_ < sentence_.size()) {
      if (is_at_begin_of_word() && (take_given() || take_quoted() || take_key() || take_word()))
        continue;
      made_.add(vouched(sentence_.substr(place_++, 1)));
    }
    return std::move(made_);
  }

 private:
  [[nodiscard]] std::string_view rest() const { return sentence_.substr(place_); }
  [[nodiscard]] bool is_at_begin_of_word() const {
    return place_ == 0 || !is_inside(sentence_[place_ - 1]);
  }

  void take(std::size_t size, const Text& as) {
    made_.add(as);
    place_ += size;
  }

  /// The longest: one value may begin as another does.
  bool take_given() {
    std::string_view longest;
    for (const std::string& value : given_) {
      if (value.size() <= longest.size() || !rest().starts_with(value)) continue;
      if (value.size() < rest().size() && is_inside(rest()[value.size()])) continue;
      longest = value;
    }
    if (longest.empty()) return false;
    std::size_t size = longest.size();
    if (rest().substr(size).starts_with('/')) size += word_at(rest().substr(size)).size();
    take(size, marked_value(rest().substr(0, size)));
    return true;
  }

  bool take_key() {
    const auto key = PublicKey::from_base64(rest().substr(0, kKeyBase64Size));
    if (!key) return false;
    take(kKeyBase64Size, text("{}", *key));
    return true;
  }

  /// What is quoted may have quotes in it, so it ends with the last one.
  bool take_quoted() {
    constexpr std::string_view kSuggestion = ": did you mean '";  // words of this program
    if (!rest().starts_with('\'')) return false;
    const std::size_t end = rest().rfind('\'', rest().rfind(kSuggestion));
    if (end == std::string_view::npos || end == 0) return false;
    const std::string_view value = rest().substr(1, end - 1);
    take(end + 1, Text("'").add(marked_value(value)).add("'"));
    if (!rest().starts_with(kSuggestion)) return true;
    const std::size_t suggested = rest().find('\'', kSuggestion.size());
    const std::size_t size = std::min(suggested, rest().size() - 1) + 1;
    take(size, vouched(rest().substr(0, size)));
    return true;
  }

  bool take_word() {
    const std::string_view word = word_at(rest());
    if (word.empty()) return false;
    take(word.size(), marked_word(word));
    return true;
  }

  std::string_view sentence_;
  std::span<const std::string> given_;
  std::size_t place_ = 0;
  Text made_;
};

}  // namespace

Text mark(std::string_view sentence, std::span<const std::string> given) {
  return Marker(sentence, given).mark();
}

}  // namespace wgscope::render
