#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "chance.hpp"
#include "clock.hpp"
#include "peer.hpp"

namespace wgscope::simulator {

/// What the machines of a peer, and the servers that they use, do all day.
class Life {
 public:
  virtual ~Life() = default;
  virtual void start() = 0;
  /// The machine's applications end; its tunnel stays.
  virtual void stop() = 0;
  /// Whether it has a session all the time, but for a restart of a router.
  [[nodiscard]] virtual bool always_online() const { return false; }
};

/// Awake for minutes or hours and asleep in between, also in the middle of a transfer or a call, in
/// changing networks. Servers behind the gateway go on for a while with what they were sending.
/// @param messages  in how many of its sleeps another server has something to say to it
std::unique_ptr<Life> make_laptop(Clock& clock, Chance& chance, Peer& peer, double messages);
/// Little traffic all the time; between wifi and LTE, sometimes without either.
std::unique_ptr<Life> make_phone(Clock& clock, Chance& chance, Peer& peer);
/// Always on, with persistent keepalive, little traffic and transfers.
std::unique_ptr<Life> make_site(Clock& clock, Chance& chance, Peer& peer);
/// A stream in both directions that never ends, as of telephones.
std::unique_ptr<Life> make_stream(Clock& clock, Chance& chance, Peer& peer);
/// Receives a stream and sends nothing.
std::unique_ptr<Life> make_receiver(Clock& clock, Chance& chance, Peer& peer);
/// Sends measurements and receives nothing.
std::unique_ptr<Life> make_sensor(Clock& clock, Chance& chance, Peer& peer);
/// Was configured and never comes.
std::unique_ptr<Life> make_unused(Clock& clock, Chance& chance, Peer& peer);
/// A machine in an office, a shop or a plant, switched on within 8 min after its hours begin, or up to 15 min
/// before, and off after they end.
std::unique_ptr<Life> make_office(Clock& clock, Chance& chance, Peer& peer,
                                  std::vector<std::pair<Time, Time>> hours);
/// A second machine with the key of another, and about as busy.
std::unique_ptr<Life> make_double(Clock& clock, Chance& chance, Peer& peer);

}  // namespace wgscope::simulator
