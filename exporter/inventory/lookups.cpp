#include "exporter/inventory/lookups.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "wgscope/audit/drift.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/no_signals.hpp"

namespace wgscope::exporter {
namespace {

struct Name {
  Instant wanted;                  ///< since when
  std::optional<Instant> started;  ///< the last look-up
  std::optional<Instant> found;    ///< the last one that succeeded
  audit::Resolution resolution;
};

}  // namespace

struct NameLookups::Shared {
  explicit Shared(Settings given) : settings(std::move(given)) {}

  const Settings settings;
  std::mutex mutex;
  std::condition_variable changed;
  // What follows is guarded by the mutex.
  bool stopped = false;
  std::map<std::string, Name> names;
  std::shared_ptr<const Known> known = std::make_shared<const Known>();

  /// Of the names whose turn it is, the one that was looked up longest ago.
  [[nodiscard]] std::map<std::string, Name>::iterator next(Instant now) {
    auto best = names.end();
    for (auto name = names.begin(); name != names.end(); ++name) {
      const Name& one = name->second;
      if (one.started && now - *one.started < settings.interval) continue;
      if (best == names.end() || one.started < best->second.started) best = name;
    }
    return best;
  }

  void publish() {
    auto made = std::make_shared<Known>();
    for (const auto& [host, name] : names) {
      const Instant since = name.found.value_or(name.wanted);
      if (!made->oldest || since < *made->oldest) made->oldest = since;
      if (name.started && (name.found || name.resolution.failed))
        made->resolutions.emplace(host, name.resolution);
    }
    known = std::move(made);
  }
};

NameLookups::NameLookups(Settings settings)
    : shared_(std::make_shared<Shared>(std::move(settings))) {
  const os::NoSignals in_the_thread;
  std::thread([shared = shared_] { run(shared); }).detach();
}

NameLookups::~NameLookups() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stopped = true;
  }
  shared_->changed.notify_all();
}

void NameLookups::want(const std::vector<std::string>& names) {
  const Instant now = shared_->settings.clock().boot;
  {
    const std::lock_guard lock(shared_->mutex);
    std::map<std::string, Name> wanted;
    for (std::size_t i = 0; i < std::min(names.size(), kMostNames); ++i) {
      if (auto known = shared_->names.extract(names[i]))
        wanted.insert(std::move(known));
      else
        wanted.try_emplace(names[i],
                           Name{.wanted = now, .started = {}, .found = {}, .resolution = {}});
    }
    shared_->names = std::move(wanted);
    shared_->publish();
  }
  shared_->changed.notify_all();
}

std::shared_ptr<const NameLookups::Known> NameLookups::known() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->known;
}

void NameLookups::run(const std::shared_ptr<Shared>& shared) {
  const Settings& settings = shared->settings;
  std::unique_lock lock(shared->mutex);
  while (!shared->stopped) {
    const auto due = shared->next(settings.clock().boot);
    if (due == shared->names.end()) {
      // Looks at all names again every so often, instead of working out when the next one is due.
      shared->changed.wait_for(lock,
                               std::min<Nanoseconds>(settings.interval, std::chrono::seconds(5)));
      continue;
    }
    const std::string host = due->first;
    due->second.started = settings.clock().boot;
    lock.unlock();
    const auto found = settings.look_up(host);
    lock.lock();
    if (const auto name = shared->names.find(host); name != shared->names.end()) {
      audit::Resolution& resolution = name->second.resolution;
      resolution = {};
      resolution.at = settings.clock().boot;
      resolution.failed = !found;
      if (found) {
        for (const Endpoint& endpoint : *found) resolution.addresses.push_back(endpoint.address);
        std::ranges::sort(resolution.addresses);
        name->second.found = resolution.at;
      }
      shared->publish();
    }
    shared->changed.wait_for(lock, settings.pause, [&] { return shared->stopped; });
  }
}

}  // namespace wgscope::exporter
