#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "interop/diagnosis/place.hpp"
#include "netns.hpp"
#include "process.hpp"
#include "temp_dir.hpp"

// wgscope mtu --outer over a chain of routers, run by a user who may do nothing. Somewhere on the
// way a link takes less than the others, and its router says so or does not.
//
//   ours ---- r1 ---- r2 ---- r3 ---- far      link k: 10.20.k.1 to 10.20.k.2, fd20:k::1, …

namespace wgscope::test {

inline constexpr std::size_t kLinks = 4;

std::string net(std::size_t link, bool v4);
std::string left(std::size_t link, bool v4);
std::string right(std::size_t link, bool v4);

/// What one run said.
struct Said {
  Finished program;
  nlohmann::json report;

  [[nodiscard]] nlohmann::json check(const std::string& name) const;
  [[nodiscard]] std::string summary(const std::string& name) const;
  /// The first line of a report in text.
  [[nodiscard]] std::string verdict() const { return report.at("verdict"); }
  [[nodiscard]] double seconds() const { return report.at("duration_seconds"); }
};

/// The parameter: over IPv4.
class OuterPath : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override;

  static bool v4() { return GetParam(); }
  static std::string far() { return right(kLinks - 1, v4()); }
  Host& router(std::size_t number) { return *hosts_[number]; }

  /// As most distributions do.
  void allow_echo() { hosts_[0]->set("net/ipv4/ping_group_range", "0 2147483647"); }

  /// A router sends nothing larger to that side.
  void limit_forward(std::size_t number, std::size_t mtu);
  void limit_backward(std::size_t number, std::size_t mtu);
  void drop_too_big(std::size_t number);
  void drop_time_exceeded(std::size_t number);

  Said outer(std::vector<std::string> more = {far()});
  /// The same, interrupted as by Ctrl-C after this span, as timeout(1) takes it.
  Said outer_for(const std::string& span);

  TempDir folder_;

 private:
  Said run_as_nobody(std::vector<std::string> before, const std::vector<std::string>& more);
  void join(std::size_t link);
  void route(std::size_t at);
  void replace_route(std::size_t at, std::size_t link, const std::string& gateway, std::size_t mtu);

  std::array<std::unique_ptr<Host>, kLinks + 1> hosts_;
  std::array<Veth, kLinks> links_;
};

/// What takes long and does not hang on the family; how IPv6 replies are cut is in echo_test.cpp.
class OuterPathOverIpv4 : public OuterPath {};

}  // namespace wgscope::test
