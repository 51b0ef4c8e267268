#include "wgscope/checks/mtu.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/crypto/random.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/mtu.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/dont_fragment.hpp"
#include "wgscope/os/udp_socket.hpp"
#include "wgscope/path/hop_search.hpp"
#include "wgscope/wire/measuring.hpp"

#include "checks/handshake/data_trace.hpp"
#include "checks/handshake/silence.hpp"
#include "hop_probing.hpp"
#include "mtu_course.hpp"
#include "mtu_probing.hpp"
#include "mtu_service.hpp"
#include "mtu_tcp.hpp"

namespace wgscope::checks {
namespace {

/// The packets of a session.
class TunnelPackets final : public MtuPackets {
 public:
  /// @param target  inside. @param mark  of packets outside of the tunnel. All outlive this.
  TunnelPackets(Run& run, Session& session, const IpAddress& target,
                std::optional<std::uint32_t> mark)
      : run_(run), session_(session), target_(target), mark_(mark), service_(session, target) {
    allow_fragments(false);
  }

  /// DF is in the headers of IPv4 only, and read where that is permitted.
  void read_headers() {
    const IpAddress& gateway = session_.gateway().address;
    if (gateway.family != Family::v4) return;
    auto tap = os::DontFragmentTap::open(gateway, session_.endpoint().listen_port());
    if (tap) tap_.emplace(std::move(*tap));
  }

  /// Datagrams with DF tell that it is set, also beside some that the gateway has cut itself.
  /// @param after_losses  what run_mtu_course() returned.
  void conclude_cutting(std::optional<bool> after_losses, diagnosis::MtuFacts& facts) {
    if (session_.gateway().address.family != Family::v4) return;
    if (tap_) {
      const auto seen = tap_->read();
      // Our own endpoint sets it for answers of its service alone.
      const bool set = service_.first() ? seen.clear == 0 : seen.set > 0;
      if (seen.set + seen.clear > 0) facts.cutting = {.dont_fragment = set, .read = true};
    } else if (after_losses && facts.forward->controls_lost + facts.backward->controls_lost == 0) {
      facts.cutting = {.dont_fragment = *after_losses, .read = false};
    }
  }

  // As MtuPackets has them.

  [[nodiscard]] Instant now() const override { return os::boot_now(); }
  [[nodiscard]] bool interrupted() const override { return run_.interrupted(); }
  std::unique_ptr<MtuSearching> begin(MtuWay way) override {
    return std::make_unique<MtuProbing>(run_, session_, target_, way, service_);
  }
  void allow_fragments(bool may) override {
    static_cast<void>(session_.endpoint().set_fragmentation(may ? os::Fragmentation::allow
                                                                : os::Fragmentation::probe));
  }
  void ask_service() override { service_.ask(now()); }
  std::optional<wire::MeasuringAnswer> await_service(Instant until) override {
    run_.wait_at_most([&] { return service_.settled(); }, until);
    return service_.first();
  }
  path::HopSearchResult find_hop(const path::HopSearchConfig& config, Instant until) override {
    run_.say(diagnosis::text("looking for the hop towards {} that drops large packets",
                             session_.gateway()));
    return HopProbing(run_, session_, target_).search(config, until);
  }
  std::optional<diagnosis::DataTrace> trace(Instant until) override {
    crypto::SystemRandom random;
    const auto around = SilenceProbe::start(run_, random, session_.gateway(), mark_);
    if (!around) return std::nullopt;
    run_.say(diagnosis::text("looking how far data to {} gets", session_.gateway()));
    if (!run_.wait([&] { return (*around)->done(); }, until) || run_.interrupted())
      return std::nullopt;
    return trace_data(run_, session_, (*around)->facts(), {.mark = mark_, .deadline = until});
  }

 private:
  Run& run_;
  Session& session_;
  IpAddress target_;
  std::optional<std::uint32_t> mark_;
  MtuService service_;
  std::optional<os::DontFragmentTap> tap_;
};

}  // namespace

diagnosis::MtuFacts mtu(Run& run, Session& session, const Target& target,
                        const MtuOptions& options) {
  diagnosis::MtuFacts facts;
  facts.gateway = session.gateway();
  facts.local_port = session.endpoint().listen_port();
  facts.tunnel_mtu = target.mtu;
  facts.overhead = tunnel_overhead(session.gateway().address.family);
  facts.ipv6_inside = std::ranges::any_of(
      target.addresses, [](const Prefix& address) { return address.address.family == Family::v6; });
  facts.target_guessed = !options.target;
  facts.target = options.target ? options.target : guess_inner_target(target);
  if (!facts.target || !session.host().source_for(*facts.target)) return facts;
  const Instant end = options.deadline.value_or(os::boot_now() + kMtuMost);
  TunnelPackets packets(run, session, *facts.target,
                        session.mark_refused() ? std::nullopt : target.fwmark);
  if (options.read_headers) packets.read_headers();
  const auto after_losses = run_mtu_course(packets,
                                           {.quick = options.quick,
                                            .end = end,
                                            .expected_forward = options.expected_forward,
                                            .expected_backward = options.expected_backward},
                                           facts);
  packets.conclude_cutting(after_losses, facts);
  if (options.tcp_port && !run.interrupted())
    facts.tcp = ask_mss(run, session,
                        {options.tcp_address.value_or(*facts.target), 0, *options.tcp_port}, end);
  facts.interrupted = run.interrupted();
  return facts;
}

}  // namespace wgscope::checks
