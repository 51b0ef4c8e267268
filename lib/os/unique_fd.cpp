#include "wgscope/os/unique_fd.hpp"

#include <unistd.h>
#include <utility>

namespace wgscope::os {

void UniqueFd::reset(int fd) noexcept {
  const int old = std::exchange(fd_, fd);
  if (old >= 0) ::close(old);
}

}  // namespace wgscope::os
