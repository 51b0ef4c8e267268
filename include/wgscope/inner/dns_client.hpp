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
  Nanoseconds wait = std::chrono::seconds{2};  ///< wait for an answer to each query; above 0
  int tries = 3;                               ///< queries in total; at least 1
};

/// Asks one server inside the tunnel one question over UDP, until it answers or the tries are used
/// up. Port and identifier are random. An answer counts only if it comes from the server that was
/// asked and matches port, identifier and question (RFC 5452 §9).
class DnsLookup {
 public:
  /// Sends the first query.
  /// @param host  must outlive the lookup.
  /// @returns bad_value for an invalid name or an address that the host cannot reach, refused if no
  /// UDP port is free, io if the queue is full.
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

  /// The answer with any response code, or an error: timeout, refused if the server's port is
  /// closed, io after another ICMP error. Nothing until the lookup is over.
  [[nodiscard]] const std::optional<Result<wire::DnsAnswer>>& result() const { return result_; }
  /// The time from the last query to the answer.
  [[nodiscard]] std::optional<Nanoseconds> round_trip() const { return round_trip_; }
  [[nodiscard]] int queries() const { return queries_; }
  /// Datagrams to our port that did not answer our question: somebody guesses, or is confused.
  [[nodiscard]] std::uint32_t strays() const { return strays_; }

 private:
  DnsLookup(Host& host, const Endpoint& server, wire::DnsQuestion question,
            DnsLookupOptions options);
  Result<> send(Instant now);
  void handle_answer(const UdpReceived& received);
  void handle_failure(const IcmpFailed& failed);

  Host* host_;  ///< null after a move
  Endpoint server_;
  wire::DnsQuestion question_;
  DnsLookupOptions options_;
  std::uint16_t id_ = 0;
  std::uint16_t port_ = 0;  ///< 0: not bound
  std::vector<std::byte> query_;
  Instant sent_;
  int queries_ = 0;
  std::uint32_t strays_ = 0;
  std::optional<Result<wire::DnsAnswer>> result_;
  std::optional<Nanoseconds> round_trip_;
};

}  // namespace wgscope::inner
