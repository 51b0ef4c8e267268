#include "value_places.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "wgscope/config/tunnel_file.hpp"

namespace wgscope::config {
namespace {

constexpr std::string_view kBlanks = " \t\n\v\f\r";

bool begins_character(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) != 0x80; }

std::uint32_t characters(std::string_view text) {
  return static_cast<std::uint32_t>(std::ranges::count_if(text, begins_character));
}

bool is_blank(char byte) { return kBlanks.find(byte) != std::string_view::npos; }

std::size_t distance(std::string_view whole, std::string_view part) {
  return static_cast<std::size_t>(part.data() - whole.data());
}

}  // namespace

void ValuePlaces::line(std::size_t number, std::string_view whole, std::string_view text) {
  number_ = number;
  whole_ = whole;
  here_ = spot(text);
}

Spot ValuePlaces::spot(std::string_view part) const {
  return {static_cast<std::uint32_t>(number_),
          characters(whole_.substr(0, distance(whole_, part))) + 1, characters(part)};
}

void ValuePlaces::value(std::string_view written, std::string_view read) {
  here_ = spot(written);
  written_ = written;
  read_ = read;
  read_at_ = 0;
  written_at_ = 0;
  column_ = here_.column;
}

Spot ValuePlaces::of(std::string_view part) {
  const std::size_t begin = distance(read_, part);
  if (begin < read_at_) value(written_, read_);
  const bool has_blanks = read_.size() == written_.size();
  const auto step = [&] {
    if (begins_character(written_[written_at_])) ++column_;
    if (has_blanks || !is_blank(written_[written_at_])) ++read_at_;
    ++written_at_;
  };
  const auto pass_blanks = [&] {
    while (!has_blanks && written_at_ < written_.size() && is_blank(written_[written_at_])) step();
  };
  while (read_at_ < begin && written_at_ < written_.size()) step();
  pass_blanks();
  here_ = {static_cast<std::uint32_t>(number_), column_, 0};
  while (read_at_ < begin + part.size() && written_at_ < written_.size()) step();
  here_.length = column_ - here_.column;
  return here_;
}

}  // namespace wgscope::config
