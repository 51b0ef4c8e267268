#include "checks/prepare_remarks.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <net/if.h>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wgscope/base/secret.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/crypto/x25519.hpp"
#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/endpoint_address.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"

namespace wgscope::checks {
namespace {

using config::WarningKind;
using diagnosis::Check;
using diagnosis::CheckKind;
using diagnosis::FindingId;
using diagnosis::Name;
using diagnosis::Path;
using diagnosis::Status;
using diagnosis::Text;
using diagnosis::text;
using diagnosis::Words;

struct RemarkKind {
  WarningKind kind{};
  FindingId id{};
  Status status{};
  Words what;  ///< goes on after "line 3 of the configuration "; of AmneziaWG a whole sentence
  Words fix;
};

constexpr RemarkKind kRemarks[] = {
    {WarningKind::not_known, FindingId::line_not_known, Status::warning,
     "has a setting that wg-quick does not have",
     "correct the line, or remove it: wg refuses files that contain it"},
    {WarningKind::refused, FindingId::line_refused, Status::warning,
     "is written in a way that wg refuses", "write the line as wg takes it"},
    {WarningKind::name_unclear, FindingId::peer_name_unclear, Status::warning,
     "has a name that could belong to more than one peer",
     "write the name between [Peer] and PublicKey: # friendly_name = NAME"},
    {WarningKind::header_missing, FindingId::peer_header_missing, Status::warning,
     "is a second PublicKey in one section: most likely a [Peer] is missing above it",
     "insert a [Peer] line before the lines of the second peer"},
    {WarningKind::overridden, FindingId::peers_contradict, Status::warning,
     "takes something away from another peer", "give each peer a key and allowed IPs of its own"},
    {WarningKind::single_address, FindingId::single_address_allowed, Status::warning,
     "allows a single address where most likely all are meant", "AllowedIPs = 0.0.0.0/0, ::/0"},
    {WarningKind::obfuscated, FindingId::amneziawg_needed, Status::critical,
     "the configuration is for AmneziaWG, whose messages plain WireGuard does not understand: "
     "nothing was sent",
     "use a client that speaks AmneziaWG, or set H1 to H4 to 1 to 4 and S1 to S4 to 0 on both "
     "sides"},
    {WarningKind::obfuscating, FindingId::amneziawg_not_needed, Status::warning,
     "the configuration has settings of AmneziaWG, which wg refuses",
     "remove the settings of AmneziaWG"},
    {WarningKind::reserved, FindingId::reserved_bytes_configured, Status::warning,
     "sets the reserved bytes of messages, which the probe does and wg refuses",
     "use the file with a client that knows the setting, or remove the line"},
    {WarningKind::ignored, FindingId::line_ignored, Status::warning,
     "is ignored by systemd-networkd",
     "correct the line; on this host: journalctl -u systemd-networkd shows what networkd ignores"},
};

/// What is said of a line may hold addresses and names from it.
Check remark(const std::string& file, const config::Warning& line) {
  // The text of a line in another file begins with the file's name.
  const Text what = line.line == 0 ? text("{}", Name{line.text})
                                   : text("line {}: {}", line.line, Name{line.text});
  const auto* const known = std::ranges::find(kRemarks, line.kind, &RemarkKind::kind);
  if (known == std::end(kRemarks))
    return make_check(CheckKind::configuration_line, Status::ok, what);
  const bool is_of_file =
      line.kind == WarningKind::obfuscated || line.kind == WarningKind::obfuscating;
  return make_check(
      CheckKind::configuration_line, known->status, what,
      {.id = known->id,
       .cause = is_of_file       ? Text(known->what)
                : line.line == 0 ? text("a line of the configuration {}", known->what)
                                 : text("line {} of the configuration {}", line.line, known->what),
       .evidence = {text("{}, {}", Path{file}, what)},
       .fix = {known->fix}});
}

/// Whether this host has the interface that stands behind a link-local address, as its name or as
/// its number.
bool has_interface(const std::string& zone) {
  unsigned index = 0;
  const char* const end = zone.data() + zone.size();
  const auto parsed = std::from_chars(zone.data(), end, index);
  char name[IF_NAMESIZE];
  if (parsed.ptr == end) return if_indextoname(index, name) != nullptr;
  return if_nametoindex(zone.c_str()) != 0;
}

std::optional<Check> hopeless_endpoint(const config::EndpointName& endpoint) {
  const auto unusable = [&](const Text& why) {
    return make_check(CheckKind::configuration_endpoint, Status::critical,
                      diagnosis::endpoint_unusable(text("{}", Name{endpoint.host}), why));
  };
  const std::size_t percent = endpoint.host.find('%');
  if (percent != std::string::npos) {
    const std::string zone = endpoint.host.substr(percent + 1);
    if (!has_interface(zone))
      return unusable(
          text("belongs to the interface {}, which this host does not have", Name{zone}));
  }
  const auto address = endpoint.address();
  if (!address) return std::nullopt;
  if (const auto why = diagnosis::why_no_gateway(*address)) return unusable(text("{}", *why));
  return std::nullopt;
}

std::optional<Check> hopeless_key(const Target& target, const crypto::X25519Key& ours) {
  Secret<32> shared;
  if (ours.agree(target.gateway.bytes, shared)) return std::nullopt;
  const bool is_zero =
      std::ranges::all_of(target.gateway.bytes, [](std::byte b) { return b == std::byte{0}; });
  const Words what = diagnosis::either(
      is_zero, "is zero, which no gateway has",
      "is a point of low order, with which every key agrees on a secret that all know");
  return make_check(
      CheckKind::configuration_gateway_key, Status::critical,
      {.id = FindingId::gateway_key_unusable,
       .cause = text("nothing was sent: the gateway's public key {}", what),
       .evidence = {text("PublicKey = {}", target.gateway)},
       .fix = {
           "set PublicKey to the gateway's key; on the gateway: wg show INTERFACE public-key"}});
}

}  // namespace

std::vector<Check> remarks(const std::string& file, const config::WgQuickConfig& config) {
  std::vector<Check> checks;
  checks.reserve(config.warnings.size());
  for (const config::Warning& line : config.warnings) checks.push_back(remark(file, line));
  return checks;
}

std::optional<Check> hopeless(const Target& target, const crypto::X25519Key& ours) {
  if (auto key = hopeless_key(target, ours)) return key;
  return hopeless_endpoint(target.endpoint);
}

}  // namespace wgscope::checks
