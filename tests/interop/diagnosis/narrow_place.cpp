#include "narrow_place.hpp"

#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/mtu.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/checks/stamps.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"

#include "endpoint_fixture.hpp"
#include "netns.hpp"
#include "place.hpp"

namespace wgscope::test {
namespace {

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().context);
  return std::move(*result);
}

}  // namespace

void NarrowPlace::limit(const char* network, const std::string& interface, std::size_t mtu) const {
  router.must({"ip", v4_ ? "-4" : "-6", "route", v4_ ? "replace" : "add", network, "dev", interface,
               "metric", v4_ ? "0" : "1", "mtu", "lock", std::to_string(mtu)});
}

void NarrowPlace::limit_forward(std::size_t mtu) const {
  limit(v4_ ? "10.2.0.0/24" : "fd02::/64", far.left, mtu);
}

void NarrowPlace::limit_backward(std::size_t mtu) const {
  limit(v4_ ? "10.1.0.0/24" : "fd01::/64", near.right, mtu);
}

void NarrowPlace::silence_router() const {
  add_rule(router, "output",
           v4_ ? "icmp type destination-unreachable drop" : "icmpv6 type packet-too-big drop");
}

void NarrowPlace::drop_fragments(const NetworkNamespace& host) const {
  add_rule(host, "prerouting", v4_ ? "ip frag-off & 0x3fff != 0 drop" : "exthdr frag exists drop");
}

MeasuredMtu measure_mtu(const Place& place, const std::string& config,
                        const checks::MtuOptions& options) {
  auto parsed = must(config::parse_wg_quick(config));
  const auto named = parsed.peers.at(0).endpoint.value();
  const Endpoint gateway{.address = must(IpAddress::parse(named.host)), .port = named.port};
  const auto target = must(checks::make_target(std::move(parsed)));
  MeasuredMtu measured;
  inside(place.ours.path(), [&] {
    auto run = must(checks::Run::open());
    checks::Stamps stamps;
    const auto session = must(checks::Session::open(run, target, gateway, stamps));
    session->initiate();
    if (!run.wait([&] { return session->established(); }, os::boot_now() + kLongEnough))
      throw std::runtime_error("no handshake");
    const Instant begun = os::boot_now();
    measured.facts = checks::mtu(run, *session, target, options);
    measured.took = os::boot_now() - begun;
  });
  return measured;
}

}  // namespace wgscope::test
