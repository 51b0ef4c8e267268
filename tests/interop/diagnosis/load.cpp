// A gateway under load asks for proof of address before it works.

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/handshake.hpp"

#include "flood.hpp"
#include "place.hpp"
#include "scenario.hpp"
#include "wait.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using diagnosis::FindingId;

/// Keeps a gateway under load, which each of the floods does for a second.
class Load {
 public:
  explicit Load(const Place& place)
      : flood_(place.ours.path(), place.gateway.keys().public_key,
               std::string(Place::kGateway) + ":51820") {
    const auto loaded = [&] {
      flood_.send();
      return flood_.wait_for_cookie();
    };
    if (!wait_until(loaded, kLongEnough))
      throw std::runtime_error("the gateway does not come under load");
    thread_ = std::jthread([this](const std::stop_token& stop) { keep_up(stop); });
  }

 private:
  void keep_up(const std::stop_token& stop) {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any never;
    while (!stop.stop_requested()) {
      flood_.drain();
      flood_.send();
      never.wait_for(lock, stop, 300ms, [] { return false; });
    }
  }

  Flood flood_;
  std::jthread thread_;
};

Scenario a_gateway_under_load() {
  const auto arrange = [](Place& place, Probe& probe) {
    probe.beside = std::make_shared<Load>(place);
  };
  const auto expect = [](const Outcome& outcome) {
    expect_verdict(outcome, FindingId::under_load);
    ASSERT_EQ(outcome.facts.attempts.size(), 1U);
    EXPECT_GE(outcome.facts.attempts[0].cookies, 1U);
    EXPECT_TRUE(outcome.has_session);
  };
  return {"AGatewayUnderLoad", arrange, expect, true};
}

Scenario a_gateway_under_load_that_does_not_know_us() {
  const auto arrange = [](Place& place, Probe& probe) {
    place.gateway.forget_peer(probe.keys.public_key);
    probe.options.timeout = 8s;
    probe.beside = std::make_shared<Load>(place);
  };
  const auto expect = [](const Outcome& outcome) {
    expect_verdict(outcome, FindingId::under_load_no_response);
    EXPECT_FALSE(outcome.has_session);
  };
  return {"AGatewayUnderLoadThatDoesNotKnowUs", arrange, expect, true};
}

}  // namespace

Scenarios load_scenarios() {
  return {a_gateway_under_load(), a_gateway_under_load_that_does_not_know_us()};
}

}  // namespace wgscope::test
