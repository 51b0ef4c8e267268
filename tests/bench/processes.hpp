#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <sys/types.h>
#include <vector>

#include "wgscope/model/device.hpp"
#include "wgscope/os/unique_fd.hpp"

namespace wgscope::bench {

/// A function in a process of its own, so that its CPU time stands alone. It ends with this object,
/// and with this process. Make it before there are threads.
class Child {
 public:
  /// @param body  gets the child's end of a stream to its parent; the child ends when it returns.
  explicit Child(const std::function<void(int stream)>& body);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] int stream() const { return stream_.get(); }  ///< the parent's end
  void tell(char command) const;
  /// Reads what the child wrote to the stream; throws when it has ended.
  void read(std::span<std::byte> into) const;

 private:
  pid_t pid_ = -1;
  os::UniqueFd stream_;
};

/// A UAPI server that answers get=1 at once from memory.
class UapiServer {
 public:
  /// Listens at `path` for `device`, whose listen port it binds too.
  UapiServer(const std::string& path, const Device& device);

  /// Changes the answer as between two scrapes.
  void change() const;

 private:
  Child child_;
};

/// An HTTP server on 127.0.0.1.
class HttpChild {
 public:
  /// @param serve  never returns; writes the port it listens on (std::uint16_t) to the stream.
  explicit HttpChild(const std::function<void(int stream)>& serve);

  [[nodiscard]] pid_t pid() const { return child_.pid(); }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  Child child_;
  std::uint16_t port_ = 0;
};

/// Runs a program with its output discarded; throws when it fails.
void run_program(const std::vector<std::string>& argv);

/// Bytes of anonymous memory of a process: now, and at the most so far.
struct Memory {
  std::size_t anonymous = 0;
  std::size_t peak = 0;
};
Memory memory_of(pid_t pid);

}  // namespace wgscope::bench
