#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <string_view>
#include <thread>

// Clients that hold on to an exporter in every way that is known to us.
namespace wgscope::bench {

enum class Clients : std::uint8_t {
  silent,       ///< connect and say nothing
  half,         ///< stop in the middle of their request
  dripping,     ///< send it a byte at a time
  body,         ///< announce a body and do not send it
  hello,        ///< begin a TLS handshake and stop inside the ClientHello
  handshake,    ///< send the whole ClientHello, and do not go on
  slow,         ///< read 16 KiB a second through a small window
  not_reading,  ///< ask for the metrics and read nothing
  half_closed,  ///< send half a request and close their half of the connection
  reset,        ///< reset their connections once their first bytes are sent, and come again
  staying,      ///< ask for a small page, and stay
  asking,       ///< ask for fifty small pages at once every second, on the same connection
};
inline constexpr std::array<std::string_view, 12> kClients{"silent",
                                                           "half a request",
                                                           "dripping",
                                                           "announcing a body",
                                                           "inside a ClientHello",
                                                           "inside a handshake",
                                                           "slow",
                                                           "not reading",
                                                           "half closed",
                                                           "resetting",
                                                           "staying",
                                                           "asking again"};

struct AttackPlan {
  Clients kind = Clients::silent;
  std::size_t clients = 1000;  ///< at any time: who is sent away comes again
  std::size_t addresses = 1;   ///< from 127.1.0.1 on
  std::uint16_t port = 0;      ///< of 127.0.0.1
  bool tls = false;            ///< the server speaks it, and so do the clients as far as they get
};

/// Such clients, from its construction to its end, on a thread of its own. Small segments and windows
/// keep the loopback from reading for them.
class Attack {
 public:
  /// @param cpu  that the thread stays on; negative: any
  Attack(const AttackPlan& plan, int cpu);
  Attack(const Attack&) = delete;
  Attack& operator=(const Attack&) = delete;
  ~Attack() = default;

  [[nodiscard]] std::size_t connected() const { return connected_; }  ///< so far, all in all

 private:
  void run(const std::stop_token& stop, int cpu);

  AttackPlan plan_;
  std::atomic<std::size_t> connected_ = 0;
  std::jthread thread_;
};

/// Makes so many connections one after the other, by turns of every kind, each closed again.
void come_and_go(std::uint16_t port, bool tls, std::size_t connections);

}  // namespace wgscope::bench
