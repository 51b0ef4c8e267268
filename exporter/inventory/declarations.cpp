#include "exporter/inventory/declarations.hpp"

#include <array>
#include <exception>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "exporter/inventory/files.hpp"
#include "exporter/inventory/lookups.hpp"
#include "exporter/inventory/prepared.hpp"

namespace wgscope::exporter {
namespace {

std::string system_host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

}  // namespace

Declarations::Declarations(Settings settings, Warn warn)
    : settings_(std::move(settings)),
      warn_(std::move(warn)),
      files_(settings_.paths),
      state_(std::make_shared<const State>()) {
  look(true);
}

void Declarations::watch() {
  lookups_ = std::make_unique<NameLookups>(settings_.lookups);
  if (const auto now = state(); now->inventory) lookups_->want(now->inventory->endpoint_names());
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Declarations::reload() {
  {
    const std::lock_guard lock(mutex_);
    reload_asked_ = true;
  }
  asked_.notify_all();
}

std::shared_ptr<const Declarations::State> Declarations::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

std::shared_ptr<const NameLookups::Known> Declarations::names() const {
  return lookups_ ? lookups_->known() : nullptr;
}

void Declarations::look(bool at_once) {
  auto found = files_.look(at_once);
  if (!found.message.empty()) warn_(found.message);
  State next = *state();
  if (!found.read && next.success == files_.success()) return;
  next.success = files_.success();
  next.lint = std::move(found.lint);
  if (found.read) {
    PreparedInventory::Settings use = settings_.use;
    use.host = !settings_.host.empty() ? settings_.host
                                       : its_name_in(found.read->inventory, system_host_name());
    next.inventory = std::make_shared<const PreparedInventory>(std::move(*found.read), use);
    if (next.success) next.reloaded = settings_.clock().wall;
    say_remarks(*next.inventory);
    if (lookups_) lookups_->want(next.inventory->endpoint_names());
  }
  auto published = std::make_shared<const State>(std::move(next));
  const std::lock_guard lock(mutex_);
  state_.swap(published);  // the old one may be the last of its kind, and ends without the lock
}

/// What is no error of the files, and keeps a part of them from being used.
void Declarations::say_remarks(const PreparedInventory& inventory) {
  std::string remarks;
  if (!inventory.is_for_this_host())
    remarks = fmt::format(
        "inventory: it declares interfaces, but none for the host {}, so nothing is compared: give "
        "the host's name in the inventory with --host",
        inventory.declared().host());
  if (!inventory.refused_labels().empty())
    remarks += fmt::format(
        "{}these labels are not exported, because the exporter has labels of the same names: {}",
        remarks.empty() ? "inventory: " : "; ", fmt::join(inventory.refused_labels(), ", "));
  if (!remarks.empty() && remarks != remarks_) warn_(remarks);
  remarks_ = std::move(remarks);
}

void Declarations::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    bool at_once = false;
    {
      std::unique_lock lock(mutex_);
      asked_.wait_for(lock, stop, settings_.interval, [this] { return reload_asked_; });
      at_once = std::exchange(reload_asked_, false);
    }
    if (stop.stop_requested()) return;
    // What would end the program on this thread costs one reading instead.
    try {
      look(at_once);
    } catch (const std::exception& error) {
      warn_(fmt::format("inventory: it could not be read: {}", error.what()));
    }
  }
}

}  // namespace wgscope::exporter
