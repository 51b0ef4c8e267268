#include "memory_scan.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>

#include "wgscope/base/text.hpp"
#include "wgscope/os/unique_fd.hpp"

#include "files.hpp"

namespace wgscope::test {
namespace {

void add_halves(std::vector<Needle>& needles, const std::string& what, std::string_view bytes) {
  const std::size_t half = bytes.size() / 2;
  needles.push_back({what + ", first half", std::string(bytes.substr(0, half))});
  needles.push_back({what + ", second half", std::string(bytes.substr(half))});
}

struct Range {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
};

/// The parts of a mapping that were ever touched. The exporter's threads have hundreds of megabytes
/// of stacks that were not. Source: Documentation/admin-guide/mm/pagemap.rst.
std::vector<Range> touched_parts(int pagemap, Range mapping) {
  constexpr std::uint64_t kPresentOrSwapped = std::uint64_t{3} << 62U;
  const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  std::vector<std::uint64_t> entries((mapping.end - mapping.start) / page);
  const std::size_t size = entries.size() * sizeof entries[0];
  const ssize_t got = pread(pagemap, entries.data(), size,
                            static_cast<off_t>(mapping.start / page * sizeof entries[0]));
  if (got != static_cast<ssize_t>(size)) throw std::runtime_error("cannot read pagemap");
  std::vector<Range> parts;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if ((entries[i] & kPresentOrSwapped) == 0) continue;
    const std::uint64_t start = mapping.start + i * page;
    if (parts.empty() || parts.back().end != start) parts.push_back({start, start});
    parts.back().end += page;
  }
  return parts;
}

std::string read_memory(int memory, Range range) {
  std::string content(range.end - range.start, '\0');
  std::size_t used = 0;
  while (used < content.size()) {
    const ssize_t got = pread(memory, content.data() + used, content.size() - used,
                              static_cast<off_t>(range.start + used));
    if (got <= 0) throw std::runtime_error("cannot read memory that is there");
    used += static_cast<std::size_t>(got);
  }
  return content;
}

}  // namespace

std::vector<Needle> needles_of(const std::string& what, const std::string& key_base64) {
  const auto key = decode_key_base64(key_base64);
  if (!key) throw std::runtime_error(what + " is no key");
  std::string raw;
  std::string hex;
  for (const std::byte byte : *key) {
    raw += static_cast<char>(byte);
    hex += fmt::format("{:02x}", static_cast<unsigned>(byte));
  }
  std::string upper = hex;
  std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return std::toupper(c); });
  std::vector<Needle> needles;
  add_halves(needles, what + ", base64", key_base64.substr(0, 43));
  add_halves(needles, what + ", hex", hex);
  add_halves(needles, what + ", HEX", upper);
  add_halves(needles, what + ", raw", raw);
  return needles;
}

std::vector<std::string> found_in(std::string_view text, const std::vector<Needle>& needles) {
  std::vector<std::string> found;
  for (const Needle& needle : needles)
    if (memmem(text.data(), text.size(), needle.bytes.data(), needle.bytes.size()) != nullptr)
      found.push_back(needle.what);
  return found;
}

std::vector<std::string> found_in_memory(pid_t pid, const std::vector<Needle>& needles) {
  const auto open_proc = [pid](const char* file) {
    return os::UniqueFd(open(fmt::format("/proc/{}/{}", pid, file).c_str(), O_RDONLY | O_CLOEXEC));
  };
  const os::UniqueFd memory = open_proc("mem");
  const os::UniqueFd pagemap = open_proc("pagemap");
  std::istringstream maps(read_file(fmt::format("/proc/{}/maps", pid)));
  std::vector<std::string> found;
  std::size_t scanned = 0;
  for (std::string line; std::getline(maps, line);) {
    Range mapping;
    std::string permissions;
    std::istringstream fields(line);
    char dash = 0;
    fields >> std::hex >> mapping.start >> dash >> mapping.end >> permissions;
    if (!permissions.starts_with("rw")) continue;
    for (const Range part : touched_parts(pagemap.get(), mapping)) {
      const std::string content = read_memory(memory.get(), part);
      scanned += content.size();
      for (const std::string& what : found_in(content, needles))
        found.push_back(what + " in " + line);
    }
  }
  if (scanned == 0) throw std::runtime_error(fmt::format("no memory of process {} was read", pid));
  return found;
}

}  // namespace wgscope::test
