#include <algorithm>
#include <cctype>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "wgscope/audit/placed.hpp"
#include "wgscope/base/keys.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/config/tunnel_file.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/public_key.hpp"

#include "lint_parts.hpp"
#include "shell_words.hpp"

// PreUp, PostUp, PreDown and PostDown: wg-quick cuts them at the first '#', replaces %i, prints them
// and hands them to bash's eval (execute_hooks() of wg-quick).

namespace wgscope::audit {
namespace {

using config::TunnelCommand;
using config::TunnelPeer;
using diagnosis::either;
using diagnosis::FindingId;
using diagnosis::Text;
using diagnosis::text;

void lint_quotes(const Linted& file, const TunnelCommand& command, Findings& findings) {
  const auto open = unclosed(command.text.view());
  if (!open) return;
  auto& added = findings.add(FindingId::lint_command_broken, file.at(command.at),
                             text("{} has {} that is not closed{}", diagnosis::vouched(command.key),
                                  diagnosis::vouched(name_of(*open)),
                                  either(command.was_cut,
                                         ": wg-quick cuts the line at the first #, even inside "
                                         "quotes",
                                         "")));
  added.finding.fix = {either(command.was_cut,
                              "put the command into a script, and call the script here",
                              "close it, or put the command into a script and call that here")};
}

/// "%I" as a word, or "%i" with letters that belong to it. The formats of date(1) have a %I too.
bool has_misspelt_placeholder(std::string_view command) {
  constexpr std::string_view kWords[] = {"interface", "iface", "ifname"};
  constexpr std::string_view kBeforeWords = " \t'\"=";
  for (std::size_t at = command.find('%'); at != std::string_view::npos;
       at = command.find('%', at + 1)) {
    const std::string_view rest = command.substr(at + 1);
    const auto begins = [&](std::string_view word) { return rest.starts_with(word); };
    if (std::ranges::any_of(kWords, begins)) return true;
    const bool is_word = at == 0 || kBeforeWords.find(command[at - 1]) != std::string_view::npos;
    if (is_word && begins("I") &&
        (rest.size() == 1 || std::isalnum(static_cast<unsigned char>(rest[1])) == 0))
      return true;
  }
  return false;
}

void lint_placeholders(const Linted& file, const TunnelCommand& command, Findings& findings) {
  if (!has_misspelt_placeholder(command.text.view())) return;
  auto& added = findings.add(
      FindingId::lint_command_placeholder, file.at(command.at),
      text("{} has a placeholder that wg-quick does not know: it replaces %i, and nothing else",
           diagnosis::vouched(command.key)));
  added.finding.fix = {"write %i where the name of the interface belongs"};
}

bool is_base64(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '+' || c == '/';
}

/// The parts of a text that have the form of keys.
std::vector<std::string_view> key_like(std::string_view text) {
  std::vector<std::string_view> found;
  for (std::size_t begin = 0; begin < text.size(); ++begin) {
    std::size_t end = begin;
    while (end < text.size() && is_base64(text[end])) ++end;
    if (end - begin + 1 >= kKeyBase64Size && end < text.size() && text[end] == '=')
      found.push_back(text.substr(end + 1 - kKeyBase64Size, kKeyBase64Size));
    begin = end;
  }
  return found;
}

bool is_known_public(const LintView& view, const PublicKey& key) {
  if (view.by_key.contains(key) || view.declared.contains(key)) return true;
  return std::ranges::any_of(view.files, [&](const Linted& file) {
    return std::ranges::any_of(
        file.tunnel().peers, [&](const TunnelPeer& peer) { return peer.public_key.value == key; });
  });
}

bool is_preshared(const Linted& file, const PresharedKey& key) {
  return std::ranges::any_of(file.tunnel().peers, [&](const TunnelPeer& peer) {
    return peer.preshared_key &&
           std::ranges::equal(peer.preshared_key->value.secret.bytes(), key.secret.bytes());
  });
}

/// What a key in a command is, as far as that is certain. A public key looks the same.
bool is_secret(const Linted& file, const LintView& view, std::string_view candidate,
               std::string_view command) {
  const auto preshared = PresharedKey::from_base64(candidate);
  if (!preshared) return false;
  if (is_preshared(file, *preshared)) return true;
  const auto as_private = PrivateKey::from_base64(candidate);
  if (as_private && view.options.derive) {
    const auto derived = view.options.derive(*as_private);
    if (derived && is_known_public(view, *derived)) return true;
  }
  const auto as_public = PublicKey::from_base64(candidate);
  if (as_public && is_known_public(view, *as_public)) return false;
  const bool is_of_peer =
      command.substr(0, static_cast<std::size_t>(candidate.data() - command.data()))
          .ends_with("peer ");
  return !is_of_peer && (command.find("private-key") != std::string_view::npos ||
                         command.find("preshared-key") != std::string_view::npos);
}

void lint_secrets(const Linted& file, const LintView& view, const TunnelCommand& command,
                  Findings& findings) {
  const std::string_view words = command.text.view();
  const std::vector<std::string_view> candidates = key_like(words);
  const auto secret = std::ranges::find_if(candidates, [&](std::string_view candidate) {
    return is_secret(file, view, candidate, words);
  });
  if (secret == candidates.end()) return;
  auto& added = findings.add(
      FindingId::lint_command_key, file.at(command.at),
      text("{} contains a secret key, and wg-quick prints each command that it runs, so the key "
           "gets into the journal",
           diagnosis::vouched(command.key)));
  added.finding.fix = {
      "put the key into a file that only root can read, and name that file in the command"};
}

}  // namespace

void lint_commands(const Linted& file, const LintView& view, Findings& findings) {
  for (const TunnelCommand& command : file.tunnel().commands) {
    lint_quotes(file, command, findings);
    lint_placeholders(file, command, findings);
    lint_secrets(file, view, command, findings);
  }
}

}  // namespace wgscope::audit
