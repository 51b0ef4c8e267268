#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace wgscope {

/// Text that may hold keys, in memory that is wiped when it is given up: at the end, when the text
/// grows out of it, and when it is cleared. Move-only, without any way to print it but view().
class SecretString {
 public:
  SecretString() = default;
  explicit SecretString(std::string_view text) { append(text); }
  SecretString(SecretString&& other) noexcept;
  SecretString& operator=(SecretString&& other) noexcept;
  SecretString(const SecretString&) = delete;
  SecretString& operator=(const SecretString&) = delete;
  ~SecretString() { clear(); }

  /// @param text  may be a part of this text itself.
  void append(std::string_view text);
  /// Room for `size` characters in all, for text whose size is known.
  void reserve(std::size_t size);
  /// Empties and wipes it, and gives its memory back.
  void clear() noexcept;

  /// Valid until the next call of a function that is not const.
  [[nodiscard]] std::string_view view() const { return {memory_.get(), size_}; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

 private:
  std::unique_ptr<char[]> memory_;
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;
};

}  // namespace wgscope
