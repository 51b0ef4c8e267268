#include "masked.hpp"

#include <regex>

namespace wgscope::test {

std::string masked(std::string text) {
  text = std::regex_replace(text, std::regex("[A-Za-z0-9+/]{43}="), "KEY");
  text = std::regex_replace(text, std::regex("clock: [^\n]*"), "clock: …");
  // Only who may read headers is told this.
  text = std::regex_replace(text, std::regex("\n[^\n]* cutting: [^\n]*"), "");
  text = std::regex_replace(text, std::regex("[0-9][-0-9.:TZ]*( (ns|µs|ms|s)\\b)?"), "#");
  return text;
}

}  // namespace wgscope::test
