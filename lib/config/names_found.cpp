#include "names_found.hpp"

#include <algorithm>
#include <cstddef>
#include <string>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/config/names.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/public_key.hpp"

namespace wgscope::config {

void NamesFound::add(const PublicKey& key, const std::string& name, std::size_t line) {
  if (contested.contains(key)) return;
  const auto [known, is_new] = names.try_emplace(key, name);
  if (is_new || known->second == name) return;
  names.erase(known);
  contested.insert(key);
  warnings.push_back({line, "a key is given twice with different names, so it has neither",
                      WarningKind::name_unclear});
}

Result<NamesFound> unless_all_bad(NamesFound found) {
  if (!found.names.empty() || !found.contested.empty()) return found;
  const auto bad = std::ranges::find(found.warnings, WarningKind::refused, &Warning::kind);
  if (bad == found.warnings.end()) return found;
  return fail(Errc::bad_value,
              bad->line == 0 ? bad->text : fmt::format("line {}: {}", bad->line, bad->text));
}

}  // namespace wgscope::config
