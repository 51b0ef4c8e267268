#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "wgscope/base/random.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/inner/host.hpp"

namespace wgscope::inner::testing {

using namespace std::chrono_literals;

using Bytes = std::vector<std::byte>;

Bytes bytes_of(std::string_view text);
std::string text_of(std::span<const std::byte> bytes);
Bytes pattern(std::size_t size);  ///< bytes that tell where they stand

class SeededRandom : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  void fill(std::span<std::byte> out) override {
    for (std::byte& byte : out) byte = static_cast<std::byte>(engine_() & 0xffU);
  }

 private:
  std::mt19937_64 engine_;
};

/// What the way between two hosts does to packets.
struct Weather {
  Nanoseconds latency = 10ms;
  Nanoseconds jitter{};  ///< added at random, which reorders
  double loss = 0;
  double duplication = 0;
};

/// Two hosts and the way between them, on virtual time: seconds of it take as long as their packets
/// take to compute.
class Network {
 public:
  explicit Network(std::uint64_t seed = 1, Weather weather = {}, HostConfig left = left_config(),
                   HostConfig right = right_config());

  static HostConfig left_config();
  static HostConfig right_config();

  SeededRandom left_random;
  SeededRandom right_random;
  Host left;
  Host right;
  Weather weather;
  Instant now{1000s};
  /// Sees every packet as it is sent; false takes it away.
  std::function<bool(Host& from, std::span<const std::byte> packet)> filter;
  std::uint64_t digest = 0;  ///< of every packet sent, and when

  /// Lets time go on until `done` or for `most`. `events` sees every event of both hosts.
  /// @returns whether `done`.
  bool run(Nanoseconds most, const std::function<bool()>& done);
  std::function<void(Host& at, const Event& event)> on_event;
  /// When something outside the hosts is due, and what then happens.
  std::function<std::optional<Instant>()> next_alarm;
  std::function<void()> on_alarm;

 private:
  struct Flying {
    Host* to;
    Bytes packet;
  };
  void flush();
  void collect(Host& from, Host& to);
  void launch(Host& to, std::span<const std::byte> packet);
  bool chance(double probability);
  std::optional<Instant> next() const;

  std::mt19937_64 dice_;
  std::multimap<Instant, Flying> flying_;
};

inline IpAddress address(std::string_view text) { return IpAddress::parse(text).value(); }

}  // namespace wgscope::inner::testing
