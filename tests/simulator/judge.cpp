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
  return within(truth.scope, firing) && truth.begin - truth.unsure <= firing.begin &&
         firing.begin <= truth.end + kMemory;
}

bool is_named(const Truth& truth, const Firing& firing) {
  return truth.alert == label(firing, "alertname");
}

bool is_right_too(const Truth& truth, const Firing& firing) {
  return std::ranges::find(truth.also, label(firing, "alertname")) != truth.also.end();
}

template <class May>
std::vector<const Firing*> false_alarms(const std::vector<Truth>& truths,
                                        const std::vector<Firing>& firings, May&& may) {
  std::vector<const Firing*> all;
  for (const Firing& firing : firings)
    if (std::none_of(truths.begin(), truths.end(), [&](const Truth& truth) {
          return may(truth, firing) && explains(truth, firing);
        }))
      all.push_back(&firing);
  return all;
}

template <class Names>
std::vector<Named> faults_named(const std::vector<Truth>& truths,
                                const std::vector<Firing>& firings, const Promises& promises,
                                Names&& names) {
  std::vector<Named> all;
  for (const Truth& truth : truths) {
    if (!truth.injected) continue;
    Named named{&truth, std::nullopt, promises.at(truth.alert)};
    for (const Firing& firing : firings)
      if (names(truth, firing) && explains(truth, firing))
        named.after = std::min(named.after.value_or(Time::max()),
                               std::max(Time(0), firing.begin - truth.begin));
    all.push_back(named);
  }
  return all;
}

}  // namespace

std::vector<Firing> without_pauses(std::vector<Firing> firings, const std::vector<Pause>& pauses,
                                   Time evaluation) {
  for (Firing& firing : firings)
    for (const Pause& pause : pauses)
      if (firing.begin >= pause.begin && firing.begin < pause.end)
        firing.begin = (pause.end + evaluation - Time(1)) / evaluation * evaluation;
  std::erase_if(firings, [](const Firing& firing) { return firing.begin >= firing.end; });
  return firings;
}

Verdict judge(const std::vector<Truth>& truths, const std::vector<Firing>& firings,
              const Promises& promises) {
  const auto may = [](const Truth& truth, const Firing& firing) {
    return is_named(truth, firing) || is_right_too(truth, firing);
  };
  return {faults_named(truths, firings, promises, is_named), false_alarms(truths, firings, may)};
}

Verdict judge_any(const std::vector<Truth>& truths, const std::vector<Firing>& firings,
                  const Promises& promises) {
  const auto names = [](const Truth& truth, const Firing&) { return !truth.scope.key.empty(); };
  return {faults_named(truths, firings, promises, names), false_alarms(truths, firings, names)};
}

}  // namespace wgscope::simulator
