#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
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

/// A text for people that knows which of its pieces came from somebody's network, so that it can be
/// shown to strangers: what is not marked is our own words and numbers. Made by text(), which takes no
/// bare string: only add(std::string_view) lets one in unmarked, and that is for words of ours.
class Text {
 public:
  struct Piece {
    std::string text;
    Sensitivity kind = Sensitivity::none;

    friend bool operator==(const Piece&, const Piece&) = default;
  };

  Text() = default;
  /// @param words  a literal.
  Text(const char* words) { add(std::string_view(words)); }  // NOLINT(google-explicit-constructor)

  Text& add(std::string_view words);  ///< words of ours
  Text& add(const char* words) { return add(std::string_view(words)); }
  Text& add(const Text& other);
  Text& add(const IpAddress& address);
  Text& add(const Endpoint& endpoint);  ///< the port is not sensitive
  Text& add(const Prefix& prefix);      ///< nor is the length
  Text& add(const PublicKey& key);
  Text& add(const Name& name);  ///< unprintable bytes are shown as \xNN
  Text& add(const Path& path);
  Text& add(Nanoseconds time);  ///< "12.3 ms": see format_duration()
  template <std::integral Number>
  Text& add(Number number) {
    return add(std::string_view(std::to_string(number)));
  }

  [[nodiscard]] std::span<const Piece> pieces() const { return pieces_; }
  [[nodiscard]] bool empty() const { return pieces_.empty(); }
  /// All of it, nothing redacted.
  [[nodiscard]] std::string plain() const;

  friend bool operator==(const Text&, const Text&) = default;

 private:
  Text& append(std::string text, Sensitivity kind);

  std::vector<Piece> pieces_;
};

/// "1.5": a computed number, rounded.
Text decimal(double number, int digits);

/// Three digits with the unit that suits: "870 ns", "12.3 µs", "4.56 ms", "25.0 s", "3 min 5 s".
std::string format_duration(Nanoseconds time);

/// `words` with each "{}" replaced by the next argument:
///     text("{} answered after {}", endpoint, time)
/// As many "{}" as arguments: asserted.
template <class... Arguments>
Text text(std::string_view words, const Arguments&... arguments);

namespace detail {
/// Takes what stands before the next "{}" off `words`, and the "{}" with it.
std::string_view take_words(std::string_view& words);
}  // namespace detail

template <class... Arguments>
Text text(std::string_view words, const Arguments&... arguments) {
  Text made;
  (made.add(detail::take_words(words)).add(arguments), ...);
  made.add(words);
  return made;
}

}  // namespace wgscope::diagnosis
