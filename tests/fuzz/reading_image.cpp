// What the reading process hands over, as one that was taken over might.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "exporter/isolation/image.hpp"
#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wgscope;
  Snapshot snapshot;
  exporter::NamesReading names;
  if (!exporter::read_image(std::as_bytes(std::span(data, size)), snapshot, names)) return 0;
  for (const Device& device : snapshot.devices)
    for (const Peer& peer : device.peers)
      for (const Prefix& prefix : device.allowed_ips_of(peer))
        WGSCOPE_PROMISE(prefix.bits <= 8 * prefix.address.octets().size());
  // What was read is written the same way, and means the same.
  const exporter::Image image{snapshot, names, names.names != nullptr};
  std::vector<std::byte> bytes(image.size());
  image.write(bytes);
  Snapshot again;
  exporter::NamesReading names_again;
  WGSCOPE_PROMISE(exporter::read_image(bytes, again, names_again).has_value());
  WGSCOPE_PROMISE(again.devices.size() == snapshot.devices.size());
  WGSCOPE_PROMISE(again.failures.size() == snapshot.failures.size());
  WGSCOPE_PROMISE(names_again.messages == names.messages);
  WGSCOPE_PROMISE((names.names == nullptr) == (names_again.names == nullptr));
  if (names.names != nullptr) WGSCOPE_PROMISE(*names.names == *names_again.names);
  return 0;
}
