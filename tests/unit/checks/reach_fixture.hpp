#pragma once

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/handshake.hpp"
#include "wgscope/checks/reach.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/checks/stamps.hpp"
#include "wgscope/config/expectations.hpp"
#include "wgscope/diagnosis/reach.hpp"

#include "gateway.hpp"

namespace wgscope::checks {

/// A tunnel to a gateway on the loopback interface. Inside, 10.9.0.1 and fd09::1 are the gateway,
/// and every other address of its networks is silent.
class ReachInTunnel : public testing::Test {
 protected:
  explicit ReachInTunnel(const test::GatewayOptions& gateway = {}) : gateway_(run_, gateway) {}

  static config::Expectation open(config::ReachKind kind, std::string_view target) {
    auto parsed = config::parse_target(kind, target);
    if (!parsed) throw std::runtime_error(parsed.error().context);
    return std::move(*parsed);
  }
  static config::Expectation closed(std::string_view target) {
    auto parsed = config::parse_closed_target(target);
    if (!parsed) throw std::runtime_error(parsed.error().context);
    return std::move(*parsed);
  }

  void connect(const Target& target) {
    HandshakeOptions options;
    options.data = false;
    options.go_on = true;
    session_ = handshake(run_, target, stamps_, options).session;
    ASSERT_TRUE(session_);
  }
  diagnosis::ReachFacts reach(const std::vector<config::Expectation>& wanted) {
    if (!session_) connect(gateway_.target());
    return checks::reach(run_, *session_, wanted, options_);
  }
  /// For targets that are silent.
  void be_impatient() { options_.try_timeout = std::chrono::milliseconds{150}; }

  checks::Run run_ = *checks::Run::open();
  Stamps stamps_;
  test::Gateway gateway_;
  std::unique_ptr<Session> session_;
  ReachOptions options_ = reach_options(gateway_.target());
};

}  // namespace wgscope::checks
