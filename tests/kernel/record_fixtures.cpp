// Records what the kernel says, byte for byte, for tests without a kernel. Runs in the virtual
// machine: tests/fixtures/netlink/README.md has the command and the file format.
//
// Three things are set to fixed values, so that a recording does not depend on when it was made:
// the sequence number (1) and port (0) of each message, and the time of a handshake. The keys are
// made for this and used nowhere else.

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <span>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/wireguard.h>

#include "wgscope/os/clock.hpp"
#include "wgscope/os/netns.hpp"
#include "wgscope/os/unique_fd.hpp"
#include "wgscope/source/netlink/attributes.hpp"
#include "wgscope/source/netlink/dump.hpp"
#include "wgscope/source/netlink/links.hpp"
#include "wgscope/source/netlink/wireguard.hpp"

#include "files.hpp"
#include "guest.hpp"
#include "wireguard.hpp"

namespace wgscope::test {
namespace {

using Bytes = std::vector<std::byte>;
using netlink::Attribute;
using netlink::AttributeWalk;

constexpr std::uint32_t kSequence = 1;
struct KernelTimespec {
  std::int64_t seconds;
  std::int64_t nanoseconds;
};
constexpr KernelTimespec kHandshake{1'700'000'000, 123'456'789};

const KeyPair kLeft{"4MNcgsMi2dd3aCk876lORCHBaSKpSnRYy3+tfWIaj3I=",
                    "1X5dIY1zM91fglVRIqeX/+LfUiPNG5fwZxgpT2ulvmQ="};
const KeyPair kRight{"oDJti0Zm6agr0l+AVzz0T9N+g7kDNmGNNw4lCPinKWM=",
                     "ltMSS8dSothv4pJP2clve6n74493+o+K4/ToZ4mvMnY="};
constexpr const char* kPreshared = "VWs+FMdVB7OttaElJsR1pk3PrLIElZvfywzc9ve/pnI=";

/// @param payload  a part of `block`.
template <class T>
void overwrite(Bytes& block, std::span<const std::byte> payload, const T& value) {
  if (payload.size() != sizeof value) throw std::runtime_error("an attribute of unexpected size");
  std::memcpy(block.data() + (payload.data() - block.data()), &value, sizeof value);
}

void fix_handshake(Bytes& block, std::span<const std::byte> peer) {
  AttributeWalk walk(peer);
  for (Attribute a; walk.next(a);) {
    KernelTimespec time{};
    if (a.type != WGPEER_A_LAST_HANDSHAKE_TIME || a.payload.size() != sizeof time) continue;
    std::memcpy(&time, a.payload.data(), sizeof time);
    if (time.seconds != 0) overwrite(block, a.payload, kHandshake);
  }
}

void fix_handshakes(Bytes& block, std::span<const std::byte> device) {
  AttributeWalk walk(device);
  for (Attribute a; walk.next(a);) {
    if (a.type != WGDEVICE_A_PEERS) continue;
    AttributeWalk peers(a.payload);
    for (Attribute peer; peers.next(peer);) fix_handshake(block, peer.payload);
  }
}

/// One message header and what it says of the message; the numbers in `block` become
/// the fixed ones.
void fix_numbers(Bytes& block) {
  for (std::size_t at = 0; at + sizeof(nlmsghdr) <= block.size();) {
    nlmsghdr header{};
    std::memcpy(&header, block.data() + at, sizeof header);
    header.nlmsg_seq = kSequence;
    header.nlmsg_pid = 0;
    std::memcpy(block.data() + at, &header, sizeof header);
    const std::size_t payload = at + sizeof header + sizeof(genlmsghdr);
    if (header.nlmsg_type >= NLMSG_MIN_TYPE && header.nlmsg_type != RTM_NEWLINK)
      fix_handshakes(block, std::span(block).subspan(payload, header.nlmsg_len - (payload - at)));
    at += NLMSG_ALIGN(header.nlmsg_len);
  }
}

/// Every block of the kernel's answer, with the fixed numbers.
std::vector<Bytes> ask(int protocol, const netlink::Request& request) {
  const os::UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (send(socket.get(), request.bytes().data(), request.bytes().size(), 0) < 0)
    throw std::system_error(errno, std::generic_category(), "ask the kernel");
  std::vector<Bytes> blocks;
  netlink::DumpReader reader(request.sequence(), [](auto, auto) { return Result<>(); });
  for (bool complete = false; !complete;) {
    Bytes block(netlink::kReceiveBufferSize);
    const ssize_t size = recv(socket.get(), block.data(), block.size(), 0);
    if (size < 0) throw std::system_error(errno, std::generic_category(), "read the answer");
    block.resize(static_cast<std::size_t>(size));
    complete = reader.feed(block).value_or(true);
    fix_numbers(block);
    blocks.push_back(std::move(block));
  }
  if (reader.interrupted()) throw std::runtime_error("the answer was interrupted");
  return blocks;
}

std::vector<Bytes> ask_for_device(std::uint32_t ifindex) {
  Bytes buffer(netlink::kReceiveBufferSize);
  const auto family =
      netlink::resolve_wireguard_family(os::boot_now() + std::chrono::seconds(60), buffer).value();
  netlink::Request request(family, NLM_F_REQUEST | NLM_F_DUMP);
  request.put_generic_header(WG_CMD_GET_DEVICE, WG_GENL_VERSION);
  request.put_u32(WGDEVICE_A_IFINDEX, ifindex);
  return ask(NETLINK_GENERIC, request);
}

std::uint32_t index_of(const std::string& name) {
  Bytes buffer(netlink::kReceiveBufferSize);
  return netlink::find_link(name, os::boot_now() + std::chrono::seconds(60), buffer)
      .value()
      .ifindex;
}

/// Without a filter, as a kernel answers that does not know the kind "wireguard" yet.
std::vector<Bytes> ask_for_links() {
  netlink::Request request(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP);
  const ifinfomsg any{};
  request.put_bytes(std::as_bytes(std::span(&any, 1)));
  return ask(NETLINK_ROUTE, request);
}

class Recorder {
 public:
  explicit Recorder(std::string folder) : folder_(std::move(folder)) {}

  void configurations() const {
    record("small", {.private_key = kLeft.private_key,
                     .listen_port = 51820,
                     .fwmark = 0xca6c,
                     .peers = {{.public_key = made_up_key(1).base64(),
                                .preshared_key = kPreshared,
                                .endpoint = "192.0.2.7:51821",
                                .keepalive = 25,
                                .allowed_ips = {"10.0.0.0/8", "fd00:1::/32", "0.0.0.0/0", "::/0"}},
                               {.public_key = made_up_key(2).base64(),
                                .endpoint = "[2001:db8::7]:65535",
                                .allowed_ips = {"2001:db8:1::1/128", "192.0.2.1/32"}}}});
    record("no_identity", {.peers = {{.public_key = made_up_key(1).base64()}}});
    record("empty", {.private_key = kLeft.private_key, .listen_port = 51820});
    write("no_device", ask_for_device(999'999));
  }

  /// A live peer that the first message has no room for, and more that go on in the next.
  void live() const {
    Tunnel::Peers peers{.more = made_up_prefixes(0, 300)};
    const std::size_t sizes[] = {2, 1500, 0, 900};
    for (std::uint32_t i = 1; i <= std::size(sizes); ++i)
      peers.after.push_back({.public_key = made_up_key(i).base64(),
                             .allowed_ips = made_up_prefixes(i, sizes[i - 1])});
    const Tunnel tunnel(peers, kLeft, kRight);
    if (!tunnel.ping(1)) throw std::runtime_error("the ping went unanswered");
    tunnel.freeze();
    std::thread([&] {
      if (!os::Netns::open(tunnel.left.path()).value().enter()) std::terminate();
      write("continued", ask_for_device(index_of("wg0")));
      write("links", ask_for_links());
    }).join();
  }

 private:
  void record(const std::string& name, const InterfaceConfig& config) const {
    const Interface wg("wg0");
    configure("", "wg0", config);
    write(name, ask_for_device(index_of("wg0")));
  }

  void write(const std::string& name, const std::vector<Bytes>& blocks) const {
    std::string file;
    for (const Bytes& block : blocks) {
      for (unsigned shift = 0; shift < 32; shift += 8)
        file.push_back(static_cast<char>(block.size() >> shift & 0xffU));
      file.append(reinterpret_cast<const char*>(block.data()), block.size());
    }
    write_file(folder_ + "/" + name + ".bin", file);
    std::printf("%s: %zu blocks, %zu bytes\n", name.c_str(), blocks.size(), file.size());
  }

  std::string folder_;
};

}  // namespace
}  // namespace wgscope::test

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: record_fixtures FOLDER (as root, in tests/kernel/vm)\n");
    return 2;
  }
  try {
    const wgscope::test::Recorder recorder(argv[1]);
    recorder.configurations();
    recorder.live();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "record_fixtures: %s\n", error.what());
    return 1;
  }
}
