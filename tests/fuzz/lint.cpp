// The whole of lint: two wg-quick files, an inventory, and the diff of the corrections; then the first
// two texts once more, as a .netdev file with its .network file. Findings are at places that exist, in
// order, and neither they nor the diff repeat a key.

#include "wgscope/audit/lint.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wgscope/audit/placed.hpp"
#include "wgscope/base/keys.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/config/inventory_file.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/public_key.hpp"

#include "fuzz.hpp"

namespace {

using namespace wgscope;

/// Not what a curve does, but different for different keys, and cheap.
std::optional<PublicKey> derive(const PrivateKey& key) {
  PublicKey made;
  std::ranges::transform(key.secret.bytes(), made.bytes.begin(),
                         [](std::byte byte) { return byte ^ std::byte{0x5a}; });
  return made;
}

/// Takes what stands before a line of hashes off the front.
std::string_view take_part(std::string_view& text) {
  constexpr std::string_view kBetween = "\n####\n";
  const std::size_t end = std::min(text.find(kBetween), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + kBetween.size(), text.size()));
  return part;
}

/// A text that has no public key of a finding's own.
std::string without_keys(const diagnosis::Text& text) {
  std::string made;
  for (const diagnosis::Text::Piece& piece : text.pieces())
    if (piece.kind != diagnosis::Sensitivity::key) made += piece.text;
  return made;
}

void keep_promises(const audit::PlacedFinding& finding, std::string_view input) {
  const auto lines = static_cast<std::uint32_t>(std::ranges::count(input, '\n')) + 1;
  WGSCOPE_PROMISE(finding.place.line <= lines);
  WGSCOPE_PROMISE(!finding.finding.cause.empty());
  WGSCOPE_PROMISE(!fuzz::repeats_base64(without_keys(finding.finding.cause), input));
  for (const diagnosis::Text& line : finding.finding.fix)
    WGSCOPE_PROMISE(!fuzz::repeats_base64(without_keys(line), input));
  for (const audit::Edit& edit : finding.edits)
    WGSCOPE_PROMISE(edit.line >= 1 && edit.line <= lines);
}

void check_networkd(std::string_view netdev, std::string_view other, std::string_view input) {
  audit::LintFile file{.name = "wg0.netdev", .text = netdev};
  audit::LintNetworkd& with = file.networkd.emplace();
  with.drop_ins.push_back({"a.conf", other, audit::FileFacts{{0666, 0, 0}, {}, true}});
  with.network.push_back({"wg0.network", other, {}});
  with.keys.push_back({.path = "/k", .text = other});
  const std::vector<audit::LintFile> files{file, {.name = "wg1.conf", .text = other}};
  const audit::LintResult result =
      audit::lint(files, {.derive = derive, .networkd_user = audit::NetworkdUser{998, 998}});
  for (const audit::PlacedFinding& finding : result.findings) keep_promises(finding, input);
  WGSCOPE_PROMISE(std::ranges::is_sorted(result.findings, {}, &audit::PlacedFinding::place));
  for (const auto& [name, text] : {std::pair("wg0.netdev", netdev), {"a.conf", other}})
    WGSCOPE_PROMISE(!fuzz::repeats_base64(audit::diff(name, text, result.findings), input));
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = fuzz::as_text(data, size);
  std::string_view rest = input;
  const std::string_view first = take_part(rest);
  const std::string_view second = take_part(rest);
  const std::vector<audit::LintFile> files{
      {.name = "wg0.conf", .text = first, .facts = audit::FileFacts{{0666, 0, 0}, {}, true}},
      {.name = "wg1.conf", .text = second}};
  const std::array texts{config::InventoryText{"inventory.yaml", rest}};
  const config::InventoryRead read =
      config::read_inventory(texts, [](std::string_view) { return Result<>(); });
  audit::LintOptions options{.derive = derive, .behind_nat = true};
  if (!rest.empty()) options.inventory = audit::LintInventory{&read, texts};
  const audit::LintResult result = audit::lint(files, options);
  for (const audit::PlacedFinding& finding : result.findings) keep_promises(finding, input);
  WGSCOPE_PROMISE(std::ranges::is_sorted(result.findings, {}, &audit::PlacedFinding::place));
  for (const audit::LintFile& file : files)
    WGSCOPE_PROMISE(
        !fuzz::repeats_base64(audit::diff(file.name, file.text, result.findings), input));
  check_networkd(first, second, input);
  return 0;
}
