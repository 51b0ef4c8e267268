#include "outer_path.hpp"

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "interop/diagnosis/place.hpp"
#include "need.hpp"
#include "netns.hpp"
#include "paths.hpp"
#include "process.hpp"

namespace wgscope::test {

std::string net(std::size_t link, bool v4) {
  return v4 ? fmt::format("10.20.{}.0/24", link) : fmt::format("fd20:{}::/64", link + 1);
}
std::string left(std::size_t link, bool v4) {
  return v4 ? fmt::format("10.20.{}.1", link) : fmt::format("fd20:{}::1", link + 1);
}
std::string right(std::size_t link, bool v4) {
  return v4 ? fmt::format("10.20.{}.2", link) : fmt::format("fd20:{}::2", link + 1);
}

nlohmann::json Said::check(const std::string& name) const {
  for (const auto& check : report.at("checks"))
    if (check.at("name") == name) return check;
  return {};
}

std::string Said::summary(const std::string& name) const {
  const auto found = check(name);
  return found.is_null() ? "no such check: " + program.out : found.at("summary").get<std::string>();
}

void OuterPath::SetUp() {
  WGSCOPE_NEED(why_no_netns());
  for (auto& host : hosts_) host = std::make_unique<Host>();
  for (std::size_t link = 0; link < kLinks; ++link) join(link);
  for (std::size_t at = 0; at <= kLinks; ++at) route(at);
  for (std::size_t link = 0; link < kLinks; ++link) {
    hosts_[link]->wait_for_link_local(links_[link].left);
    hosts_[link + 1]->wait_for_link_local(links_[link].right);
  }
  // Where nobody may go: the build folder may be in somebody's home.
  std::filesystem::permissions(folder_.path(), std::filesystem::perms(0755));
  std::filesystem::copy_file(binary_dir() / "probe/wgscope", folder_ / "wgscope");
  allow_echo();
}

void OuterPath::limit_forward(std::size_t number, std::size_t mtu) {
  for (std::size_t link = number; link < kLinks; ++link)
    replace_route(number, link, right(number, v4()), mtu);
}

void OuterPath::limit_backward(std::size_t number, std::size_t mtu) {
  for (std::size_t link = 0; link < number; ++link)
    replace_route(number, link, left(number - 1, v4()), mtu);
}

void OuterPath::drop_too_big(std::size_t number) {
  Place::add_rule(router(number), "output",
                  v4() ? "icmp type destination-unreachable icmp code 4 drop"
                       : "icmpv6 type packet-too-big drop");
}

void OuterPath::drop_time_exceeded(std::size_t number) {
  Place::add_rule(router(number), "output",
                  v4() ? "icmp type time-exceeded drop" : "icmpv6 type time-exceeded drop");
}

Said OuterPath::outer(std::vector<std::string> more) { return run_as_nobody({}, more); }

Said OuterPath::outer_for(const std::string& span) {
  return run_as_nobody({"timeout", "--foreground", "--signal=INT", span}, {far()});
}

Said OuterPath::run_as_nobody(std::vector<std::string> before,
                              const std::vector<std::string>& more) {
  std::vector<std::string> argv = std::move(before);
  for (const std::string& word : std::vector<std::string>{
           "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all",
           "--bounding-set=-all", folder_ / "wgscope", "mtu", "--outer", "--json", "--verbose"})
    argv.push_back(word);
  argv.insert(argv.end(), more.begin(), more.end());
  Said said{.program = run(argv, {.env = {}, .netns = hosts_[0]->name(), .input = {}},
                           std::chrono::seconds(100)),
            .report = {}};
  said.report = nlohmann::json::parse(said.program.out, nullptr, false);
  EXPECT_TRUE(said.report.is_object()) << said.program.out << said.program.err;
  return said;
}

void OuterPath::join(std::size_t link) {
  links_[link] = connect(*hosts_[link], left(link, true) + "/24", *hosts_[link + 1],
                         right(link, true) + "/24");
  hosts_[link]->ip(
      fmt::format("address add {}/64 dev {} nodad", left(link, false), links_[link].left));
  hosts_[link + 1]->ip(
      fmt::format("address add {}/64 dev {} nodad", right(link, false), links_[link].right));
}

void OuterPath::route(std::size_t at) {
  hosts_[at]->set("net/ipv4/ip_forward", "1");
  hosts_[at]->set("net/ipv6/conf/all/forwarding", "1");
  std::string commands;
  for (std::size_t link = 0; link < kLinks; ++link) {
    if (link == at || link + 1 == at) continue;
    for (const bool four : {true, false})
      commands += fmt::format("route add {} via {}\n", net(link, four),
                              link > at ? right(at, four) : left(at - 1, four));
  }
  hosts_[at]->ip(commands);
}

void OuterPath::replace_route(std::size_t at, std::size_t link, const std::string& gateway,
                              std::size_t mtu) {
  const bool own = link == at || link + 1 == at;
  const std::string way =
      own ? "dev " + (link == at ? links_[link].left : links_[link].right) : "via " + gateway;
  hosts_[at]->ip(fmt::format("route {} {} {} {} mtu lock {}", v4() || !own ? "replace" : "add",
                             net(link, v4()), way, v4() || !own ? "" : "metric 1", mtu));
}

}  // namespace wgscope::test
