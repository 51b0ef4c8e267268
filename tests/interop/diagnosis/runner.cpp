#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <semaphore>
#include <thread>
#include <vector>

#include "scenario.hpp"

namespace wgscope::test {
namespace {

/// Most of a scenario's time is spent waiting for WireGuard's timers.
constexpr std::size_t kAtATime = 12;

/// Two at a time, as it takes the processor from those that measure time.
void build(const std::function<void()>& work) {
  static std::counting_semaphore<> builders(2);
  builders.acquire();
  const std::shared_ptr<void> released(nullptr, [](void*) { builders.release(); });
  work();
}

Outcome play(const Scenario& scenario) {
  std::optional<Place> place;
  Probe probe;
  build([&] {
    place.emplace();
    place->gateway.set_peer({.public_key = probe.keys.public_key});
    scenario.arrange(*place, probe);
  });
  Outcome outcome = run_probe(*place, probe);
  probe.beside.reset();
  build([&] { place.reset(); });
  return outcome;
}

}  // namespace

class ScenarioRunner::Workers {
 public:
  Workers(const Scenarios& scenarios, const std::vector<bool>& wanted)
      : scenarios_(scenarios), wanted_(wanted), promises_(scenarios.size()) {
    for (auto& promise : promises_) outcomes_.push_back(promise.get_future().share());
    for (std::size_t i = 0; i < kAtATime; ++i) threads_.emplace_back([this] { work(); });
  }

  const Outcome& outcome(std::size_t index) {
    if (scenarios_[index].alone) {
      threads_.clear();  // waits for all of them
      settle(index);
    }
    return outcomes_[index].get();
  }

 private:
  void work() {
    for (std::size_t i = 0; (i = next_++) < scenarios_.size();)
      if (wanted_[i] && !scenarios_[i].alone) settle(i);
  }

  void settle(std::size_t index) {
    try {
      promises_[index].set_value(play(scenarios_[index]));
    } catch (...) {
      promises_[index].set_exception(std::current_exception());
    }
  }

  const Scenarios& scenarios_;
  const std::vector<bool> wanted_;
  std::vector<std::promise<Outcome>> promises_;
  std::vector<std::shared_future<Outcome>> outcomes_;
  std::atomic<std::size_t> next_ = 0;
  std::vector<std::jthread> threads_;
};

ScenarioRunner::ScenarioRunner(const Scenarios& scenarios, const std::vector<bool>& wanted)
    : workers_(std::make_unique<Workers>(scenarios, wanted)) {}

ScenarioRunner::~ScenarioRunner() = default;

const Outcome& ScenarioRunner::outcome(std::size_t index) { return workers_->outcome(index); }

}  // namespace wgscope::test
