#pragma once

#include <sys/socket.h>

namespace wgscope::os {

/// Takes away the error that the kernel would report to the socket's next user. What it was about
/// stays in the error queue.
inline void clear_pending_error(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
}

}  // namespace wgscope::os
