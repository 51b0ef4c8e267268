#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"

namespace wgscope::diagnosis {

/// What a piece of text gives away about whose network it is.
enum class Sensitivity : std::uint8_t { none, address, key, name, path };

/// A name that is somebody's: of a host, an interface, a peer, a user.
struct Name {
  std::string text;
};

/// A file's path.
struct Path {
  std::string text;
};

/// Words of ours: only a literal, or another constant, becomes one.
class Words {
 public:
  consteval Words(const char* words)  // NOLINT(google-explicit-constructor)
      : words_(words) {}

  [[nodiscard]] constexpr std::string_view view() const { return words_; }

  friend bool operator==(const Words&, const Words&) = default;

 private:
  std::string_view words_;
};

constexpr Words either(bool first, Words one, Words other) { return first ? one : other; }

/// A text for people that knows which of its pieces came from somebody's network, so that it can be
/// shown to strangers. What is not marked is our own words and numbers, and types see to it: a
/// string that is known only at run time gets in as a Name or a Path, which are marked, or by
/// vouched(), and in no other way.
class Text {
 public:
  struct Piece {
    std::string text;
    Sensitivity kind = Sensitivity::none;

    friend bool operator==(const Piece&, const Piece&) = default;
  };

  Text() = default;
  /// @param words  a literal.
  template <std::size_t size>
  Text(const char (&words)[size]) {  // NOLINT(google-explicit-constructor)
    append(words, Sensitivity::none);
  }
  template <std::size_t size>
  Text(char (&buffer)[size]) = delete;
  Text(Words words) {  // NOLINT(google-explicit-constructor)
    add(words);
  }

  Text& add(Words words) { return append(words.view(), Sensitivity::none); }
  template <std::size_t size>
  Text& add(const char (&words)[size]) {
    return append(words, Sensitivity::none);
  }
  template <std::size_t size>
  Text& add(char (&buffer)[size]) = delete;
  Text& add(const Text& other);
  Text& add(const IpAddress& address);
  Text& add(const Endpoint& endpoint);  ///< only the address is sensitive, not the port
  Text& add(const Prefix& prefix);      ///< only the address is sensitive, not the length
  Text& add(const PublicKey& key);
  Text& add(const Name& name);  ///< unprintable bytes are shown as \xNN
  Text& add(const Path& path);
  Text& add(Nanoseconds time);  ///< "12.3 ms": see format_duration()
  template <std::integral Number>
  Text& add(Number number) {
    return append(std::to_string(number), Sensitivity::none);
  }

  /// Replaces our own words, wherever they stand.
  Text& replace(Words words, const Text& by);

  [[nodiscard]] std::span<const Piece> pieces() const { return pieces_; }
  [[nodiscard]] bool empty() const { return pieces_.empty(); }
  /// The whole text, with nothing redacted.
  [[nodiscard]] std::string plain() const;

  friend bool operator==(const Text&, const Text&) = default;
  friend Text vouched(std::string_view words);

 private:
  Text& append(std::string_view text, Sensitivity kind);

  std::vector<Piece> pieces_;
};

/// Words that no literal holds: a number in a format of its own, a line of a table, what the C
/// library calls an errno. Whoever calls this vouches that nothing of it came from outside.
Text vouched(std::string_view words);

/// A computed number, rounded: "1.5".
Text decimal(double number, int digits);

/// A time for people, three digits with the unit that suits: "870 ns", "12.3 µs", "4.56 ms", "25.0
/// s", "3 min 5 s".
std::string format_duration(Nanoseconds time);

/// What text() fills in: a literal with as many "{}" as there are arguments, or it
/// does not compile.
template <class... Arguments>
class Pattern {
 public:
  consteval Pattern(const char* words)  // NOLINT(google-explicit-constructor)
      : words_(words) {
    std::size_t places = 0;
    for (std::size_t at = words_.find("{}"); at != std::string_view::npos;
         at = words_.find("{}", at + 2))
      ++places;
    if (places != sizeof...(Arguments)) throw "another number of arguments than of {}";
  }

  [[nodiscard]] constexpr std::string_view view() const { return words_; }

 private:
  std::string_view words_;
};

namespace detail {
/// Takes what stands before the next "{}" off `words`, and the "{}" with it.
Text take_words(std::string_view& words);
}  // namespace detail

/// `words` with each "{}" replaced by the next argument:
///     text("{} answered after {}", endpoint, time)
template <class... Arguments>
Text text(Pattern<std::type_identity_t<Arguments>...> words, const Arguments&... arguments) {
  // Not const: take_words() shortens it, if there are arguments.
  std::string_view rest = words.view();  // NOLINT(misc-const-correctness)
  Text made;
  (made.add(detail::take_words(rest)).add(arguments), ...);
  return made.add(vouched(rest));
}

}  // namespace wgscope::diagnosis
