#include "wgscope/render/redaction.hpp"

#include <cstddef>
#include <string>
#include <string_view>

#include <fmt/core.h>

#include "wgscope/base/text.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::render {
namespace {

using diagnosis::Sensitivity;
using diagnosis::Text;

unsigned char byte_at(std::string_view text, std::size_t place) {
  return place < text.size() ? static_cast<unsigned char>(text[place]) : 0;
}

/// How many bytes from here on are one character that must not be shown. Of those from U+0080 on,
/// the encodings are c2 80 … c2 9f, ef bf be and ef bf bf.
std::size_t unshown_at(std::string_view text, std::size_t place) {
  const unsigned char first = byte_at(text, place);
  const unsigned char second = byte_at(text, place + 1);
  if (first < 0x20 || first == 0x7f) return 1;
  if (first == 0xc2 && second >= 0x80 && second < 0xa0) return 2;
  return first == 0xef && second == 0xbf && byte_at(text, place + 2) >= 0xbe ? 3 : 0;
}

/// A host may be written as a name that is an address.
std::string_view kind_of(const Text::Piece& piece) {
  switch (piece.kind) {
    case Sensitivity::key: return "key";
    case Sensitivity::path: return "file";
    case Sensitivity::name:
    case Sensitivity::address: {
      const auto address = IpAddress::parse(piece.text);
      if (!address) return "name";
      return address->family == Family::v4 ? "ipv4" : "ipv6";
    }
    case Sensitivity::none: break;
  }
  return "";
}

}  // namespace

std::string one_line(std::string_view text) {
  const std::string valid = to_valid_utf8(text);
  std::string shown;
  for (std::size_t place = 0; place < valid.size();) {
    const std::size_t unshown = unshown_at(valid, place);
    for (std::size_t i = 0; i < unshown; ++i)
      shown += fmt::format("\\x{:02x}", byte_at(valid, place + i));
    if (unshown == 0) shown += valid[place];
    place += unshown == 0 ? 1 : unshown;
  }
  return shown;
}

Redaction::Redaction(bool wanted, const diagnosis::Report& report) : Redaction(wanted) {
  if (!wanted) return;
  show(report.target);
  for (const diagnosis::Check& check : report.checks) {
    show(check.target);
    show(check.summary);
    if (check.finding) number(*check.finding);
  }
  for (const diagnosis::Measurement& measurement : report.measurements)
    for (const diagnosis::Label& label : measurement.labels) show(label.value);
  for (const diagnosis::Distribution& distribution : report.distributions)
    for (const diagnosis::Label& label : distribution.labels) show(label.value);
  show(report.success);
  for (const diagnosis::Further& one : report.further) {
    show(one.about);
    show(one.command);
  }
  for (const diagnosis::Sent& one : report.sent) {
    show(one.target);
    show(one.line);
  }
}

void Redaction::number(const diagnosis::Finding& finding) {
  show(finding.cause);
  for (const Text& line : finding.evidence) show(line);
  for (const diagnosis::Hypothesis& hypothesis : finding.hypotheses) {
    show(hypothesis.cause);
    show(hypothesis.check);
  }
  for (const Text& line : finding.fix) show(line);
}

std::string Redaction::show(const Text& text) {
  if (!wanted_) return one_line(text.plain());
  std::string shown;
  for (const Text::Piece& piece : text.pieces())
    shown += piece.kind == Sensitivity::none ? piece.text : placeholder(piece);
  return one_line(shown);
}

std::string Redaction::placeholder(const Text::Piece& piece) {
  const std::string_view kind = kind_of(piece);
  const auto address = IpAddress::parse(piece.text);
  const Thing thing{kind, address ? address->to_string() : piece.text};
  if (const auto known = numbers_.find(thing); known != numbers_.end())
    return fmt::format("<{}-{}>", kind, known->second);
  if (numbers_.size() >= most_) return fmt::format("<{}-other>", kind);
  const std::size_t number = ++last_[kind];
  numbers_.emplace(thing, number);
  return fmt::format("<{}-{}>", kind, number);
}

}  // namespace wgscope::render
