#include "exporter/isolation/image.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/config/names.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/model/snapshot.hpp"

#include "exporter/reading.hpp"

namespace wgscope::exporter {
namespace {

template <class T>
concept Plain = std::is_arithmetic_v<T>;

/// One peer, without padding that would be handed over with whatever it holds.
struct PeerRecord {
  std::array<std::byte, 32> key;
  std::array<std::byte, 16> address;
  std::int64_t handshake_ns;
  std::uint64_t receive_bytes;
  std::uint64_t transmit_bytes;
  std::uint32_t first;
  std::uint32_t count;
  std::uint32_t scope_id;
  std::uint16_t port;
  std::uint16_t keepalive;
  std::uint8_t family;
  std::uint8_t protocol;
  std::uint8_t flags;
  std::uint8_t zero;
  std::uint32_t zeros;
};
static_assert(std::has_unique_object_representations_v<PeerRecord>);

enum PeerFlag : std::uint8_t { kEndpoint = 1, kHandshake = 2, kPreshared = 4, kFromAge = 8 };
constexpr std::uint8_t kAllFlags = kEndpoint | kHandshake | kPreshared | kFromAge;

struct PrefixRecord {
  std::array<std::byte, 16> address;
  std::uint8_t family;
  std::uint8_t bits;
};
static_assert(std::has_unique_object_representations_v<PrefixRecord>);

PeerRecord record_of(const Peer& peer) {
  PeerRecord record{};
  record.key = peer.public_key.bytes;
  record.receive_bytes = peer.receive_bytes;
  record.transmit_bytes = peer.transmit_bytes;
  record.first = peer.allowed_ips_first;
  record.count = peer.allowed_ips_count;
  record.keepalive = peer.persistent_keepalive_seconds;
  record.protocol = peer.protocol_version;
  unsigned flags = 0;
  if (peer.has_preshared_key) flags |= kPreshared;
  if (peer.handshake_from_age) flags |= kFromAge;
  if (peer.last_handshake) {
    flags |= kHandshake;
    record.handshake_ns = peer.last_handshake->since_epoch.count();
  }
  if (peer.endpoint) {
    flags |= kEndpoint;
    record.address = peer.endpoint->address.bytes;
    record.family = static_cast<std::uint8_t>(peer.endpoint->address.family);
    record.scope_id = peer.endpoint->scope_id;
    record.port = peer.endpoint->port;
  }
  record.flags = static_cast<std::uint8_t>(flags);
  return record;
}

PrefixRecord record_of(const Prefix& prefix) {
  return {prefix.address.bytes, static_cast<std::uint8_t>(prefix.address.family), prefix.bits};
}

std::optional<Family> family_of(std::uint8_t value) {
  if (value > static_cast<std::uint8_t>(Family::v6)) return std::nullopt;
  return static_cast<Family>(value);
}

bool read_record(const PeerRecord& record, std::size_t allowed_ips, Peer& into) {
  const auto family = family_of(record.family);
  if (!family || (record.flags & ~kAllFlags) != 0) return false;
  if (record.first > allowed_ips || record.count > allowed_ips - record.first) return false;
  into = {};
  into.public_key.bytes = record.key;
  into.receive_bytes = record.receive_bytes;
  into.transmit_bytes = record.transmit_bytes;
  into.allowed_ips_first = record.first;
  into.allowed_ips_count = record.count;
  into.persistent_keepalive_seconds = record.keepalive;
  into.protocol_version = record.protocol;
  into.has_preshared_key = (record.flags & kPreshared) != 0;
  into.handshake_from_age = (record.flags & kFromAge) != 0;
  if ((record.flags & kHandshake) != 0)
    into.last_handshake = WallTime{Nanoseconds(record.handshake_ns)};
  if ((record.flags & kEndpoint) != 0)
    into.endpoint = Endpoint{{record.address, *family}, record.scope_id, record.port};
  return true;
}

bool read_record(const PrefixRecord& record, Prefix& into) {
  const auto family = family_of(record.family);
  if (!family || record.bits > (*family == Family::v4 ? 32 : 128)) return false;
  into = {{record.address, *family}, record.bits};
  return true;
}

/// Counts what put() below would write.
class Counter {
 public:
  void bytes(const void* /*from*/, std::size_t size) { size_ += size; }
  template <class T, class ToRecord>
  void records(const std::vector<T>& from, ToRecord to_record) {
    size_ += from.size() * sizeof(to_record(from.front()));
  }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  std::size_t size_ = 0;
};

class Writer {
 public:
  explicit Writer(std::span<std::byte> to) : at_(to.data()) {}
  void bytes(const void* from, std::size_t size) {
    if (size != 0) std::memcpy(at_, from, size);
    at_ += size;
  }
  template <class T, class ToRecord>
  void records(const std::vector<T>& from, ToRecord to_record) {
    for (const T& one : from) {
      const auto record = to_record(one);
      bytes(&record, sizeof record);
    }
  }

 private:
  std::byte* at_;
};

template <class Out, Plain T>
void put(Out& out, T value) {
  out.bytes(&value, sizeof value);
}

template <class Out>
void put(Out& out, std::string_view text) {
  put(out, std::uint64_t{text.size()});
  out.bytes(text.data(), text.size());
}

template <class Out>
void put(Out& out, const LinkStats& stats) {
  for (const std::uint64_t number :
       {stats.receive_packets, stats.transmit_packets, stats.receive_bytes, stats.transmit_bytes,
        stats.receive_errors, stats.transmit_errors, stats.receive_dropped, stats.transmit_dropped,
        stats.receive_length_errors, stats.receive_frame_errors})
    put(out, number);
}

template <class Out>
void put(Out& out, const Link& link) {
  put(out, std::string_view(link.name));
  put(out, std::string_view(link.kind));
  put(out, link.ifindex);
  put(out, link.mtu_bytes);
  put(out, link.up);
  put(out, link.stats.has_value());
  if (link.stats) put(out, *link.stats);
}

template <class Out>
void put(Out& out, const Device& device) {
  put(out, std::string_view(device.netns));
  put(out, std::string_view(device.name));
  put(out, static_cast<std::uint8_t>(device.implementation));
  put(out, device.public_key.has_value());
  if (device.public_key) out.bytes(device.public_key->bytes.data(), 32);
  put(out, device.listen_port);
  put(out, device.fwmark);
  put(out, device.link.has_value());
  if (device.link) put(out, *device.link);
  put(out, device.socket_receive_drops.has_value());
  if (device.socket_receive_drops) put(out, *device.socket_receive_drops);
  put(out, std::uint64_t{device.allowed_ips.size()});
  out.records(device.allowed_ips, [](const Prefix& prefix) { return record_of(prefix); });
  put(out, std::uint64_t{device.peers.size()});
  out.records(device.peers, [](const Peer& peer) { return record_of(peer); });
}

template <class Out>
void put(Out& out, const Snapshot& snapshot) {
  put(out, snapshot.taken.boot.since_boot.count());
  put(out, snapshot.taken.wall.since_epoch.count());
  for (const CollectorReport& report : snapshot.collectors) {
    put(out, report.ran);
    put(out, report.success);
    put(out, report.duration.count());
  }
  put(out, std::uint64_t{snapshot.failures.size()});
  for (const Failure& failure : snapshot.failures) {
    put(out, std::string_view(failure.netns));
    put(out, std::string_view(failure.interface));
    put(out, static_cast<std::uint8_t>(failure.reason));
    put(out, std::string_view(failure.detail));
  }
  put(out, std::uint64_t{snapshot.devices.size()});
  for (const Device& device : snapshot.devices) put(out, device);
}

template <class Out>
void put(Out& out, const NamesReading& names, bool with_names) {
  put(out, names.report.ran);
  put(out, names.report.success);
  put(out, names.report.duration.count());
  put(out, std::uint64_t{names.messages.size()});
  for (const std::string& message : names.messages) put(out, std::string_view(message));
  put(out, with_names && names.names != nullptr);
  if (!with_names || names.names == nullptr) return;
  put(out, std::uint64_t{names.names->size()});
  for (const auto& [key, name] : *names.names) {
    out.bytes(key.bytes.data(), key.bytes.size());
    put(out, std::string_view(name));
  }
}

template <class Out>
void put(Out& out, const Image& image) {
  put(out, image.snapshot);
  put(out, image.names, image.with_names);
}

/// Takes values from an image. After the first that is not there or not valid, all are empty.
class Parser {
 public:
  explicit Parser(std::span<const std::byte> from) : rest_(from) {}

  template <class T>
  T plain() {
    static_assert(std::is_trivially_copyable_v<T> && !std::is_same_v<T, bool>);
    T value{};
    const auto from = bytes(sizeof value);
    if (!from.empty()) std::memcpy(&value, from.data(), sizeof value);
    return value;
  }
  bool flag() {
    const auto value = plain<std::uint8_t>();
    if (value > 1) fail_with(Errc::bad_value);
    return value == 1;
  }
  /// A value of an enumeration whose last one is `last`.
  template <class E>
  E one_of(E last) {
    const auto value = plain<std::uint8_t>();
    if (value > static_cast<std::uint8_t>(last)) fail_with(Errc::bad_value);
    return error_ ? E{} : static_cast<E>(value);
  }
  /// A number of things that take at least `each` bytes.
  std::size_t count(std::size_t each) {
    const auto value = plain<std::uint64_t>();
    if (value > rest_.size() / each) fail_with(Errc::truncated);
    return error_ ? 0 : static_cast<std::size_t>(value);
  }
  /// Fills `into` with as many as a number says that stands before them.
  /// @param read  takes one record apart. @returns whether it is valid.
  template <class Record, class T, class Read>
  void records(std::vector<T>& into, Read read) {
    into.resize(count(sizeof(Record)));
    const std::byte* at = bytes(into.size() * sizeof(Record)).data();
    for (T& one : into) {
      Record record{};  // a copy, because the other process may still write there
      std::memcpy(&record, at, sizeof record);
      at += sizeof record;
      if (!read(record, one)) return fail_with(Errc::bad_value);
    }
  }
  void text(std::string& into) {
    const auto from = bytes(count(1));
    into.assign(reinterpret_cast<const char*>(from.data()), from.size());
  }
  Nanoseconds nanoseconds() { return Nanoseconds(plain<std::int64_t>()); }

  void fail_with(Errc code) {
    if (!error_) error_ = code;
    rest_ = {};
  }
  [[nodiscard]] Result<> end() {
    if (!error_ && !rest_.empty()) error_ = Errc::bad_value;
    if (error_)
      return fail(*error_, "the reading process handed over bytes that are not a reading");
    return {};
  }

 private:
  std::span<const std::byte> bytes(std::size_t size) {
    if (size > rest_.size()) {
      fail_with(Errc::truncated);
      return {};
    }
    const auto taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }

  std::span<const std::byte> rest_;
  std::optional<Errc> error_;
};

void get(Parser& from, LinkStats& stats) {
  for (std::uint64_t* number :
       {&stats.receive_packets, &stats.transmit_packets, &stats.receive_bytes,
        &stats.transmit_bytes, &stats.receive_errors, &stats.transmit_errors,
        &stats.receive_dropped, &stats.transmit_dropped, &stats.receive_length_errors,
        &stats.receive_frame_errors})
    *number = from.plain<std::uint64_t>();
}

void get(Parser& from, Link& link) {
  from.text(link.name);
  from.text(link.kind);
  link.ifindex = from.plain<std::uint32_t>();
  link.mtu_bytes = from.plain<std::uint32_t>();
  link.up = from.flag();
  link.stats.reset();
  if (from.flag()) get(from, link.stats.emplace());
}

void get(Parser& from, Device& device) {
  device.clear();
  from.text(device.netns);
  from.text(device.name);
  device.implementation = from.one_of(Implementation::userspace);
  if (from.flag()) device.public_key = PublicKey{from.plain<std::array<std::byte, 32>>()};
  device.listen_port = from.plain<std::uint16_t>();
  device.fwmark = from.plain<std::uint32_t>();
  if (from.flag()) get(from, device.link.emplace());
  if (from.flag()) device.socket_receive_drops = from.plain<std::uint64_t>();
  from.records<PrefixRecord>(device.allowed_ips, [](const PrefixRecord& record, Prefix& prefix) {
    return read_record(record, prefix);
  });
  from.records<PeerRecord>(device.peers, [&](const PeerRecord& record, Peer& peer) {
    return read_record(record, device.allowed_ips.size(), peer);
  });
}

/// Neither can be shorter than its fixed fields; that bounds what a false count makes us take.
constexpr std::size_t kLeastFailure = 3 * sizeof(std::uint64_t) + 1;
constexpr std::size_t kLeastDevice = 4 * sizeof(std::uint64_t) + 10;
constexpr std::size_t kLeastName = 32 + sizeof(std::uint64_t);

void get(Parser& from, Snapshot& snapshot) {
  snapshot.taken.boot.since_boot = from.nanoseconds();
  snapshot.taken.wall.since_epoch = from.nanoseconds();
  for (CollectorReport& report : snapshot.collectors) {
    report.ran = from.flag();
    report.success = from.flag();
    report.duration = from.nanoseconds();
  }
  snapshot.failures.resize(from.count(kLeastFailure));
  for (Failure& failure : snapshot.failures) {
    from.text(failure.netns);
    from.text(failure.interface);
    failure.reason = from.one_of(FailureReason::io);
    from.text(failure.detail);
  }
  snapshot.devices.resize(from.count(kLeastDevice));
  for (Device& device : snapshot.devices) get(from, device);
}

void get(Parser& from, NamesReading& names) {
  names.report.ran = from.flag();
  names.report.success = from.flag();
  names.report.duration = from.nanoseconds();
  names.messages.resize(from.count(sizeof(std::uint64_t)));
  for (std::string& message : names.messages) from.text(message);
  if (!from.flag()) return;
  auto all = std::make_shared<config::PeerNames>();
  const std::size_t count = from.count(kLeastName);
  all->reserve(count);
  std::string name;
  for (std::size_t i = 0; i < count; ++i) {
    const PublicKey key{from.plain<std::array<std::byte, 32>>()};
    from.text(name);
    all->insert_or_assign(key, name);
  }
  names.names = std::move(all);
}

}  // namespace

std::size_t Image::size() const {
  Counter counter;
  put(counter, *this);
  return counter.size();
}

void Image::write(std::span<std::byte> to) const {
  Writer writer(to);
  put(writer, *this);
}

Result<> read_image(std::span<const std::byte> image, Snapshot& into, NamesReading& names) {
  Parser parser(image);
  get(parser, into);
  get(parser, names);
  return parser.end();
}

}  // namespace wgscope::exporter
