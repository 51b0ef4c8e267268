#include "wgscope/checks/nat.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/duration.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/checks/nat_flow.hpp"
#include "wgscope/checks/prepare.hpp"
#include "wgscope/checks/question.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/checks/tunnel.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/address.hpp"

#include "probe/command_line.hpp"
#include "probe/commands/commands.hpp"
#include "probe/options/check_options.hpp"
#include "probe/run.hpp"

namespace wgscope::probe {
namespace {

using std::chrono::seconds;

constexpr std::size_t kMostGateways = 4;  ///< that are asked at the same time

class NatVerb final : public CheckVerb {
 public:
  [[nodiscard]] std::string_view description() const override {
    return "Find out what NATs on the path do to UDP. With STUN servers: how they map, what they "
           "let in,\nand how long they remember a silent flow. With the tunnel itself, against any "
           "gateway: how long\nNATs remember its own flow. In both cases: whether the keepalive is "
           "short enough. Needs no privileges.\nTakes at most 4 minutes with --tcp; 15 minutes "
           "with "
           "--second-peer, or 1 minute more than 3 times --longest;\n5 minutes with STUN servers, "
           "or "
           "2 minutes more than --longest. Then it says what is known so far.";
  }
  void add_options(CommandLine& line) override;
  Result<std::unique_ptr<checks::Question>> make(Subject& subject) override;

 private:
  [[nodiscard]] Result<checks::NatOptions> stun_options() const;
  [[nodiscard]] Result<> take_file(Subject& subject, checks::NatOptions& options) const;
  [[nodiscard]] Result<std::unique_ptr<checks::Question>> make_flow(
      Subject& subject, checks::NatOptions& options) const;

  std::vector<std::string> servers_;
  std::string twin_;  ///< path
  std::string tcp_;   ///< address and port
  std::optional<seconds> keepalive_;
  seconds longest_{180};
  bool no_router_ = false;
};

struct Seconds {
  std::int64_t least;
  std::int64_t most;
};

/// An option that takes a whole number of seconds, as PersistentKeepalive is.
void add_seconds(CommandLine& line, const std::string& name, Seconds range,
                 std::function<void(seconds)> take, const std::string& description) {
  line.add(
          name,
          [name, range, take = std::move(take)](const std::string& text) -> Complaint {
            const auto time = parse_duration(text);
            if (!time) return fmt::format("{}: {}", name, time.error().context);
            const auto whole = std::chrono::duration_cast<seconds>(*time);
            if (whole != *time || whole.count() < range.least || whole.count() > range.most)
              return fmt::format("{}: '{}': expected whole seconds, {} to {}", name,
                                 printable(text), range.least, range.most);
            take(whole);
            return std::nullopt;
          },
          description)
      .type("TIME");
}

void NatVerb::add_options(CommandLine& line) {
  line.add("--stun", servers_, "STUN server; repeatable. Two are needed if none has two addresses")
      .type("HOST:PORT")
      .one_value_each();
  line.add("--second-peer,--twin", twin_,
           "Measure the tunnel's own flow with a second peer: its wg-quick file. The gateway must "
           "forward between the two")
      .type("FILE");
  line.add("--tcp", tcp_,
           "Measure the tunnel's own flow, less exactly, with a TCP service inside the tunnel that "
           "speaks first, as SSH does, or answers HTTP")
      .type("ADDRESS:PORT");
  add_seconds(
      line, "--keepalive", {0, 65535}, [this](seconds time) { keepalive_ = time; },
      "Judge this interval instead of the file's PersistentKeepalive; 0: off");
  add_seconds(
      line, "--longest", {1, 3600}, [this](seconds time) { longest_ = time; },
      "Longest silence to try, besides that of the keepalive itself [180s]");
  line.add_flag("--no-router", no_router_,
                "Do not ask the next router for its public address (NAT-PMP, PCP, UPnP)");
  add_check_options(line, check);
  line.find("--timeout")
      .description(
          "Time limit for handshakes (default 20s); lifetime measurements are not limited by it");
  line.find("--quick").description("Do not measure lifetimes");
  line.find("--ipv4").description("Only IPv4 addresses of the endpoint; STUN uses IPv4 by default");
  line.find("--ipv6").description("Only IPv6 addresses of the endpoint; STUN over IPv6");
  line.find("--config")
      .description(
          "wg-quick or .netdev file of the probe's own peer, whose PersistentKeepalive is judged; "
          "- for "
          "standard input. Its tunnel is used with --second-peer and --tcp only. Without "
          "--second-peer, --tcp "
          "and --stun, its gateways are asked as STUN servers: wgscope listen --stun answers, "
          "other "
          "WireGuard implementations do not");
}

Result<checks::NatOptions> NatVerb::stun_options() const {
  checks::NatOptions options;
  for (const std::string& written : servers_) {
    auto name = config::EndpointName::parse(written);
    if (!name)
      return fail(name.error().code,
                  fmt::format("--stun {}: {}", printable(written), name.error().context));
    options.servers.push_back(std::move(*name));
  }
  options.family = check.ipv6 ? Family::v6 : Family::v4;
  options.router = !no_router_;
  options.lifetime = !check.quick;
  options.longest_silence = longest_;
  if (keepalive_) options.keepalive = *keepalive_;
  options.through = check.target.through;
  if (check.target.fwmark && *check.target.fwmark != 0) options.mark = check.target.fwmark;
  return options;
}

/// What the file of a tunnel says, where the tunnel itself is not used: of the peers with an
/// endpoint the longest keepalive and, where nobody else is to be asked, the endpoints. Our own
/// endpoint answers STUN on the tunnel's port; others do not, which the report says.
Result<> NatVerb::take_file(Subject& subject, checks::NatOptions& options) const {
  if (check.target.config.empty()) return {};
  auto file = checks::read_config_file(check.target.config);
  if (!file) return tl::unexpected(file.error());
  subject.notice(file->remarks);
  checks::apply_fwmark(check.target, file->config);
  options.mark = file->config.fwmark;
  options.servers_are_gateways = options.servers.empty();
  std::optional<seconds> longest;  // zero where one of them has none
  for (const config::WgQuickPeer& peer : file->config.peers) {
    if (!peer.endpoint) continue;
    if (options.servers_are_gateways && options.servers.size() < kMostGateways)
      options.servers.push_back(*peer.endpoint);
    const seconds interval = peer.persistent_keepalive.value_or(seconds(0));
    if (!longest || (*longest != seconds(0) && (interval == seconds(0) || interval > *longest)))
      longest = interval;
  }
  if (!keepalive_) options.keepalive = longest;
  return {};
}

/// Whether a second peer's file has the first one's key, as the same file given twice has.
bool has_key_of(const checks::Target& ours, const std::string& file) {
  if (file == "-") return false;  // which can be read only once
  const auto read = checks::read_config_file(file);
  return read && read->config.private_key &&
         std::ranges::equal(read->config.private_key->secret.bytes(),
                            ours.private_key.secret.bytes());
}

/// Measures with the tunnel itself. @param options  get the file's keepalive.
Result<std::unique_ptr<checks::Question>> NatVerb::make_flow(Subject& subject,
                                                             checks::NatOptions& options) const {
  const auto tunnel = subject.tunnel();
  if (!tunnel) return tl::unexpected(tunnel.error());
  if (!keepalive_) options.keepalive = (*tunnel)->target().keepalive.value_or(seconds(0));
  options.mark = (*tunnel)->target().fwmark;
  const auto about = [](const char* option, const Error& error) {
    return fail(error.code, fmt::format("{}: {}", option, error.context), error.sys_errno);
  };
  checks::FlowHelp help;
  if (!tcp_.empty()) {
    const auto service = Endpoint::parse(tcp_);
    if (!service)
      return fail(Errc::bad_value,
                  fmt::format("--tcp: '{}' is not ADDRESS:PORT: give a service inside the tunnel, "
                              "such as 10.0.0.1:22 or [fd00::1]:22",
                              printable(tcp_)));
    if (const auto fits = checks::check_service((*tunnel)->target(), *service); !fits)
      return about("--tcp", fits.error());
    help.service = *service;
  }
  if (!twin_.empty()) {
    if (has_key_of((*tunnel)->target(), twin_))
      return about(
          "--second-peer",
          {Errc::bad_value,
           fmt::format("{} has the same PrivateKey as the first peer: the second peer must "
                       "have a key of its own",
                       printable(twin_))});
    auto twin = subject.tunnel_of(twin_);
    // The lock of a key is this process's own where both files have one key.
    if (!twin && twin.error().code == Errc::refused)
      return about(
          "--second-peer",
          {Errc::refused, twin.error().context + "; the second peer must have a key of its own"});
    if (!twin) return about("--second-peer", twin.error());
    if (const auto way = checks::twin_addresses((*tunnel)->target(), (*twin)->target()); !way)
      return about("--second-peer", way.error());
    help.twin = std::move(*twin);
  }
  return checks::nat_flow_question(
      **tunnel, std::move(help),
      {.keepalive = options.keepalive,
       .longest_silence = options.lifetime ? options.longest_silence : seconds(0)});
}

Result<std::unique_ptr<checks::Question>> NatVerb::make(Subject& subject) {
  auto options = stun_options();
  if (!options) return tl::unexpected(options.error());
  std::unique_ptr<checks::Question> flow;
  if (!twin_.empty() || !tcp_.empty()) {
    auto made = make_flow(subject, *options);
    if (!made) return made;
    flow = std::move(*made);
    if (options->servers.empty()) return flow;
  } else if (auto taken = take_file(subject, *options); !taken) {
    return tl::unexpected(taken.error());
  }
  if (options->servers.empty())
    return fail(Errc::missing_key,
                "nothing to ask: give STUN servers, preferably two (--stun HOST:PORT --stun "
                "HOST:PORT), or with a tunnel (--config FILE) a second peer of the gateway "
                "(--second-peer FILE) or a TCP service (--tcp ADDRESS:PORT)");
  auto stun = checks::nat_question(std::move(*options));
  if (!stun || !flow) return stun;
  std::vector<std::unique_ptr<checks::Question>> both;
  both.push_back(std::move(*stun));
  both.push_back(std::move(flow));
  return checks::in_turn(std::move(both));
}

}  // namespace

std::unique_ptr<CheckVerb> make_nat() { return std::make_unique<NatVerb>(); }

}  // namespace wgscope::probe
