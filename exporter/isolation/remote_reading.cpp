#include "exporter/isolation/remote_reading.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/snapshot.hpp"
#include "wgscope/os/unique_fd.hpp"

#include "exporter/isolation/image.hpp"
#include "exporter/isolation/packet.hpp"
#include "exporter/isolation/protocol.hpp"
#include "exporter/isolation/reading_process.hpp"
#include "exporter/isolation/shared_memory.hpp"
#include "exporter/reading.hpp"

namespace wgscope::exporter {
namespace {

/// What reading itself may take beyond the deadline it was given, until its answer is here.
constexpr std::chrono::milliseconds kOverrun{200};

std::string how_it_ended(const ReaderStarted& started) {
  if (started.ended_by_signal != 0)
    return fmt::format("signal {} ({}) ended it", started.ended_by_signal,
                       strsignal(started.ended_by_signal));
  return fmt::format("it ended with exit code {}", started.exit_code);
}

}  // namespace

Result<std::unique_ptr<RemoteReading>> RemoteReading::start(const Make& make) {
  auto sockets = make_socket_pair();
  if (!sockets) return tl::unexpected(sockets.error());
  const pid_t pid = fork();
  if (pid < 0) return fail_errno("start the reading process", errno);
  if (pid == 0) {
    sockets->ours.reset();
    keep_reading_process(std::move(sockets->theirs), make);
  }
  sockets->theirs.reset();
  return std::unique_ptr<RemoteReading>(new RemoteReading(std::move(sockets->ours), pid));
}

RemoteReading::RemoteReading(os::UniqueFd keeper, pid_t pid)
    : keeper_(std::move(keeper)), keeper_pid_(pid) {
  ran_[static_cast<std::size_t>(Collector::netlink)] = true;
}

RemoteReading::~RemoteReading() {
  socket_.reset();
  keeper_.reset();  // which ends the other processes
  waitpid(keeper_pid_, nullptr, 0);
}

bool RemoteReading::connect(Instant deadline, std::vector<std::string>& messages) {
  ReaderStarted started{};
  const Arrival arrival = receive_packet(keeper_.get(), started, socket_, deadline);
  if (arrival == Arrival::ended) {
    failure_ =
        "the process that reads and its parent have ended, and nothing can be read any longer";
    std::exchange(lost_, [] {})();
    return false;
  }
  if (arrival == Arrival::late || !socket_) {
    failure_ = "the process that reads has ended, and a new one did not start in time";
    return false;
  }
  generation_ = 0;
  awaited_ = false;
  memory_ = {};
  report_.restarts = started.restarts;
  if (started.restarts != 0)
    messages.push_back(
        fmt::format("the process that reads was started again: {}", how_it_ended(started)));
  return true;
}

RemoteReading::Outcome RemoteReading::receive(ReadAnswer& answer, Instant deadline) {
  os::UniqueFd descriptor;
  const Arrival arrival = receive_packet(socket_.get(), answer, descriptor, deadline + kOverrun);
  if (arrival == Arrival::late) return Outcome::late;
  if (arrival == Arrival::ended || answer.sequence != sequence_) return Outcome::ended;
  awaited_ = false;
  if (descriptor) {
    auto memory = SharedMemory::map(std::move(descriptor));
    if (!memory) return Outcome::ended;
    memory_ = std::move(*memory);
  }
  return answer.size <= memory_.size() ? Outcome::done : Outcome::ended;
}

RemoteReading::Outcome RemoteReading::exchange(Now now, Instant deadline, Snapshot& into,
                                               NamesReading& names) {
  ReadAnswer answer{};
  // What was asked before and came too late is passed over.
  if (awaited_)
    if (const Outcome outcome = receive(answer, deadline); outcome != Outcome::done) return outcome;
  const ReadRequest request{++sequence_, now.boot.since_boot.count(), now.wall.since_epoch.count(),
                            deadline.since_boot.count(), generation_};
  if (!send_packet(socket_.get(), request)) return Outcome::ended;
  awaited_ = true;
  if (const Outcome outcome = receive(answer, deadline); outcome != Outcome::done) return outcome;
  if (!read_image(memory_.bytes().first(answer.size), into, names)) return Outcome::ended;
  generation_ = answer.generation;
  report_.cpu = Nanoseconds(answer.cpu_ns);
  report_.resident_bytes = answer.resident_bytes;
  return Outcome::done;
}

void RemoteReading::read(Now now, Instant deadline, Snapshot& into, NamesReading& names) {
  std::vector<std::string> messages;
  FailureReason reason = FailureReason::io;
  // A reader that ended may have been ended by anything; one that ends again, by what it reads.
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (!socket_ && !connect(deadline, messages)) break;
    names.names = names_;
    const Outcome outcome = exchange(now, deadline, into, names);
    if (outcome == Outcome::done) {
      names_ = names.names;
      names_report_ = names.report;
      for (std::size_t i = 0; i < kCollectorCount; ++i) ran_[i] = into.collectors[i].ran;
      names.messages.insert(names.messages.begin(), messages.begin(), messages.end());
      return;
    }
    if (outcome == Outcome::late) {
      failure_ = "the process that reads did not answer in time";
      reason = FailureReason::timeout;
      break;
    }
    failure_ = "the process that reads ended while it was asked";
    socket_.reset();
  }
  names.names = names_;
  names.report = names_report_;
  names.messages = std::move(messages);
  fail_all(now, failure_, reason, into);
}

void RemoteReading::fail_all(Now now, std::string why, FailureReason reason, Snapshot& into) const {
  into.taken = now;
  into.devices.clear();
  into.failures.assign(1, {"", "", reason, std::move(why)});
  for (std::size_t i = 0; i < kCollectorCount; ++i)
    into.collectors[i] = {.ran = ran_[i], .success = false, .duration = {}};
}

}  // namespace wgscope::exporter
