#pragma once

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace wgscope::path {

/// What an engine wants to be sent, handed out one by one in the order in which it was queued. A
/// part of the engines, whose poll_…() functions read it.
template <class Item>
class Outbox {
 public:
  void push(Item item) { items_.push_back(std::move(item)); }

  /// Takes out the oldest item. Nothing: the outbox is empty.
  std::optional<Item> poll() {
    if (read_ == items_.size()) {
      clear();
      return std::nullopt;
    }
    return std::move(items_[read_++]);
  }

  void clear() {
    items_.clear();
    read_ = 0;
  }

 private:
  std::vector<Item> items_;  ///< keeps its memory, because a queue is emptied again and again
  std::size_t read_ = 0;     ///< items before this index were handed out
};

}  // namespace wgscope::path
