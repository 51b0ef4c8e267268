#include "exporter/line_pipe.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <fcntl.h>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "wgscope/base/result.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/os/unique_fd.hpp"

namespace wgscope::exporter {
namespace {

constexpr std::size_t kLongestLine = 256;

}  // namespace

class LinePipe::Reader {
 public:
  Reader(os::UniqueFd pipe, std::function<void(std::string_view line)> take)
      : pipe_(std::move(pipe)), take_(std::move(take)) {}

  Result<> attach(os::PollLoop& loop) {
    auto watch =
        loop.add(pipe_.get(), {.readable = [this] { read(); }, .writable = {}, .error = {}});
    if (!watch) return tl::unexpected(watch.error());
    watch_ = std::move(*watch);
    return {};
  }

 private:
  void read() {
    std::array<char, 512> bytes{};
    const ssize_t size = ::read(pipe_.get(), bytes.data(), bytes.size());
    if (size <= 0) return;  // the loop calls again when there is something
    for (const char c : std::string_view(bytes.data(), static_cast<std::size_t>(size))) {
      if (c != '\n') {
        if (line_.size() <= kLongestLine) line_ += c;
        continue;
      }
      if (line_.size() <= kLongestLine) take_(line_);
      line_.clear();
    }
  }

  os::UniqueFd pipe_;
  std::function<void(std::string_view line)> take_;
  std::string line_;
  os::PollLoop::Watch watch_;
};

Result<LinePipe> LinePipe::open(os::PollLoop& loop, const std::string& path,
                                std::function<void(std::string_view line)> take) {
  if (mkfifo(path.c_str(), 0600) != 0)
    return fail_errno(fmt::format("create the pipe {}", path), errno);
  // For writing as well: else it would be at its end whenever the last writer has gone.
  os::UniqueFd pipe(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!pipe) return fail_errno(fmt::format("open the pipe {}", path), errno);
  auto reader = std::make_unique<Reader>(std::move(pipe), std::move(take));
  if (auto attached = reader->attach(loop); !attached) return tl::unexpected(attached.error());
  return LinePipe(std::move(reader));
}

LinePipe::LinePipe(std::unique_ptr<Reader> reader) : reader_(std::move(reader)) {}
LinePipe::LinePipe(LinePipe&&) noexcept = default;
LinePipe& LinePipe::operator=(LinePipe&&) noexcept = default;
LinePipe::~LinePipe() = default;

}  // namespace wgscope::exporter
