#include "exporter/http/logins.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "wgscope/base/secret_string.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/crypto/blake2s.hpp"
#include "wgscope/crypto/random.hpp"
#include "wgscope/model/address.hpp"

#include "exporter/http/credentials.hpp"
#include "exporter/http/origin.hpp"
#include "exporter/http/web_config.hpp"

namespace wgscope::exporter::http {
namespace {

using namespace std::chrono_literals;

constexpr Nanoseconds kWindow = 60s;         // in which failures of a client are counted
constexpr std::size_t kMostOrigins = 4096;   // whose failures are counted
constexpr std::size_t kMostAccepted = 1000;  // one user has few, unless on purpose

/// What is remembered of a login instead of it.
using Key = crypto::Mac;

struct Task {
  Key key{};
  Origin origin{};
  SecretString password;
  std::string hash;
  bool known_user = false;
  std::optional<bool> result = {};
};

struct Failures {
  Instant since;
  unsigned count = 0;
};

}  // namespace

struct Logins::Shared {
  explicit Shared(Settings given) : settings(std::move(given)) {
    crypto::SystemRandom().fill(secret);
  }

  [[nodiscard]] Key key_of(const Task& task, std::string_view user) const;
  [[nodiscard]] const std::string& hash_for(const Users& users, const std::string& user) const;
  [[nodiscard]] std::optional<Verdict> remembered(const Key& key) const;
  bool has_failed_too_often(const Origin& origin);
  std::shared_ptr<Task> enqueue(Task&& task);
  void note(const Task& task);
  void run();

  const Settings settings;
  std::array<std::byte, 32> secret{};

  std::mutex mutex;  ///< guards what follows
  std::condition_variable work;
  std::condition_variable done;
  std::deque<std::shared_ptr<Task>> queue;  ///< its first is being worked on
  std::size_t waiting = 0;
  std::set<Key> accepted;
  std::set<Key> rejected;
  std::deque<Key> rejected_in_turn;
  std::map<Origin, Failures> failures;
  bool stop = false;
};

/// Each part stands behind its length, so that no two logins have the same bytes. Whether the user
/// is known belongs to it: who was renamed must not get in under the old name, whose hash an unknown
/// user may be given.
Key Logins::Shared::key_of(const Task& task, std::string_view user) const {
  SecretString all;
  for (const std::string_view part : {std::string_view(task.known_user ? "known" : "unknown"), user,
                                      std::string_view(task.hash), task.password.view()}) {
    const std::uint64_t size = part.size();
    all.append({reinterpret_cast<const char*>(&size), sizeof size});
    all.append(part);
  }
  return crypto::mac(secret, std::as_bytes(std::span(all.view())));
}

const std::string& Logins::Shared::hash_for(const Users& users, const std::string& user) const {
  if (const auto known = users.find(user); known != users.end()) return known->second;
  const Key mixed = crypto::mac(secret, std::as_bytes(std::span(user)));
  const std::size_t number =
      (std::to_integer<std::size_t>(mixed[0]) << 8U) + std::to_integer<std::size_t>(mixed[1]);
  return std::next(users.begin(), static_cast<std::ptrdiff_t>(number % users.size()))->second;
}

std::optional<Logins::Verdict> Logins::Shared::remembered(const Key& key) const {
  if (accepted.contains(key)) return Verdict::accepted;
  if (rejected.contains(key)) return Verdict::rejected;
  return std::nullopt;
}

bool Logins::Shared::has_failed_too_often(const Origin& origin) {
  const auto found = failures.find(origin);
  if (found == failures.end()) return false;
  if (settings.clock() - found->second.since >= kWindow) {
    failures.erase(found);
    return false;
  }
  return found->second.count >= kMostFailures;
}

/// The task that answers this login, which another request may wait for already; nothing: there is
/// no room.
std::shared_ptr<Task> Logins::Shared::enqueue(Task&& task) {
  const auto same = std::ranges::find(queue, task.key, [](const auto& one) { return one->key; });
  if (same != queue.end()) return *same;
  const auto of_one =
      std::ranges::count(queue, task.origin, [](const auto& one) { return one->origin; });
  if (queue.size() >= kMostQueued || static_cast<std::size_t>(of_one) >= kMostOfOne) return nullptr;
  queue.push_back(std::make_shared<Task>(std::move(task)));
  work.notify_one();
  return queue.back();
}

void Logins::Shared::note(const Task& task) {
  if (*task.result) {
    if (accepted.size() >= kMostAccepted) accepted.clear();
    accepted.insert(task.key);
    return;
  }
  if (rejected_in_turn.size() >= kRemembered) {
    rejected.erase(rejected_in_turn.front());
    rejected_in_turn.pop_front();
  }
  if (rejected.insert(task.key).second) rejected_in_turn.push_back(task.key);
  const Instant now = settings.clock();
  if (failures.size() >= kMostOrigins)
    std::erase_if(failures, [&](const auto& one) { return now - one.second.since >= kWindow; });
  if (failures.size() >= kMostOrigins) failures.clear();
  Failures& counted = failures.try_emplace(task.origin, Failures{now, 0}).first->second;
  ++counted.count;
}

void Logins::Shared::run() {
  std::unique_lock lock(mutex);
  for (;;) {
    work.wait(lock, [&] { return stop || !queue.empty(); });
    if (stop) return;
    const std::shared_ptr<Task> task = queue.front();
    lock.unlock();
    const bool right = settings.verify(task->password, task->hash) && task->known_user;
    lock.lock();
    task->result = right;
    task->password.clear();
    queue.pop_front();
    note(*task);
    done.notify_all();
  }
}

Logins::Logins(Settings settings) : shared_(std::make_shared<Shared>(std::move(settings))) {
  std::thread([shared = shared_] { shared->run(); }).detach();
}

Logins::~Logins() {
  const std::lock_guard lock(shared_->mutex);
  shared_->stop = true;
  shared_->work.notify_all();
  shared_->done.notify_all();
}

Logins::Verdict Logins::check(const Users& users, const Credentials& credentials,
                              const IpAddress& client) {
  Shared& shared = *shared_;
  Task wanted{.origin = origin_of(client),
              .password = SecretString(credentials.password.view()),
              .hash = shared.hash_for(users, credentials.user),
              .known_user = users.contains(credentials.user)};
  wanted.key = shared.key_of(wanted, credentials.user);
  std::unique_lock lock(shared.mutex);
  if (const auto known = shared.remembered(wanted.key)) return *known;
  if (shared.has_failed_too_often(wanted.origin)) return Verdict::limited;
  if (shared.waiting >= kMostWaiting) return Verdict::busy;
  const auto task = shared.enqueue(std::move(wanted));
  if (!task) return Verdict::busy;
  ++shared.waiting;
  shared.done.wait_for(lock, shared.settings.patience,
                       [&] { return shared.stop || task->result.has_value(); });
  --shared.waiting;
  if (!task->result) return Verdict::busy;
  return *task->result ? Verdict::accepted : Verdict::rejected;
}

}  // namespace wgscope::exporter::http
