#pragma once

#include <cstdint>
#include <string>

#include "wgscope/os/unique_fd.hpp"

#include "netns.hpp"

namespace wgscope::test {

/// A TCP socket that listens in a namespace, on all addresses.
class ListeningSocket {
 public:
  static constexpr std::uint16_t kPort = 5001;

  explicit ListeningSocket(const NetworkNamespace& netns);
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  os::UniqueFd fd_;
};

/// Whether as many bytes as fill some hundred packets pass over one TCP connection in each
/// direction, without a pause of more than four seconds.
/// @param address  of `to`, as `from` reaches it; IPv4.
bool stream_passes(const NetworkNamespace& from, const NetworkNamespace& to,
                   const std::string& address);

}  // namespace wgscope::test
