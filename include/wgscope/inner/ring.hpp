#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <vector>

namespace wgscope::inner {

/// A queue that reuses its elements together with the memory they own, so that nothing is allocated
/// after warm-up. It grows by doubling and never shrinks.
template <class T>
class Ring {
 public:
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

  /// Adds an element at the end, which still has the value of its last use.
  T& push() {
    if (size_ == places_.size()) grow();
    ++size_;
    return places_[(first_ + size_ - 1) % places_.size()];
  }

  T& front() {
    assert(!empty());
    return places_[first_];
  }

  /// Removes the first element, which keeps its value until the next push().
  T& pop() {
    T& taken = front();
    first_ = (first_ + 1) % places_.size();
    --size_;
    return taken;
  }

 private:
  void grow() {
    std::rotate(places_.begin(), places_.begin() + static_cast<std::ptrdiff_t>(first_),
                places_.end());
    first_ = 0;
    places_.resize(std::max<std::size_t>(places_.size() * 2, 8));
  }

  std::vector<T> places_;
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace wgscope::inner
