// Preloaded into a program: kills it with SIGKILL inside a write, at a byte that a test chooses. The kernel looks for a
// fatal signal at each page of a write, so real kills tear lines too, but only one in some ten of them.
//
//   WGSCOPE_TEAR_FILE  a part of the path of the file
//   WGSCOPE_TEAR_AT    how many bytes the program may write to such files before it dies

#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

bool is_to_be_torn(int file) {
  const char* part = std::getenv("WGSCOPE_TEAR_FILE");
  if (part == nullptr) return false;
  std::string path(4096, '\0');
  const ssize_t size =
      readlink(("/proc/self/fd/" + std::to_string(file)).c_str(), path.data(), path.size());
  return size > 0 && path.substr(0, static_cast<std::size_t>(size)).find(part) != std::string::npos;
}

}  // namespace

extern "C" ssize_t write(int file, const void* data, std::size_t size) {
  static std::size_t left = std::strtoul(std::getenv("WGSCOPE_TEAR_AT"), nullptr, 10);
  if (!is_to_be_torn(file)) return syscall(SYS_write, file, data, size);
  if (size > left) {
    syscall(SYS_write, file, data, left);
    kill(getpid(), SIGKILL);
  }
  left -= size;
  return syscall(SYS_write, file, data, size);
}
