#include "place.hpp"

#include <sstream>
#include <stdexcept>
#include <string>

#include <fmt/core.h>
#include <linux/if_addr.h>

#include "endpoint_fixture.hpp"
#include "files.hpp"
#include "netns.hpp"
#include "process.hpp"
#include "wait.hpp"

namespace wgscope::test {

void Host::set(const std::string& key, const std::string& value) const {
  inside(path(), [&] { write_file("/proc/sys/" + key, value); });
}

void Host::wait_for_link_local(const std::string& interface) const {
  const auto is_usable = [&](const std::string& line) {
    std::istringstream in(line);
    std::string address, index, bits, scope, flags, name;
    in >> address >> index >> bits >> scope >> flags >> name;
    return name == interface && address.starts_with("fe80") &&
           (std::stoul(flags, nullptr, 16) & IFA_F_TENTATIVE) == 0;
  };
  const auto there = [&] {
    std::istringstream lines(read_file("/proc/thread-self/net/if_inet6"));
    bool found = false;
    for (std::string line; !found && std::getline(lines, line);) found = is_usable(line);
    return found;
  };
  inside(path(), [&] {
    if (!wait_until(there, kLongEnough))
      throw std::runtime_error(interface + " gets no link-local address");
  });
}

Place::Place() {
  // As connect() does it, with fewer processes.
  constexpr const char* kAdd = "link add {} netns {} type veth peer name {} netns {}\n";
  must_run({"ip", "-batch", "-"},
           {.env = {},
            .netns = {},
            .input = fmt::format(kAdd, near.left, ours.name(), near.right, router.name()) +
                     fmt::format(kAdd, far.left, router.name(), far.right, theirs.name())});
  constexpr const char* kUp =
      "address add {1}/24 dev {0}\naddress add {2}/64 dev {0} nodad\nlink set {0} up\n";
  router.set("net/ipv4/ip_forward", "1");
  router.set("net/ipv6/conf/all/forwarding", "1");
  ours.ip(fmt::format(kUp, near.left, "10.1.0.1", "fd01::1") +
          "route add 10.2.0.0/24 via 10.1.0.2\nroute add fd02::/64 via fd01::2");
  router.ip(fmt::format(kUp, near.right, kRouter, kRouter6) +
            fmt::format(kUp, far.left, "10.2.0.2", "fd02::2"));
  theirs.ip(fmt::format(kUp, far.right, kGateway, kGateway6) +
            "route add 10.1.0.0/24 via 10.2.0.2\nroute add fd01::/64 via fd02::2");
  ours.wait_for_link_local(near.left);
  router.wait_for_link_local(near.right);
  router.wait_for_link_local(far.left);
  theirs.wait_for_link_local(far.right);
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
