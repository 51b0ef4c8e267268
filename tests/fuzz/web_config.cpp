// The file of --web.config.file, as an operator may write it by mistake.

#include "exporter/http/web_config.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "exporter/http/bcrypt.hpp"
#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wgscope::exporter::http;
  const std::string_view text = wgscope::fuzz::as_text(data, size);
  const WebConfigRead read = parse_web_config(text);
  WGSCOPE_PROMISE(read.config.has_value() == read.errors.empty());
  for (const auto* problems : {&read.errors, &read.warnings})
    for (const WebConfigProblem& problem : *problems) {
      WGSCOPE_PROMISE(!problem.text.empty());
      WGSCOPE_PROMISE(!wgscope::fuzz::repeats_base64(problem.text, text));
    }
  if (!read.config) return 0;
  for (const auto& [user, hash] : read.config->users) WGSCOPE_PROMISE(!problem_of_bcrypt(hash));
  for (const auto& [name, value] : read.config->headers)
    WGSCOPE_PROMISE(value.find_first_of("\r\n") == std::string::npos);
  if (!read.config->tls) return 0;
  WGSCOPE_PROMISE(read.config->tls->certificate.given() && read.config->tls->key.given());
  WGSCOPE_PROMISE(read.config->tls->min_version <= read.config->tls->max_version);
  return 0;
}
