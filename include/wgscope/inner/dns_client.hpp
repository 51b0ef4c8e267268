#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "wgscope/base/random.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/inner/host.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/wire/dns.hpp"

namespace wgscope::inner {

struct DnsLookupOptions {
  Nanoseconds wait = std::chrono::seconds{2};  ///< for an answer to each query; above 0
  int tries = 3;                               ///< queries in all; at least 1
};

/// One question to one server inside the tunnel, over UDP, repeated until it is answered or the
/// tries are used up. Its port and identifier are random, and only an answer from the server that
/// was asked, to them and to the question, counts (RFC 5452 §9).
class DnsLookup {
 public:
  /// Sends the first query.
  /// @param host  outlives the lookup.
  /// @returns bad_value for an invalid name or an address that the host cannot reach, io when the
  /// queue is full.
  static Result<DnsLookup> start(Instant now, Host& host, Random& random, const Endpoint& server,
                                 const wire::DnsQuestion& question, DnsLookupOptions options = {});

  DnsLookup(DnsLookup&& other) noexcept;
  DnsLookup& operator=(DnsLookup&&) = delete;
  DnsLookup(const DnsLookup&) = delete;
  DnsLookup& operator=(const DnsLookup&) = delete;
  ~DnsLookup();

  /// @returns whether the event was about this lookup.
  bool handle_event(Instant now, const Event& event);
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Instant> next_timeout() const;

  /// The answer, whatever its code. An error: timeout, refused when the port is closed there, io
  /// when another ICMP error came. Nothing until it is settled.
  [[nodiscard]] const std::optional<Result<wire::DnsAnswer>>& result() const { return result_; }
  /// From the last query to its answer.
  [[nodiscard]] std::optional<Nanoseconds> round_trip() const { return round_trip_; }
  [[nodiscard]] int queries() const { return queries_; }
  /// Datagrams to our port that were no answer to our question: somebody guesses, or is confused.
  [[nodiscard]] std::uint32_t strays() const { return strays_; }

 private:
  DnsLookup(Host& host, const Endpoint& server, wire::DnsQuestion question,
            DnsLookupOptions options);
  Result<> send(Instant now);
  void handle_answer(const UdpReceived& received);
  void handle_failure(const IcmpFailed& failed);

  Host* host_;  ///< absent after a move
  Endpoint server_;
  wire::DnsQuestion question_;
  DnsLookupOptions options_;
  std::uint16_t id_ = 0;
  std::uint16_t port_ = 0;  ///< 0 = none bound
  std::vector<std::byte> query_;
  Instant sent_;
  int queries_ = 0;
  std::uint32_t strays_ = 0;
  std::optional<Result<wire::DnsAnswer>> result_;
  std::optional<Nanoseconds> round_trip_;
};

}  // namespace wgscope::inner
