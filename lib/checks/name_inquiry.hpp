#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/wire/dns.hpp"

#include "checks/nat/nat_sockets.hpp"

namespace wgscope::checks {

/// Asks each name server of /etc/resolv.conf for a name, to learn what getaddrinfo(3) does not tell:
/// whether a server was silent, or answered with an error. On the run's loop, while the caller waits
/// for other things.
///
/// What it cannot know: which of them the system asked, as nsswitch.conf(5) may send it elsewhere,
/// and what a server answers over TCP or to a name with a search domain behind it.
class NameInquiry {
 public:
  /// Begins. @param family  whose addresses are asked for; absent: IPv4.
  NameInquiry(Run& run, const std::string& name, std::optional<Family> family);
  NameInquiry(const NameInquiry&) = delete;
  NameInquiry& operator=(const NameInquiry&) = delete;
  ~NameInquiry() = default;

  /// All have answered, or the time for that is over.
  [[nodiscard]] bool done() const;
  [[nodiscard]] Instant end() const { return end_; }
  [[nodiscard]] const std::vector<diagnosis::NameServerFacts>& found() const { return found_; }

  static constexpr Nanoseconds kPatience = std::chrono::milliseconds{1500};

 private:
  struct Asked {
    Endpoint server;
    std::optional<std::size_t> socket;
    std::uint16_t id = 0;
  };
  void ask_all();
  void take(std::size_t socket, const Endpoint& from, std::span<const std::byte> bytes);
  void take_unreachable(std::size_t socket);
  [[nodiscard]] bool is_told(std::size_t server) const;
  [[nodiscard]] std::optional<std::size_t> server_of(std::size_t socket) const;

  Run& run_;
  wire::DnsQuestion question_;
  std::vector<Asked> asked_;
  std::vector<diagnosis::NameServerFacts> found_;  ///< in the order of asked_
  Instant end_;
  std::optional<Instant> again_;
  NatSockets sockets_;
  os::PollLoop::Watch timer_;
};

}  // namespace wgscope::checks
