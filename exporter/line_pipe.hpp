#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "wgscope/base/result.hpp"
#include "wgscope/os/poll_loop.hpp"

namespace wgscope::exporter {

/// A named pipe that takes lines, as `echo WORD >PATH` writes them. Only its owner may.
class LinePipe {
 public:
  /// @param path  of the pipe, which is created here; it goes with its directory.
  /// @param take  called by the loop with each line, without its end. One that is longer than 256
  ///              bytes is dropped.
  /// @returns io.
  static Result<LinePipe> open(os::PollLoop& loop, const std::string& path,
                               std::function<void(std::string_view line)> take);
  LinePipe(LinePipe&&) noexcept;
  LinePipe& operator=(LinePipe&&) noexcept;
  LinePipe(const LinePipe&) = delete;
  LinePipe& operator=(const LinePipe&) = delete;
  ~LinePipe();

 private:
  class Reader;
  explicit LinePipe(std::unique_ptr<Reader> reader);
  std::unique_ptr<Reader> reader_;
};

}  // namespace wgscope::exporter
