#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iterator>
#include <malloc.h>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/file.hpp"
#include "wgscope/os/standard_streams.hpp"

#include "build_info.hpp"
#include "exporter/collection.hpp"
#include "exporter/collectors/collectors.hpp"
#include "exporter/demo.hpp"
#include "exporter/endpoints.hpp"
#include "exporter/exposition/output.hpp"
#include "exporter/exposition/writer.hpp"
#include "exporter/http/door.hpp"
#include "exporter/http/listener.hpp"
#include "exporter/http/refusal_log.hpp"
#include "exporter/http/server.hpp"
#include "exporter/http/web_access.hpp"
#include "exporter/inventory/declarations.hpp"
#include "exporter/isolation/confinement.hpp"
#include "exporter/isolation/remote_reading.hpp"
#include "exporter/lifecycle.hpp"
#include "exporter/log.hpp"
#include "exporter/names.hpp"
#include "exporter/names_reader.hpp"
#include "exporter/options.hpp"
#include "exporter/reading.hpp"
#include "exporter/sampler.hpp"
#include "exporter/service_manager.hpp"

namespace wgscope::exporter {
namespace {

/// Whether the program ends because nothing can be read any longer.
std::atomic<bool> reader_lost = false;

/// Memory that many threads use in turn should be one pool, and large buffers should go back at
/// once: glibc's defaults keep an arena a thread, and stop returning large blocks after the first.
void tune_allocator() {
  mallopt(M_ARENA_MAX, 2);
  mallopt(M_MMAP_THRESHOLD, 256 * 1024);
  mallopt(M_TRIM_THRESHOLD, 512 * 1024);
}

std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  if (getrandom(&seed, sizeof seed, 0) != static_cast<ssize_t>(sizeof seed))
    throw std::runtime_error("the kernel did not provide random bytes");
  return seed;
}

class StdoutSink final : public Sink {
 public:
  bool write(std::span<const char> piece) override {
    if (done_) done_ = os::write_standard_output({piece.data(), piece.size()});
    return done_.has_value();
  }
  [[nodiscard]] const Result<>& done() const { return done_; }

 private:
  Result<> done_;
};

void write_exposition(const Collection& collection, const RenderOptions& render, Sink& sink) {
  Output output(sink);
  Writer writer(Format::text, output);
  write_collection(collection, render, writer);
  writer.finish();
}

/// --once: one exposition, kCannotWrite if it could not be written, and 1 if nothing at all could be
/// read.
int run_once(const Options& options, Collections& collections, const Log& log) {
  const auto collection = collections.get(os::boot_now() + options.collect_timeout);
  if (!collection) {
    log.error(collection.error().context);
    return 1;
  }
  collections.stop();
  if (options.textfile.empty()) {
    StdoutSink sink;
    write_exposition(**collection, options.render, sink);
    if (!sink.done()) {
      log.error(sink.done().error().context);
      return kCannotWrite;
    }
  } else {
    StringSink sink;
    write_exposition(**collection, options.render, sink);
    // node_exporter may run as another user.
    if (auto written = os::replace_file(options.textfile, sink.text, 0644); !written) {
      log.error(written.error().context);
      return kCannotWrite;
    }
  }
  return nothing_readable((*collection)->snapshot) ? 1 : 0;
}

/// Every thread made from here on inherits the mask, so that these wait for sigwait().
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

/// As many as connections may need, and the rest of the program: the usual limit of 1024 is there
/// for programs that use select(2).
void allow_descriptors(std::size_t connections) {
  constexpr rlim_t kOthers = http::Door::kMostLeaving + 512;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= connections + kOthers) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, connections + kOthers);
  setrlimit(RLIMIT_NOFILE, &limit);
}

/// Nothing: the file cannot be used, and why was said.
std::unique_ptr<http::WebAccess> open_web_access(const std::string& file, Endpoints& endpoints,
                                                 http::RefusalLog& refusals, const Log& log) {
  auto opened = http::WebAccess::open(
      file, {.on_warning = [&log](const std::string& message) { log.warn(message); },
             .on_read = [&endpoints](bool good) { endpoints.show_web_config(good); },
             .on_failed_login =
                 [&refusals](const IpAddress& from, std::string_view why) {
                   refusals.add(http::RefusalLog::What::login, from.to_string(), why,
                                os::boot_now());
                 }});
  for (const std::string& problem : opened.problems)
    log.error(fmt::format("--web.config.file: {}", problem));
  return std::move(opened.access);
}

/// @param access  nullptr: plain HTTP for everybody. What is made refers to it and to `endpoints`.
http::ServerOptions server_options_of(const Options& options, std::vector<http::Listener> listeners,
                                      Endpoints& endpoints, http::RefusalLog& refusals,
                                      http::WebAccess* access) {
  http::ServerOptions made;
  made.listeners = std::move(listeners);
  made.routes = endpoints.routes();
  made.on_answered = [&](std::string_view path, int status, double seconds) {
    endpoints.count(path, status, seconds);
  };
  made.limits = options.limits;
  made.door_events = endpoints.door_events();
  made.door_events.on_bad_request = [&](const IpAddress& from, std::string_view said) {
    refusals.add(http::RefusalLog::What::request, from.to_string(), said, os::boot_now());
  };
  made.door_events.on_bad_handshake = [&](const IpAddress& from, std::string_view why) {
    refusals.add(http::RefusalLog::What::tls, from.to_string(), why, os::boot_now());
  };
  if (access == nullptr) return made;
  if (access->speaks_tls()) made.tls = [access] { return access->tls(); };
  made.admit = [access](const http::Request& request, http::Response& response) {
    return access->admit(request, response);
  };
  return made;
}

void say_refusal(const Log& log, const http::RefusalLog::Line& line) {
  const std::string left_out = line.left_out == 0 ? "" : fmt::format("{}", line.left_out);
  using What = http::RefusalLog::What;
  log.warn(line.what == What::request ? "refused a request"
           : line.what == What::tls   ? "refused a TLS connection"
                                      : "refused a login",
           {{"from", line.from},
            {line.what == What::request ? "answer" : "reason", line.said},
            {"not_logged_before", left_out}});
}

/// Beyond its time limit: what takes longer is stuck.
constexpr std::chrono::seconds kLongestOver{60};

/// Takes the first collection, then says that all is ready.
void announce(const Options& options, const http::Server& server, Collections& collections,
              const ServiceManager& manager, const Log& log) {
  const auto first = collections.get(os::boot_now() + options.collect_timeout);
  const std::size_t interfaces = first ? (*first)->snapshot.devices.size() : 0;
  std::string status = "serving";
  for (const std::string& url : server.urls()) {
    log.info("serving metrics", {{"url", url + options.telemetry_path},
                                 {"version", build_info::kVersion},
                                 {"interfaces", fmt::format("{}", interfaces)}});
    status += fmt::format(" {}{}", url, options.telemetry_path);
  }
  manager.ready(status);
}

/// Its thread cannot be stopped, and waiting for it could take forever. Everything that it may use must
/// stay, so nothing is cleared up.
[[noreturn]] void leave_stuck_collection(const Log& log) {
  log.warn(
      "a collection did not end, so the exporter ends without it; --state.dir and --journal lack "
      "what was not written before");
  std::_Exit(0);
}

int serve(const Options& options, std::vector<http::Listener> listeners, Declarations* declarations,
          Collections& collections, const Log& log) {
  const sigset_t signals = block_signals();
  if (declarations != nullptr) declarations->watch();
  Endpoints endpoints(collections, {options.telemetry_path, options.render, options.collect_timeout,
                                    options.max_requests});
  http::RefusalLog refusals([&](const http::RefusalLog::Line& line) { say_refusal(log, line); });
  std::unique_ptr<http::WebAccess> access;  // outlives the server
  if (!options.web_config.empty()) {
    access = open_web_access(options.web_config, endpoints, refusals, log);
    if (!access) return 1;
  }
  allow_descriptors(options.limits.connections);
  auto server = http::Server::start(
      server_options_of(options, std::move(listeners), endpoints, refusals, access.get()));
  if (!server) {
    log.error(server.error().context);
    return 1;
  }
  collections.on_crowded([&](Instant since) { (*server)->cut_readers(since); });
  const ServiceManager manager;
  Lifecycle lifecycle(
      {server->get(), &collections, &manager, &log},
      {options.collect_timeout + kLongestOver, options.limits.answer_time + kLongestOver}, signals);
  // The first collection now, so that what is not permitted is said at start-up and not at the
  // first scrape. On a thread, so that a signal ends the program meanwhile as well.
  std::jthread first([&] { announce(options, **server, collections, manager, log); });

  std::optional<Sampler> sampler;
  if (options.sample_interval != Nanoseconds(0))
    sampler.emplace(
        collections,
        Sampler::Settings{options.sample_interval, options.collect_timeout, random_seed()},
        [&](const std::string& message) { log.warn(message); });

  // Files of names are read again when they change. So is the inventory, but only once nobody writes
  // it any longer: the signal says that this is so.
  lifecycle.run([&] {
    if (declarations != nullptr) declarations->reload();
  });
  log.info("stopping");
  manager.stopping();
  if (!lifecycle.wind_down()) leave_stuck_collection(log);
  first.join();
  sampler.reset();
  server->reset();
  collections.stop();
  return reader_lost ? 1 : 0;
}

/// What the serving process needs on disk. Files are replaced by renaming, so what counts is the
/// folder they are in, and that of what a link points to.
FileNeeds files_of(const Options& options) {
  FileNeeds files;
  const auto folder_of = [](const std::string& path) {
    const std::string folder = std::filesystem::path(path).parent_path().string();
    return folder.empty() ? std::string(".") : folder;
  };
  std::vector<std::string> read = options.inventory.paths;
  if (!options.web_config.empty())
    std::ranges::move(http::WebAccess::files_of(options.web_config), std::back_inserter(read));
  for (const std::string& path : read) {
    std::error_code ignored;
    const std::string target = std::filesystem::weakly_canonical(path, ignored).string();
    for (const std::string& one : {path, target})
      files.readable.push_back(std::filesystem::is_directory(one, ignored) ? one : folder_of(one));
  }
  if (!options.collector.state_dir.empty()) files.writable.push_back(options.collector.state_dir);
  const std::string& journal = options.collector.journal;
  if (!journal.empty() && journal != kSystemdJournal) files.writable.push_back(folder_of(journal));
  return files;
}

/// Leaves this process with what serving takes. @returns where it gets its readings from.
Result<std::unique_ptr<RemoteReading>> isolate(const Options& options, const Log& log) {
  auto reading = RemoteReading::start([&options] {
    return std::make_unique<LocalReading>(options.collector.source, options.collector.names,
                                          options.collector.names_patience);
  });
  if (!reading) return tl::unexpected(reading.error());
  auto confined = confine(files_of(options));
  if (!confined) return tl::unexpected(confined.error());
  if (!confined->empty()) log.warn(*confined);
  // What is missing cannot come back, and a service manager starts both again.
  (*reading)->on_lost([&log] {
    log.error("the process that reads is gone for good");
    reader_lost = true;
    kill(getpid(), SIGTERM);
  });
  return reading;
}

/// --demo: what is read are the demo's gateways, and nothing of this host.
void point_to(const Demo& demo, CollectorOptions& collector) {
  collector.source.kernel = false;
  collector.source.userspace = true;
  collector.source.uapi_folder = demo.uapi_folder();
  collector.names.push_back({demo.names_file(), NamesFile::Kind::map});
}

int run(int argc, char** argv) {
  ParsedOptions parsed = parse_options(argc, argv);
  if (parsed.exit_code) return *parsed.exit_code;
  Options& options = parsed.options;
  const Log log(options.log_format, options.log_level);
  if (!options.once) block_signals();  // before the first thread: a demo's or the journal's
  std::vector<http::Listener> listeners;
  if (!options.once) {
    auto opened = options.systemd_sockets ? http::take_systemd_listeners()
                                          : http::open_listeners(options.listen);
    if (!opened) {
      log.error(opened.error().context);
      return 1;
    }
    listeners = std::move(*opened);
  }
  std::unique_ptr<Reading> reading;
  if (options.isolation && !options.once && !options.demo) {
    auto isolated = isolate(options, log);
    if (!isolated) {
      log.error(isolated.error().context);
      return 1;
    }
    reading = std::move(*isolated);
  }
  std::unique_ptr<Demo> demo;
  if (options.demo) {
    auto started = Demo::start([&](const std::string& message) { log.warn(message); });
    if (!started) {
      log.error(started.error().context);
      return 1;
    }
    demo = std::move(*started);
    point_to(*demo, options.collector);
  }
  options.collector.seed = random_seed();
  const auto warn = [&](const std::string& message) { log.warn(message); };
  std::shared_ptr<Declarations> declarations;
  if (!options.inventory.paths.empty()) {
    options.inventory.use.seed = options.collector.seed;
    declarations = std::make_shared<Declarations>(options.inventory, warn);
    options.collector.declarations = declarations;
  }
  Collections collections(std::move(options.collector), warn, std::move(reading));
  return options.once ? run_once(options, collections, log)
                      : serve(options, std::move(listeners), declarations.get(), collections, log);
}

}  // namespace
}  // namespace wgscope::exporter

int main(int argc, char** argv) {
  // No core dumps and no debugger without privileges: keys pass through this memory.
  prctl(PR_SET_DUMPABLE, 0);
  wgscope::exporter::tune_allocator();
  wgscope::os::secure_standard_streams();
  try {
    const int code = wgscope::exporter::run(argc, argv);
    if (wgscope::exporter::NamesReader::left_behind()) std::_Exit(code);
    return code;
  } catch (const std::exception& error) {
    wgscope::os::write_standard_error(fmt::format("wgscope-exporter: {}\n", error.what()));
    return 1;
  }
}
