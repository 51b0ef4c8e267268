#pragma once

#include <cstdint>
#include <thread>
#include <vector>

#include "wgscope/os/unique_fd.hpp"

#include "netns.hpp"

namespace wgscope::test {

/// A TCP service in a namespace that takes what comes and never reads on.
class TestService {
 public:
  enum class Kind : std::uint8_t {
    speaks_first,
    answers,   ///< says nothing before it was asked
    gives_up,  ///< its host stops sending after three seconds without an acknowledgement
  };
  TestService(const NetworkNamespace& netns, Kind kind);
  TestService(const TestService&) = delete;
  TestService& operator=(const TestService&) = delete;
  ~TestService();
  static constexpr std::uint16_t kPort = 2222;

 private:
  void serve();

  Kind kind_;
  os::UniqueFd listener_;
  std::vector<os::UniqueFd> connections_;
  std::thread server_;
};

}  // namespace wgscope::test
