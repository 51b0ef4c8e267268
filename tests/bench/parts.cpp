#include "parts.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <vector>

#include <linux/genetlink.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/snapshot.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/unique_fd.hpp"
#include "wgscope/source/collect.hpp"
#include "wgscope/source/netlink/dump.hpp"
#include "wgscope/source/netlink/wireguard.hpp"

#include "exporter/collection.hpp"
#include "exporter/collectors/collectors.hpp"
#include "exporter/exposition/gzip.hpp"
#include "exporter/exposition/output.hpp"
#include "exporter/exposition/writer.hpp"
#include "measure.hpp"
#include "prometheus_cpp.hpp"
#include "workload.hpp"

namespace wgscope::bench {
namespace {

using exporter::Collection;
using exporter::Collections;
using exporter::Output;

class CountingSink final : public exporter::Sink {
 public:
  bool write(std::span<const char> piece) override {
    bytes += piece.size();
    return true;
  }
  std::size_t bytes = 0;
};

Instant soon() { return os::boot_now() + std::chrono::seconds(60); }

std::shared_ptr<const Collection> collect(Collections& collections) {
  auto collection = collections.get(soon());
  if (!collection) throw std::runtime_error(collection.error().context);
  if ((*collection)->snapshot.devices.empty())
    throw std::runtime_error("the UAPI server was not read");
  return *collection;
}

exporter::CollectorOptions always_fresh(const source::CollectOptions& source) {
  exporter::CollectorOptions options;
  options.source = source;
  options.max_age = Nanoseconds(0);
  return options;
}

void render(const Collection& collection, exporter::Sink& sink) {
  Output output(sink);
  exporter::Writer writer(exporter::Format::text, output);
  write_collection(collection, {}, writer);
  writer.finish();
}

std::size_t gzip(std::string_view text, std::size_t peers) {
  CountingSink sink;
  exporter::GzipSink compressor(sink, peers);
  for (; !text.empty(); text.remove_prefix(std::min(text.size(), Output::kPieceSize)))
    compressor.write(text.substr(0, Output::kPieceSize));
  compressor.finish();
  return sink.bytes;
}

/// What rendering could cost at the least: the text is there and is only put into the piece
/// that is sent.
void copy(std::string_view text, std::span<char> piece) {
  for (; !text.empty(); text.remove_prefix(std::min(text.size(), piece.size())))
    std::memcpy(piece.data(), text.data(), std::min(text.size(), piece.size()));
}

/// Asks and receives as the reader does, without reading.
void receive(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy(path.begin(), path.end(), address.sun_path);
  const os::UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  constexpr std::string_view kRequest = "get=1\n\n";
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      send(fd.get(), kRequest.data(), kRequest.size(), MSG_NOSIGNAL) < 0)
    throw std::runtime_error("the UAPI server does not answer");
  static std::vector<char> buffer(64 * 1024);
  while (recv(fd.get(), buffer.data(), buffer.size(), 0) > 0) {
  }
}

constexpr std::uint16_t kFamily = 28;
constexpr std::uint32_t kSequence = 7;

void decode(const std::vector<std::vector<std::byte>>& datagrams, Device& into) {
  into.peers.clear();
  into.allowed_ips.clear();
  netlink::LeftOut left_out;
  netlink::DumpReader reader(
      kSequence, [&](std::uint16_t, std::span<const std::byte> payload) -> Result<> {
        return netlink::decode_device_message(payload.subspan(sizeof(genlmsghdr)), into, left_out);
      });
  for (const auto& datagram : datagrams)
    if (const auto fed = reader.feed(datagram); !fed) throw std::runtime_error(fed.error().context);
}

}  // namespace

std::string render_once(const source::CollectOptions& source) {
  Collections collections(always_fresh(source), [](const std::string&) {});
  exporter::StringSink sink;
  render(*collect(collections), sink);
  return sink.text;
}

std::size_t count_samples(std::string_view exposition) {
  std::size_t samples = 0;
  while (!exposition.empty()) {
    if (exposition.front() != '#') ++samples;
    exposition.remove_prefix(std::min(exposition.find('\n'), exposition.size() - 1) + 1);
  }
  return samples;
}

Parts measure_parts(const source::CollectOptions& source, const std::string& socket,
                    const Device& device, const std::function<void()>& change,
                    const Effort& effort) {
  source::SnapshotSource reader(source);
  Snapshot snapshot;
  Collections collections(always_fresh(source), [](const std::string&) {});
  Collections others(always_fresh(source), [](const std::string&) {});
  const auto collection = collect(others);
  const std::string text = render_once(source);
  std::vector<char> piece(Output::kPieceSize);
  const auto datagrams = netlink_dump(device, kFamily, kSequence);
  Device decoded;
  Parts parts;

  Rounds rounds;
  rounds.add({[&] { reader.collect(os::now(), soon(), snapshot); }, change});
  rounds.add({[&] { collect(collections); }, change});
  rounds.add({[&] { receive(socket); }, change});
  rounds.add({[&] {
                CountingSink sink;
                render(*collection, sink);
              },
              {}});
  rounds.add({[&] { copy(text, piece); }, {}});
  rounds.add({[&] { parts.gzip_bytes = gzip(text, device.peers.size()); }, {}});
  rounds.add({[&] { parts.zlib6_bytes = gzip_as_exposer(text).size(); }, {}});
  rounds.add({[&] { decode(datagrams, decoded); }, {}});
  const auto results = rounds.run(effort);

  double* const into[] = {&parts.read, &parts.collect, &parts.receive, &parts.render,
                          &parts.copy, &parts.gzip,    &parts.zlib6,   &parts.netlink_decode};
  for (std::size_t i = 0; i < results.size(); ++i) *into[i] = results[i].cpu_ns;
  if (decoded.peers.size() != device.peers.size())
    throw std::runtime_error("peers were lost in decoding");
  parts.text_bytes = text.size();
  parts.samples = count_samples(text);
  for (const auto& datagram : datagrams) parts.netlink_bytes += datagram.size();
  return parts;
}

}  // namespace wgscope::bench
