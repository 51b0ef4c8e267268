#include "judge.hpp"

#include <algorithm>

namespace wgscope::simulator {
namespace {

std::string label(const Firing& firing, const std::string& name) {
  const auto found = firing.labels.find(name);
  return found == firing.labels.end() ? "" : found->second;
}

bool within(const Scope& scope, const Firing& firing) {
  const auto fits = [&](const std::string& value, const std::string& name) {
    return value.empty() || value == label(firing, name);
  };
  return fits(scope.instance, "instance") && fits(scope.interface, "interface") &&
         fits(scope.key, "public_key");
}

bool explains(const Truth& truth, const Firing& firing) {
  return within(truth.scope, firing) && truth.begin <= firing.begin &&
         firing.begin <= truth.end + kMemory;
}

template <class Means>
Verdict judge_if(const std::vector<Truth>& truths, const std::vector<Firing>& firings,
                 const Promises& promises, Means&& means) {
  Verdict verdict;
  for (const Firing& firing : firings)
    if (std::none_of(truths.begin(), truths.end(), [&](const Truth& truth) {
          return means(truth, firing) && explains(truth, firing);
        }))
      verdict.false_alarms.push_back(&firing);
  for (const Truth& truth : truths) {
    if (!truth.injected) continue;
    Named named{&truth, std::nullopt, promises.at(truth.alert)};
    for (const Firing& firing : firings)
      if (means(truth, firing) && explains(truth, firing))
        named.after = std::min(named.after.value_or(Time::max()), firing.begin - truth.begin);
    verdict.faults.push_back(named);
  }
  return verdict;
}

}  // namespace

Verdict judge(const std::vector<Truth>& truths, const std::vector<Firing>& firings,
              const Promises& promises) {
  return judge_if(truths, firings, promises, [](const Truth& truth, const Firing& firing) {
    return truth.alert == label(firing, "alertname");
  });
}

Verdict judge_any(const std::vector<Truth>& truths, const std::vector<Firing>& firings,
                  const Promises& promises) {
  return judge_if(truths, firings, promises,
                  [](const Truth& truth, const Firing&) { return !truth.scope.key.empty(); });
}

}  // namespace wgscope::simulator
