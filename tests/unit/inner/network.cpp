#include "network.hpp"

#include <algorithm>
#include <utility>

namespace wgscope::inner::testing {

Bytes bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Bytes pattern(std::size_t size) {
  Bytes bytes(size);
  std::uint64_t state = 88172645463325252U;
  for (std::byte& byte : bytes) {
    state ^= state << 13U;
    state ^= state >> 7U;
    state ^= state << 17U;
    byte = static_cast<std::byte>(state & 0xffU);
  }
  return bytes;
}

HostConfig Network::left_config() {
  return {{Prefix::parse("10.9.0.1/24").value(), Prefix::parse("fd00:9::1/64").value()}, 1420};
}

HostConfig Network::right_config() {
  return {{Prefix::parse("10.9.0.2/24").value(), Prefix::parse("fd00:9::2/64").value()}, 1420};
}

Network::Network(std::uint64_t seed, Weather way, HostConfig left_host, HostConfig right_host)
    : left_random(seed),
      right_random(seed + 1000),
      left(std::move(left_host), left_random),
      right(std::move(right_host), right_random),
      weather(way),
      dice_(seed) {}

bool Network::chance(double probability) {
  return std::uniform_real_distribution<double>(0, 1)(dice_) < probability;
}

void Network::launch(Host& to, std::span<const std::byte> packet) {
  Nanoseconds delay = weather.latency;
  if (weather.jitter > Nanoseconds{0})
    delay +=
        Nanoseconds{std::uniform_int_distribution<std::int64_t>(0, weather.jitter.count())(dice_)};
  flying_.emplace(now + delay, Flying{&to, {packet.begin(), packet.end()}});
}

void Network::collect(Host& from, Host& to) {
  for (auto packet = from.poll_packet(); !packet.empty(); packet = from.poll_packet()) {
    digest = (digest ^ static_cast<std::uint64_t>(now.since_boot.count())) * 0x100000001b3U;
    for (const std::byte byte : packet)
      digest = (digest ^ std::to_integer<std::uint64_t>(byte)) * 0x100000001b3U;
    if (filter && !filter(from, packet)) continue;
    if (chance(weather.loss)) continue;
    launch(to, packet);
    if (chance(weather.duplication)) launch(to, packet);
  }
}

void Network::flush() {
  for (bool busy = true; busy;) {
    busy = false;
    for (Host* host : {&left, &right})
      while (const auto event = host->poll_event()) {
        busy = true;
        if (on_event) on_event(*host, *event);
      }
    collect(left, right);
    collect(right, left);
  }
}

std::optional<Instant> Network::next() const {
  std::optional<Instant> next;
  const auto consider = [&](std::optional<Instant> at) {
    if (at && (!next || *at < *next)) next = at;
  };
  if (!flying_.empty()) consider(flying_.begin()->first);
  consider(left.next_timeout());
  consider(right.next_timeout());
  if (next_alarm) consider(next_alarm());
  return next;
}

bool Network::run(Nanoseconds most, const std::function<bool()>& done) {
  const Instant end = now + most;
  for (;;) {
    flush();
    if (done()) return true;
    const auto at = next();
    if (!at || *at > end) {
      now = end;
      return false;
    }
    now = std::max(now, *at);
    while (!flying_.empty() && flying_.begin()->first <= now) {
      const Flying arrived = std::move(flying_.begin()->second);
      flying_.erase(flying_.begin());
      arrived.to->handle_packet(now, arrived.packet);
      flush();
    }
    left.handle_timeout(now);
    right.handle_timeout(now);
    if (on_alarm && next_alarm && next_alarm() && *next_alarm() <= now) on_alarm();
  }
}

}  // namespace wgscope::inner::testing
