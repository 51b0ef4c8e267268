// The answer to get=1. However the stream is cut into pieces, the outcome is that of the whole.
//
// The end of the input says where to cut: its last byte how often (0 to 7 times), two bytes before
// it for each cut.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/source/uapi/answer.hpp"

#include "fuzz.hpp"
#include "unit/source/describe.hpp"

namespace {

using namespace wgscope;

constexpr WallTime kNow{std::chrono::seconds(1'700'000'100)};

std::string outcome(std::string_view text, const std::vector<std::size_t>& ends) {
  Device device;
  uapi::AnswerReader reader(device, kNow);
  std::size_t used = 0;
  for (const std::size_t end : ends) {
    const auto fed = reader.feed(text.substr(used, end - used));
    if (!fed) {
      WGSCOPE_PROMISE(!fuzz::repeats_a_key(fed.error().context, text));
      return fed.error().context;
    }
    used += *fed;
    WGSCOPE_PROMISE(used <= end);
    WGSCOPE_PROMISE(end - used < uapi::kMaxLineSize);  // what a client must keep
  }
  WGSCOPE_PROMISE((reader.left_out() == 0) || !reader.fault().empty());
  WGSCOPE_PROMISE(!fuzz::repeats_a_key(reader.fault(), text));
  for (const Peer& peer : device.peers)
    WGSCOPE_PROMISE(std::size_t{peer.allowed_ips_first} + peer.allowed_ips_count <=
                    device.allowed_ips.size());
  return (reader.done() ? "done\n" : "unfinished\n") + testing::describe(device);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t cuts = std::min<std::size_t>(data[size - 1] % 8, (size - 1) / 2);
  const std::size_t length = size - 1 - 2 * cuts;
  const std::string_view text = fuzz::as_text(data, length);

  std::vector<std::size_t> ends{length};
  for (std::size_t i = 0; i < cuts; ++i)
    ends.push_back((data[length + 2 * i] | std::size_t{data[length + 2 * i + 1]} << 8U) %
                   (length + 1));
  std::sort(ends.begin(), ends.end());
  WGSCOPE_PROMISE(outcome(text, ends) == outcome(text, {length}));
  return 0;
}
