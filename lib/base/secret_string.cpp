#include "wgscope/base/secret_string.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "wgscope/base/secret.hpp"

namespace wgscope {

SecretString::SecretString(SecretString&& other) noexcept
    : memory_(std::move(other.memory_)),
      capacity_(std::exchange(other.capacity_, 0)),
      size_(std::exchange(other.size_, 0)) {}

SecretString& SecretString::operator=(SecretString&& other) noexcept {
  if (this == &other) return *this;
  clear();
  memory_ = std::move(other.memory_);
  capacity_ = std::exchange(other.capacity_, 0);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

void SecretString::append(std::string_view text) {
  if (capacity_ - size_ >= text.size()) {
    std::ranges::copy(text, memory_.get() + size_);
    size_ += text.size();
    return;
  }
  // The new memory is filled before the old is wiped: `text` may lie in it.
  SecretString grown;
  grown.reserve(std::max(2 * capacity_, size_ + text.size()));
  std::ranges::copy(view(), grown.memory_.get());
  std::ranges::copy(text, grown.memory_.get() + size_);
  grown.size_ = size_ + text.size();
  *this = std::move(grown);
}

void SecretString::reserve(std::size_t size) {
  if (size <= capacity_) return;
  auto larger = std::make_unique_for_overwrite<char[]>(size);
  std::ranges::copy(view(), larger.get());
  const std::size_t used = size_;
  clear();
  memory_ = std::move(larger);
  capacity_ = size;
  size_ = used;
}

void SecretString::clear() noexcept {
  if (memory_) wipe(std::span(memory_.get(), capacity_));
  memory_.reset();
  capacity_ = 0;
  size_ = 0;
}

}  // namespace wgscope
