// One collection, in the order it happens:
//   1. all UAPI sockets are asked at once;
//   2. each answer is given to the network namespace its daemon lives in;
//   3. the own namespace is visited: kernel interfaces, and the links of the UAPI interfaces in it;
//   4. a thread visits the other namespaces in the same way, one after the other.
// A visit writes to a part of its own, and the parts become the snapshot at the end, sorted, so
// that neither threads nor the order of answers show.

#include "wgscope/source/collect.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <regex>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/snapshot.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/netns.hpp"
#include "wgscope/source/netlink/dump.hpp"
#include "wgscope/source/netlink/links.hpp"
#include "wgscope/source/netlink/wireguard.hpp"
#include "wgscope/source/uapi/client.hpp"
#include "wgscope/source/uapi/owner.hpp"
#include "wgscope/source/uapi/proc_net.hpp"

#include "netns_names.hpp"

namespace wgscope::source {

Result<NameFilter> NameFilter::make(const std::string& include, const std::string& exclude) {
  NameFilter filter;
  const auto compile = [](const std::string& text, bool& has, std::regex& into) -> Result<> {
    has = !text.empty();
    try {
      if (has) into = std::regex(text, std::regex::ECMAScript | std::regex::optimize);
    } catch (const std::regex_error& error) {
      return fail(Errc::bad_value,
                  fmt::format("'{}' is not a valid regular expression: {}", text, error.what()));
    }
    return {};
  };
  if (auto done = compile(include, filter.has_include_, filter.include_); !done)
    return tl::unexpected(done.error());
  if (auto done = compile(exclude, filter.has_exclude_, filter.exclude_); !done)
    return tl::unexpected(done.error());
  return filter;
}

bool NameFilter::accepts(std::string_view name) const {
  if (has_include_ && !std::regex_match(name.begin(), name.end(), include_)) return false;
  return !has_exclude_ || !std::regex_match(name.begin(), name.end(), exclude_);
}

namespace {

constexpr std::size_t kMaxInterfaceName = 15;  // IFNAMSIZ - 1

/// Hands out devices whose memory an earlier snapshot left, best the one of the same interface.
class SpareDevices {
 public:
  explicit SpareDevices(std::vector<Device> devices) : devices_(std::move(devices)) {}

  Device take(std::string_view netns, std::string_view name) {
    Device device;
    for (Device& spare : devices_) {
      if (spare.netns != netns || spare.name != name) continue;
      device = std::move(spare);
      spare = Device{};
      break;
    }
    device.clear();
    device.netns = netns;
    device.name = name;
    return device;
  }

 private:
  std::vector<Device> devices_;
};

/// What one namespace's visit finds.
struct Part {
  std::vector<Device> devices;
  std::vector<Failure> failures;
  std::array<CollectorReport, kCollectorCount> collectors;
};

/// A namespace to visit, and what is to be done in it.
struct Visit {
  std::string label;               ///< the netns label; empty for the own namespace
  std::optional<os::Netns> netns;  ///< nothing for the own namespace
  bool kernel = false;             ///< read the kernel's interfaces there
  std::vector<Device> userspace;   ///< read already; their links and socket drops are still to come
  std::vector<Device> spares;      ///< for the kernel's interfaces
  Part found;
};

/// Measures one collector's share of a visit, and marks it as run.
class Stopwatch {
 public:
  explicit Stopwatch(CollectorReport& report) : report_(&report), start_(os::boot_now()) {
    report.ran = true;
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;
  ~Stopwatch() { report_->duration += os::boot_now() - start_; }

 private:
  CollectorReport* report_;
  Instant start_;
};

/// Reads what a Visit asks for on the current thread, which is in the namespace already.
class Visitor {
 public:
  Visitor(Visit& visit, const NameFilter& filter, Instant deadline, std::span<std::byte> buffer)
      : visit_(&visit), filter_(&filter), deadline_(deadline), buffer_(buffer) {}

  void run() {
    if (visit_->kernel) read_kernel_devices();
    for (Device& device : visit_->userspace) add_link(device);
  }

 private:
  [[nodiscard]] CollectorReport& report(Collector c) const {
    return visit_->found.collectors[static_cast<std::size_t>(c)];
  }

  void fail_in(Collector collector, const std::string& interface, const Error& error) {
    report(collector).success = false;
    visit_->found.failures.push_back(
        {visit_->label, interface, failure_reason(error.code), error.context});
  }

  std::vector<Link> list_links() {
    const Stopwatch stopwatch(report(Collector::links));
    std::vector<Link> links;
    if (auto listed = netlink::list_wireguard_links(deadline_, buffer_, links); !listed)
      fail_in(Collector::links, "", listed.error());
    std::erase_if(links, [&](const Link& link) { return !filter_->accepts(link.name); });
    return links;
  }

  void read_kernel_devices() {
    std::vector<Link> links = list_links();
    const Stopwatch stopwatch(report(Collector::netlink));
    if (links.empty()) return;
    const auto family = netlink::resolve_wireguard_family(deadline_, buffer_);
    if (!family) return fail_in(Collector::netlink, "", family.error());
    SpareDevices spares(std::move(visit_->spares));
    for (Link& link : links) {
      Device device = spares.take(visit_->label, link.name);
      device.implementation = Implementation::kernel;
      netlink::LeftOut left_out;
      const auto read =
          netlink::read_device(*family, link.ifindex, deadline_, buffer_, device, left_out);
      device.link = std::move(link);
      if (left_out.peers > 0)
        fail_in(Collector::netlink, device.name,
                Error{Errc::bad_value,
                      fmt::format("read {}: {} of its peers left out, the first because of {}",
                                  device.name, left_out.peers, left_out.fault)});
      if (!read) fail_in(Collector::netlink, device.name, read.error());
      if (read || read.error().code == Errc::interrupted)
        visit_->found.devices.push_back(std::move(device));
    }
  }

  void add_link(Device& device) {
    {
      const Stopwatch stopwatch(report(Collector::links));
      auto link = netlink::find_link(device.name, deadline_, buffer_);
      // An implementation may do without a network interface: embedded ones have none.
      if (link)
        device.link = std::move(*link);
      else if (link.error().code != Errc::no_device)
        fail_in(Collector::links, device.name, link.error());
    }
    const Stopwatch stopwatch(report(Collector::uapi));
    if (device.listen_port != 0) {
      if (const auto drops = uapi::socket_receive_drops(device.listen_port))
        device.socket_receive_drops = *drops;
      else
        fail_in(Collector::uapi, device.name, drops.error());
    }
    visit_->found.devices.push_back(std::move(device));
  }

  Visit* visit_;
  const NameFilter* filter_;
  Instant deadline_;
  std::span<std::byte> buffer_;
};

bool same_interface(const Device& a, const Device& b) {
  return a.netns == b.netns && a.name == b.name;
}

}  // namespace

class SnapshotSource::Impl {
 public:
  explicit Impl(CollectOptions options)
      : options_(std::move(options)),
        buffer_(netlink::kReceiveBufferSize),
        owners_(options_.proc_folder),
        names_(options_.named_netns_folder) {}

  void collect(Now now, Instant deadline, Snapshot& into) {
    std::vector<Device> old = std::move(into.devices);
    into = Snapshot{};
    into.taken = now;
    deadline_ = deadline;

    std::vector<Visit> visits = plan(into);
    std::vector<Device> found =
        options_.userspace ? ask_userspace(now, old, into) : std::vector<Device>();
    assign(std::move(found), visits, into);
    for (Device& spare : old)
      for (Visit& visit : visits)
        if (visit.label == spare.netns) visit.spares.push_back(std::exchange(spare, Device{}));
    perform(visits);
    merge(std::move(visits), into);
  }

 private:
  struct Listener {
    std::string path;
    pid_t pid;
  };

  void note(Snapshot& into, Collector collector, std::string netns, std::string interface,
            const Error& error) {
    into.report(collector).success = false;
    into.failures.push_back(
        {std::move(netns), std::move(interface), failure_reason(error.code), error.context});
  }

  /// The own namespace first, then those asked for that exist, each once.
  std::vector<Visit> plan(Snapshot& into) {
    std::vector<Visit> visits(1);
    visits[0].kernel = options_.kernel;
    if (!own_) {
      const auto own = os::Netns::open_own();
      if (own)
        own_ = own->id();
      else
        note(into, Collector::links, "", "", own.error());
    }
    if (!options_.kernel) return visits;

    std::set<os::NetnsId> planned{own_.value_or(os::NetnsId{})};
    for (const std::string& name : wanted_namespaces(into)) {
      const bool is_path = name.find('/') != std::string::npos;
      auto netns =
          os::Netns::open(is_path ? name : fmt::format("{}/{}", options_.named_netns_folder, name));
      if (!netns)
        note(into, Collector::netlink, name, "", netns.error());
      else if (planned.insert(netns->id()).second)
        visits.push_back({.label = name,
                          .netns = std::move(*netns),
                          .kernel = true,
                          .userspace = {},
                          .spares = {},
                          .found = {}});
    }
    return visits;
  }

  std::vector<std::string> wanted_namespaces(Snapshot& into) {
    std::vector<std::string> wanted = options_.netns;
    if (!options_.all_named_netns) return wanted;
    auto named = os::list_named_netns(options_.named_netns_folder);
    if (!named) {
      note(into, Collector::netlink, "", "", named.error());
      return wanted;
    }
    for (std::string& name : *named)
      if (std::ranges::find(wanted, name) == wanted.end()) wanted.push_back(std::move(name));
    return wanted;
  }

  std::vector<Device> ask_userspace(Now now, std::vector<Device>& old, Snapshot& into) {
    const Stopwatch stopwatch(into.report(Collector::uapi));
    auto sockets = uapi::list_sockets(options_.uapi_folder);
    if (!sockets) {
      note(into, Collector::uapi, "", "", sockets.error());
      return {};
    }
    std::vector<uapi::Query> queries;
    std::set<std::string> paths;
    for (uapi::SocketFile& socket : *sockets) {
      if (socket.interface.size() > kMaxInterfaceName || !options_.filter.accepts(socket.interface))
        continue;
      paths.insert(socket.path);
      uapi::Query query;
      // Which namespace it belongs to is known only afterwards; the interface's name finds its
      // memory again.
      for (Device& spare : old)
        if (spare.implementation == Implementation::userspace && spare.name == socket.interface) {
          query.device = std::exchange(spare, Device{});
          break;
        }
      query.device.clear();
      query.device.name = socket.interface;
      query.device.implementation = Implementation::userspace;
      query.socket = std::move(socket);
      queries.push_back(std::move(query));
    }
    owners_.keep_only(paths);
    // Half of the time there is: a daemon that hangs must leave the rest of the collection enough.
    const Instant start = os::boot_now();
    uapi::ask_all(queries, now.wall, start + (deadline_ - start) / 2);

    std::vector<Device> answered;
    listeners_.clear();
    for (uapi::Query& query : queries) {
      if (!query.result) {
        note(into, Collector::uapi, "", query.socket.interface, query.result.error());
        continue;
      }
      if (query.left_out > 0)
        note(into, Collector::uapi, "", query.socket.interface,
             Error{Errc::bad_value,
                   fmt::format("read {}: {} of its peers left out, the first because {}",
                               query.socket.path, query.left_out, query.fault)});
      listeners_.push_back({query.socket.path, query.listener});
      answered.push_back(std::move(query.device));
    }
    return answered;
  }

  /// Gives each userspace device to the visit of its namespace, adding visits for namespaces nobody
  /// asked for.
  void assign(std::vector<Device> devices, std::vector<Visit>& visits, Snapshot& into) {
    if (devices.empty()) return;
    const Stopwatch stopwatch(into.report(Collector::uapi));
    names_.begin_collection();
    for (std::size_t i = 0; i < devices.size(); ++i) {
      Device& device = devices[i];
      const auto visit = visit_of(listeners_[i], visits, into.taken.boot);
      if (!visit) {
        show_unplaced(std::move(device), listeners_[i].path, visit.error(), into);
        continue;
      }
      device.netns = visits[*visit].label;
      visits[*visit].userspace.push_back(std::move(device));
    }
  }

  /// @returns the index of the visit to the namespace that the listener's socket belongs to.
  Result<std::size_t> visit_of(const Listener& listener, std::vector<Visit>& visits, Instant now) {
    auto netns = owners_.find(listener.path, listener.pid, now);
    if (!netns) return tl::unexpected(netns.error());
    if (!own_)
      return fail(Errc::io,
                  fmt::format("{}: cannot tell whether it belongs to this network namespace, "
                              "because the namespace could not be opened",
                              listener.path));
    if (netns->id() == own_) return 0U;
    for (std::size_t i = 1; i < visits.size(); ++i) {
      const std::optional<os::Netns>& other = visits[i].netns;
      if (other && other->id() == netns->id()) return i;
    }
    auto label = names_.label_of(*netns);
    if (!label) return tl::unexpected(label.error());
    Visit& visit = visits.emplace_back();
    visit.label = std::move(*label);
    visit.netns = std::move(*netns);
    return visits.size() - 1;
  }

  /// An interface whose namespace is not known. Where that lasts, as for an exporter in a container
  /// that does not see the daemon, its peers are shown, without namespace and link. What another
  /// collection may know is not shown under labels that are not its own.
  void show_unplaced(Device device, const std::string& path, const Error& error, Snapshot& into) {
    const bool lasts = error.code == Errc::no_device || error.code == Errc::access_denied ||
                       error.code == Errc::not_permitted;
    if (!lasts) return note(into, Collector::uapi, "", device.name, error);
    if (!uapi::is_served(path))
      return note(into, Collector::uapi, "", device.name,
                  Error{Errc::refused,
                        fmt::format("{}: its daemon ended while the exporter read it", path)});
    into.report(Collector::links).ran = true;
    note(into, Collector::links, "", device.name, error);
    into.devices.push_back(std::move(device));
  }

  void perform(std::vector<Visit>& visits) {
    Visitor(visits[0], options_.filter, deadline_, buffer_).run();
    if (visits.size() == 1) return;
    std::thread([&] {
      for (Visit& visit : std::span(visits).subspan(1)) {
        if (const auto entered = visit.netns->enter(); !entered)
          leave_out(visit, entered.error());
        else
          Visitor(visit, options_.filter, deadline_, buffer_).run();
        visit.netns.reset();
      }
    }).join();
  }

  /// A namespace that cannot be entered: its kernel interfaces are unknown, its userspace ones lack
  /// their link.
  static void leave_out(Visit& visit, const Error& error) {
    const Collector collector = visit.kernel ? Collector::netlink : Collector::links;
    auto& report = visit.found.collectors[static_cast<std::size_t>(collector)];
    report.ran = true;
    report.success = false;
    const std::string detail = fmt::format("{} ({})", error.context, visit.label);
    if (visit.kernel)
      visit.found.failures.push_back({visit.label, "", failure_reason(error.code), detail});
    for (Device& device : visit.userspace) {
      visit.found.failures.push_back(
          {visit.label, device.name, failure_reason(error.code), detail});
      visit.found.devices.push_back(std::move(device));
    }
  }

  /// @param shown, other  of one name.
  [[nodiscard]] Failure claimed_twice(const Device& shown, const Device& other) const {
    const auto words = [&](const Device& device) {
      if (device.implementation == Implementation::userspace)
        return fmt::format("a userspace implementation (socket {}/{}.sock)", options_.uapi_folder,
                           device.name);
      return device.link ? fmt::format("the kernel (interface index {})", device.link->ifindex)
                         : std::string("the kernel");
    };
    return {
        other.netns, other.name, FailureReason::malformed,
        fmt::format("{} is an interface of {} and one of {}: the exporter shows only the first; "
                    "stop one of them",
                    other.name, words(shown), words(other))};
  }

  void merge(std::vector<Visit> visits, Snapshot& into) const {
    for (Visit& visit : visits) {
      std::ranges::move(visit.found.devices, std::back_inserter(into.devices));
      std::ranges::move(visit.found.failures, std::back_inserter(into.failures));
      for (std::size_t i = 0; i < kCollectorCount; ++i) {
        into.collectors[i].ran |= visit.found.collectors[i].ran;
        into.collectors[i].success &= visit.found.collectors[i].success;
        into.collectors[i].duration += visit.found.collectors[i].duration;
      }
    }
    // Kernel before userspace: of two interfaces that would be one series, the kernel's is
    // the real one.
    std::ranges::sort(into.devices, [](const Device& a, const Device& b) {
      return std::tie(a.netns, a.name, a.implementation) <
             std::tie(b.netns, b.name, b.implementation);
    });
    for (std::size_t i = 1; i < into.devices.size();) {
      if (!same_interface(into.devices[i - 1], into.devices[i])) {
        ++i;
        continue;
      }
      into.failures.push_back(claimed_twice(into.devices[i - 1], into.devices[i]));
      into.devices.erase(into.devices.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }

  CollectOptions options_;
  std::vector<std::byte> buffer_;
  uapi::OwnerFinder owners_;
  NetnsNames names_;
  std::vector<Listener> listeners_;  ///< of the devices ask_userspace returned, in their order
  std::optional<os::NetnsId> own_;   ///< looked up once: threads that collect never leave it
  Instant deadline_;
};

SnapshotSource::SnapshotSource(CollectOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}
SnapshotSource::~SnapshotSource() = default;
SnapshotSource::SnapshotSource(SnapshotSource&&) noexcept = default;
SnapshotSource& SnapshotSource::operator=(SnapshotSource&&) noexcept = default;

void SnapshotSource::collect(Now now, Instant deadline, Snapshot& into) {
  impl_->collect(now, deadline, into);
}

}  // namespace wgscope::source
