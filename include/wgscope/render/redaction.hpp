#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"

namespace wgscope::render {

/// Makes texts what every output may show: valid UTF-8 (RFC 3629) in one line, control characters
/// as \xNN, so that nothing moves a cursor or ends an XML document. Redacted, a text also names
/// nobody: the same thing is the same placeholder wherever it stands, <key-1>, <ipv4-1>, <ipv6-1>,
/// <name-1> or <file-1>. Ports, prefix lengths and zone numbers stay.
class Redaction {
 public:
  /// @param most  how many names and addresses get a number of their own; after that, all of a kind
  /// share one placeholder, <ipv4-other>. It bounds the memory of programs that run for long and
  /// print what strangers send.
  explicit Redaction(bool wanted, std::size_t most = SIZE_MAX) : wanted_(wanted), most_(most) {}
  /// Numbers everything in the report, in its order: then all outputs of one report agree, whatever
  /// they show first.
  Redaction(bool wanted, const diagnosis::Report& report);

  /// The text as outputs may show it. What was not numbered yet gets the next number.
  std::string show(const diagnosis::Text& text);

 private:
  /// Kind of thing, such as "ipv4", and the text that names it.
  using Thing = std::pair<std::string_view, std::string>;

  void number(const diagnosis::Finding& finding);
  std::string placeholder(const diagnosis::Text::Piece& piece);

  bool wanted_;
  std::size_t most_;
  std::map<Thing, std::size_t> numbers_;
  /// For each kind of thing the last number that was given.
  std::map<std::string_view, std::size_t> last_;
};

/// Valid UTF-8 in one line: bytes that are not as to_valid_utf8() makes them, control characters
/// (C0, DEL, C1) and U+FFFE, U+FFFF as \xNN.
std::string one_line(std::string_view text);

}  // namespace wgscope::render
