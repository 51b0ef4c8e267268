#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/config/names.hpp"
#include "wgscope/model/snapshot.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/source/collect.hpp"

#include "exporter/device_view.hpp"
#include "exporter/endpoint_detail.hpp"
#include "exporter/history.hpp"
#include "exporter/inventory/declarations.hpp"
#include "exporter/inventory/declared_view.hpp"
#include "exporter/journal.hpp"
#include "exporter/names.hpp"
#include "exporter/peer_limit.hpp"
#include "exporter/reading.hpp"
#include "exporter/recorder.hpp"
#include "exporter/state_file.hpp"

namespace wgscope::exporter {

/// One collection, complete: what all outputs are made from. Immutable once published.
struct Collection {
  Snapshot snapshot;
  std::vector<DeviceView> views;  ///< one for each entry of snapshot.devices, in the same order
  std::shared_ptr<const config::PeerNames> names;
  NamesReport names_report;
  std::optional<ReaderReport> reader;  ///< nothing: no other process reads
  DeclaredView declared;
  std::uint64_t clock_steps = 0;
  bool events_counted = false;
  bool judged = false;  ///< verdicts mean something: this is not the only reading there will be
  bool dated = false;   ///< so does when something was first seen
  bool peers_limited = false;  ///< there is a --peer.max
  JournalReport journal_report;
  std::optional<bool> state_success;  ///< how writing --state.dir goes; nothing: there is none
};

/// As CollectorOptions::journal: the systemd journal.
inline constexpr std::string_view kSystemdJournal = "systemd";

struct CollectorOptions {
  source::CollectOptions source;
  std::vector<NamesFile> names;
  std::shared_ptr<const Declarations> declarations;  ///< nullptr: no inventory
  /// Folder of the state file; empty: what was first seen is forgotten at exit.
  std::string state_dir;
  /// File of the journal, or kSystemdJournal; empty: there is none.
  std::string journal;
  /// How much of endpoints the state file and the journal have.
  EndpointDetail endpoint = EndpointDetail::full;
  Nanoseconds sample_interval{};                  ///< as the journal says it
  Nanoseconds max_age = std::chrono::seconds(1);  ///< a younger collection is served again
  /// Whether somebody calls Collections::sample(). Only then are events of peers counted: scrapes
  /// alone are so far apart that they would miss most.
  bool sampled = false;
  /// Whether there will be more than one reading. Only then can peers be judged.
  bool judged = true;
  /// How long a collection waits for files of names that changed: what is small is read by then.
  Nanoseconds names_patience = std::chrono::milliseconds(500);
  /// Of interfaces with more peers, only aggregates are shown; 0: no limit.
  std::size_t peer_max = 0;
  std::uint64_t seed = 0;                ///< random, for hash tables whose keys peers choose
  std::function<Now()> clock = os::now;  ///< tests give another one
  /// Memory that collections may take that nobody but their readers needs any more, in bytes.
  std::size_t most_held = std::size_t{48} << 20U;
};

/// Collects when asked, once for all who ask at the same time, and not again within max_age.
/// From any thread.
class Collections {
 public:
  /// Gets a message whenever something can no longer be read: once, not at each collection.
  using Warn = std::function<void(const std::string& message)>;

  /// @param reading  where `options.source` and `options.names` are read; nullptr: in this process,
  /// by the thread that takes the collection.
  Collections(CollectorOptions options, Warn warn, std::unique_ptr<Reading> reading = nullptr);

  /// A collection no older than max_age, taken now if there is none. Those who ask while one is
  /// being taken get that one.
  /// @param deadline  no wait goes beyond it; sources that take longer are reported as timed out.
  /// A collection in which they were is for those only who had no more time: another asker's hurry
  /// is no failure of the source.
  /// @returns timeout when the collection of another asker did not end in time.
  Result<std::shared_ptr<const Collection>> get(Instant deadline);

  /// Takes a collection so that events between scrapes are seen, unless one is being taken, or the
  /// last one ended less than `interval` (or max_age, if that is longer) ago.
  ///
  /// So between two scrapes it reads the source at most once an `interval`, each scrape adds
  /// at most one reading, and none when it comes within max_age of the one before. Scrapes
  /// more frequent than `interval` leave nothing to do here; scrapes at a multiple of it
  /// replace a reading.
  ///
  /// No scrape waits for it but to share the collection that it is taking. That one gets no more
  /// time for answers than the last scrape had, so a scrape with as much time gets its share before
  /// its deadline, even while a daemon hangs.
  /// @param timeout  the most time for answers, as --collect.timeout.
  /// @returns when to call it again.
  Instant sample(Nanoseconds interval, Nanoseconds timeout);

  /// From now on nobody collects any longer: who asks gets an error.
  /// @returns whether the last collection has ended by `deadline`. If not, it is stuck, and so is
  /// the thread that takes it: the rest must not be touched.
  [[nodiscard]] bool close(Instant deadline);
  /// Since when a collection is being taken; nothing: none is.
  [[nodiscard]] std::optional<Instant> taking_since();
  /// Ends: writes what --state.dir keeps, if it changed, and that the exporter stopped. To be called
  /// when nobody collects any longer.
  void stop();

  /// Called when readers keep more than `most_held` of old collections, from the thread that took a
  /// new one: those who have been reading since before `since` hold the oldest. Set once, before the
  /// first reader.
  void on_crowded(std::function<void(Instant since)> crowded) { crowded_ = std::move(crowded); }

 private:
  /// A collection's memory after its last reader: the next one is made in it, so that an unchanged
  /// set of peers allocates nothing.
  struct Spare {
    std::mutex mutex;
    std::unique_ptr<Collection> memory;
    struct Held {
      std::size_t bytes = 0;
      Instant published;
    };
    std::map<std::uint64_t, Held> held;  ///< collections that somebody may be reading, oldest first
  };

  void begin_taking();  ///< call with mutex_ held
  /// Takes a collection for the thread that called begin_taking(), and for those that wait for it.
  std::shared_ptr<const Collection> take_for_all(Instant deadline);
  std::shared_ptr<const Collection> take(Instant deadline);
  std::unique_ptr<Collection> take_spare();
  std::shared_ptr<const Collection> publish(std::unique_ptr<Collection> collection);
  void relieve(Spare& spare) const;  ///< calls crowded_ if readers hold too much
  [[nodiscard]] bool is_for(Nanoseconds patience) const;  ///< call with mutex_ held
  void view(Collection& collection);
  void limit_peers(const Device& device, bool whole, InterfaceHistory& history, DeviceView& view);
  void forget_interfaces(const Snapshot& snapshot);
  void warn_of_new(const std::vector<Failure>& failures);
  void keep_state(Now now);

  Nanoseconds max_age_;
  bool sampled_;
  bool judged_;
  PeerLimit peer_limit_;
  std::uint64_t seed_;
  std::size_t most_held_;
  std::function<Now()> clock_;
  Warn warn_;

  /// Guards what follows, down to closed_; the rest belongs to the thread that set taking_.
  std::mutex mutex_;
  std::condition_variable taken_;
  std::shared_ptr<const Collection> latest_;
  Nanoseconds given_{};           ///< how much time `latest_` had for answers
  std::optional<Instant> ended_;  ///< when the last collection ended; nothing: there was none
  Nanoseconds patience_ = Nanoseconds::max();  ///< how much time the last scrape had
  bool taking_ = false;                        ///< a thread is taking a collection
  Instant began_;                              ///< when the last collection did
  bool closed_ = false;                        ///< as close() says
  /// Shared with published collections, which give their memory back to it.
  std::shared_ptr<Spare> spare_ = std::make_shared<Spare>();

  std::function<void(Instant since)> crowded_ = [](Instant) {};
  std::uint64_t published_ = 0;
  std::unique_ptr<Reading> reading_;
  NamesReading names_;
  DeclaredJudge declared_;
  History history_;
  std::unique_ptr<Journal> journal_;
  std::optional<Recorder> recorder_;
  std::optional<StateFile> state_;
  std::string state_problem_;  ///< why the last attempt to save failed; empty: it did not
  /// Messages about failures of the last collection, which are not repeated.
  std::set<std::string> warned_;
};

}  // namespace wgscope::exporter
