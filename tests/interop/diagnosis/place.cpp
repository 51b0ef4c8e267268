#include "place.hpp"

#include <string>

#include <fmt/core.h>

#include "endpoint_fixture.hpp"
#include "files.hpp"
#include "netns.hpp"
#include "process.hpp"

namespace wgscope::test {

void Host::set(const std::string& key, const std::string& value) const {
  inside(path(), [&] { write_file("/proc/sys/" + key, value); });
}

Place::Place() {
  router.set("net/ipv4/ip_forward", "1");
  router.set("net/ipv6/conf/all/forwarding", "1");
  ours.ip(
      fmt::format("address add fd01::1/64 dev {}\n"
                  "route add 10.2.0.0/24 via 10.1.0.2\n"
                  "route add fd02::/64 via fd01::2",
                  near.left));
  router.ip(
      fmt::format("address add fd01::2/64 dev {}\n"
                  "address add fd02::2/64 dev {}",
                  near.right, far.left));
  theirs.ip(
      fmt::format("address add fd02::1/64 dev {}\n"
                  "route add 10.1.0.0/24 via 10.2.0.2\n"
                  "route add fd01::/64 via fd02::2",
                  far.right));
}

void Place::add_rule(const NetworkNamespace& host, const std::string& hook,
                     const std::string& rule) {
  inside(host.path(), [&] {
    must_run({"nft", "-f", "-"},
             {.env = {},
              .netns = {},
              .input = fmt::format(
                  "table inet wgs {{ chain {0} {{ type filter hook {0} priority 0; {1}; }}; }}\n",
                  hook, rule)});
  });
}

}  // namespace wgscope::test
