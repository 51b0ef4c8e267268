#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"

#include "exporter/http/origin.hpp"

// Which clients are let in, in which order they are served, and who has to leave for others. Pure:
// door.hpp has the sockets.
//
// What the rules rest on: an honest scraper sends its whole request at once and reads what it asked
// for. So whoever makes others wait without doing so loses its place to them, and no address can
// take what all have to share. While there is room for everybody, only the limits on time count.

namespace wgscope::exporter::http {

struct TurnstileLimits {
  std::size_t connections = 1024;  ///< of all clients together
  std::size_t per_address = 64;    ///< of one address; IPv6: of one /64
  std::size_t serving = 56;        ///< how many are served at once: one for each worker
  Nanoseconds head_time = std::chrono::seconds(5);     ///< for a request to arrive
  Nanoseconds answer_time = std::chrono::seconds(60);  ///< for an answer to be read
  /// For a client to ask again on its connection; zero: it is closed after an answer. Prometheus
  /// closes connections that it has not used for five minutes: longer than that, so that it never
  /// asks on one that is being closed here.
  Nanoseconds idle_time = std::chrono::minutes(6);
  /// Who asks again sooner on its connection has to connect anew afterwards. That costs it, too, and
  /// then it has its turn among the others.
  Nanoseconds request_interval = std::chrono::milliseconds(500);
  std::uint64_t least_rate = std::uint64_t{64} << 10U;  ///< bytes a second that a client reads
};

class Turnstile {
 public:
  using Id = std::uint32_t;

  explicit Turnstile(const TurnstileLimits& limits) : limits_(limits) {}

  enum class Full : std::uint8_t { no, address, everything };
  struct Admission {
    std::optional<Id> id;  ///< nothing: refused, because of `full`
    Full full = Full::no;
    std::optional<Id> evicted;  ///< gives its place to the new one. Not full: it was idle
  };
  /// A client connects. If there is no room, another one leaves: the one that has been idle longest,
  /// or else the one that has waited longest for its own request; of the same address, or of the
  /// address with most connections, if the new one's has no more. If all others have sent their
  /// requests, the last of the address with most connections leaves, if the new one's has fewer.
  Admission admit(const IpAddress& address, Instant now);

  /// It has begun a TLS handshake, which takes arithmetic.
  void greets(Id id);
  /// The connection whose handshake is next, which counts as waiting again. First is the address
  /// whose last handshake is longest ago. An address' first handshake in a second is always allowed.
  /// All others together get a quarter of the time, so that a client that connects again and again
  /// cannot take more. Nothing if no connection waits, or that quarter is used up.
  std::optional<Id> next_handshake(Instant now);
  /// The arithmetic of that one took so long.
  void shook_hands(Nanoseconds took, Instant now);

  /// Its request has arrived.
  void ready(Id id);
  /// Who is served next, and from now on counts as served; nothing if nobody is ready, or all
  /// workers are busy. One worker of eight is kept for addresses of which nobody was served in the
  /// last half second, and nobody had to leave in the last minute. Addresses take turns: first comes the one that has fewest clients served, then
  /// the one that was last served longest ago, or not since it came. However many requests an
  /// address has waiting, a single one of another does not wait behind them. One address never has
  /// more than half of all workers.
  std::optional<Id> next(Instant now);
  /// Whether a client that is served may stay after its answer.
  [[nodiscard]] bool may_stay(Id id) const;
  /// Its answer is sent. It is idle until it asks again on its connection.
  /// @returns false: it may not stay; end() is to be called.
  bool answered(Id id, Instant now);
  /// It was idle, and has begun to ask again.
  void begins(Id id, Instant now);
  [[nodiscard]] bool is_idle(Id id) const { return clients_[id].state == State::idle; }
  /// It is gone, whatever it was doing.
  void end(Id id);

  /// How far a client that is served has come.
  struct Progress {
    std::uint64_t acknowledged = 0;  ///< bytes of the answer that have arrived at the client
    bool owing = false;              ///< more was sent than has arrived: it is the client's turn
  };
  void progress(Id id, const Progress& progress, Instant now);

  /// Clients that have to leave by now, each once; end() is to be called for each of them.
  struct Overdue {
    std::vector<Id> heads;    ///< their requests did not arrive in time
    std::vector<Id> readers;  ///< they read too slowly
    std::vector<Id> idle;     ///< they did not ask again
  };
  /// Readers are too slow if they read less than the least rate for ten seconds, or an answer takes
  /// them longer than the time for answers. While others wait to be served, or the workers that are
  /// kept are taken as well, less patience is left: then the slowest leave, as many as there are too
  /// few workers, but a quarter of all workers in a quarter of a second at the most; of those that read for over a second at less than four times the least rate, or
  /// for over ten seconds at any. Addresses of readers that have to leave are remembered for a
  /// minute.
  [[nodiscard]] Overdue overdue(Instant now);
  /// When overdue() can next have something to say; nothing: not before something else happens.
  [[nodiscard]] std::optional<Instant> next_look(Instant now) const;

  /// Those that have been reading since before then and have to leave for that reason, each once.
  [[nodiscard]] std::vector<Id> cut_those_reading_since_before(Instant then);

  [[nodiscard]] std::size_t connections() const { return count_; }
  [[nodiscard]] std::size_t serving() const { return serving_; }
  /// Whether more than half of the workers are.
  [[nodiscard]] bool is_busy() const { return serving_ > limits_.serving / 2; }
  [[nodiscard]] std::size_t remembered() const { return origins_.size(); }
  /// Those whose progress() is wanted.
  [[nodiscard]] std::vector<Id> served() const;

 private:
  enum class State : std::uint8_t { free, waiting, greeting, ready, serving, idle };

  /// For its whole request.
  static bool is_waiting(State state) {
    return state == State::waiting || state == State::greeting;
  }

  struct Counts {
    std::size_t connections = 0;
    std::size_t serving = 0;
    std::uint64_t served_last = 0;           ///< in the order of being served; 0: never
    std::optional<Instant> kept_from_until;  ///< until when it is to get none of the kept workers
    std::size_t greeting = 0;
    std::optional<Instant> greeted = {};  ///< when its last handshake was
  };
  using Origins = std::map<Origin, Counts>;

  struct Client {
    State state = State::free;
    Origins::iterator origin{};
    Instant since;  ///< when it connected, or began to ask; while it is served or idle: since when
    std::uint64_t turn = 0;  ///< order of becoming ready
    // While it is served:
    std::optional<Instant> reading = {};  ///< since when there was something to read
    std::uint64_t acknowledged = 0;
    bool owing = false;
    Instant mark{};  ///< the beginning of the present ten seconds
    std::uint64_t mark_acknowledged = 0;
    bool leaves = false;  ///< overdue() said so
    // On a connection that stays:
    std::optional<Instant> served = {};  ///< when it was last
    bool hurries = false;                ///< that was soon after the time before
  };

  template <class Meant>
  [[nodiscard]] std::optional<Id> longest(Meant meant, const Counts* only,
                                          std::size_t at_least) const;
  [[nodiscard]] std::optional<Id> last_of_a_crowd(std::size_t larger_than) const;
  [[nodiscard]] bool is_too_slow(Client& client, Instant now) const;
  void make_room(std::vector<Id>& readers, Instant now);
  [[nodiscard]] std::size_t kept() const { return limits_.serving / 8; }
  [[nodiscard]] Origins::const_iterator first_greeting() const;
  [[nodiscard]] bool may_shake_hands(const Counts& counts, Instant now) const;
  [[nodiscard]] bool may_take_kept(const Counts& counts, Instant now) const;
  void set_state(Client& client, State state);
  void forget_origins(Instant now);

  TurnstileLimits limits_;
  std::vector<Client> clients_;  ///< by Id
  std::vector<Id> free_;
  Origins origins_;  ///< of clients that are connected, or are remembered
  std::size_t count_ = 0;
  std::size_t serving_ = 0;
  std::size_t ready_ = 0;
  std::size_t greeting_ = 0;
  std::size_t told_to_leave_ = 0;  ///< readers that are not gone yet
  Instant makes_room_again_{};     ///< until then, no reader has to leave for others
  Instant handshakes_pause_{};     ///< until then, there is none but an address' first in a second
  std::uint64_t turns_ = 0;
  std::uint64_t services_ = 0;
};

}  // namespace wgscope::exporter::http
