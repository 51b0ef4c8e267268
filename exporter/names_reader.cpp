#include "exporter/names_reader.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/os/no_signals.hpp"

#include "exporter/names.hpp"

namespace wgscope::exporter {
namespace {

constexpr std::chrono::seconds kLongestGoodbye{2};

std::atomic<bool> was_left_behind = false;

}  // namespace

struct NamesReader::Shared {
  explicit Shared(std::vector<NamesFile> files) : names(std::move(files)) {}

  Names names;  ///< of the thread
  std::mutex mutex;
  std::condition_variable changed;
  // What follows is guarded by the mutex.
  bool asked = false;
  bool reading = false;
  bool stopped = false;
  bool ended = false;
  State state;

  void run() {
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock, [this] { return asked || stopped; });
      if (stopped) break;
      asked = false;
      reading = true;
      lock.unlock();
      std::vector<std::string> messages = names.refresh();
      lock.lock();
      reading = false;
      state.names = names.current();
      state.report = names.report();
      std::ranges::move(messages, std::back_inserter(state.messages));
      changed.notify_all();
    }
    ended = true;
    changed.notify_all();
  }
};

NamesReader::NamesReader(std::vector<NamesFile> files) {
  if (files.empty()) return;
  shared_ = std::make_shared<Shared>(std::move(files));
  const os::NoSignals blocked;
  std::thread([shared = shared_] { shared->run(); }).detach();
}

NamesReader::~NamesReader() {
  if (!shared_) return;
  std::unique_lock lock(shared_->mutex);
  shared_->stopped = true;
  shared_->changed.notify_all();
  if (!shared_->changed.wait_for(lock, kLongestGoodbye, [this] { return shared_->ended; }))
    was_left_behind = true;
}

NamesReader::State NamesReader::refresh(Nanoseconds patience) {
  if (!shared_) return {};
  std::unique_lock lock(shared_->mutex);
  // One that has been going on for longer than a scrape's patience is not waited for again.
  if (!shared_->reading) {
    shared_->asked = true;
    shared_->changed.notify_all();
    shared_->changed.wait_for(lock, patience,
                              [this] { return !shared_->asked && !shared_->reading; });
  }
  State state = shared_->state;
  shared_->state.messages.clear();
  return state;
}

bool NamesReader::left_behind() { return was_left_behind; }

}  // namespace wgscope::exporter
