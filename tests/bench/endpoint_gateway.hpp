#pragma once

#include <cstdint>
#include <string>
#include <sys/types.h>
#include <vector>

#include "wgscope/model/public_key.hpp"
#include "wgscope/os/unique_fd.hpp"

#include "tunnels.hpp"

namespace wgscope::bench {

/// An embedded endpoint in a program of its own, so that its CPU time and memory stand alone: the
/// inner host 10.0.0.1, which answers echo and takes TCP on port 9 and throws it away. Client i may
/// come from 10.0.1.0 + i.
class Gateway {
 public:
  /// @param self  this program: started anew, it is run_gateway().
  Gateway(const std::string& self, const std::vector<PublicKey>& clients);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] const PublicKey& public_key() const { return public_key_; }

 private:
  pid_t pid_ = -1;
  os::UniqueFd stream_;
  std::uint16_t port_ = 0;
  PublicKey public_key_;
};

/// What the program does when Gateway started it: its configuration comes on descriptor 3. Never
/// returns otherwise than by an exception.
int run_gateway();

}  // namespace wgscope::bench
