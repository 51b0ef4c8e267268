#include "probe/commands/journal_files.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <fcntl.h>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>
#include <zlib.h>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/journal/event.hpp"

namespace wgscope::probe {
namespace {

struct CloseGzip {
  void operator()(gzFile file) const { gzclose_r(file); }
};
using GzipFile = std::unique_ptr<gzFile_s, CloseGzip>;

/// Lines of a file, which zlib gives as they are where it is not compressed. A line that is too long
/// for an event is given as its beginning.
class Lines {
 public:
  static Result<Lines> open(const std::string& path) {
    const int fd = path == "-" ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                               : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat status{};
    if (fd < 0) return fail_errno(fmt::format("read {}", printable(path, path.size())), errno);
    GzipFile file(gzdopen(fd, "r"));
    if (!file) {
      ::close(fd);
      return fail(Errc::io, fmt::format("read {}: no memory", printable(path, path.size())));
    }
    if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode))
      return fail_errno(fmt::format("read {}", printable(path, path.size())), EISDIR);
    return Lines(std::move(file));
  }

  /// The next line without its end; nothing at the end of the file. Valid until the next call.
  std::optional<std::string_view> next() {
    line_.clear();
    whole_ = true;
    for (;;) {
      const std::string_view rest(buffer_.data() + used_, filled_ - used_);
      const std::size_t end = rest.find('\n');
      const std::string_view piece = rest.substr(0, end);
      if (line_.size() < journal::kMaxLine)
        line_ += piece.substr(0, journal::kMaxLine - line_.size());
      used_ += piece.size();
      if (end != std::string_view::npos) {
        ++used_;
        return line_;
      }
      if (!fill()) {
        whole_ = false;
        return line_.empty() ? std::nullopt : std::optional<std::string_view>(line_);
      }
    }
  }
  /// Whether the last line had an end.
  [[nodiscard]] bool whole() const { return whole_; }
  /// Why reading ended before the end of the file; empty: it did not.
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  explicit Lines(GzipFile file) : file_(std::move(file)) {}

  bool fill() {
    used_ = filled_ = 0;
    if (!problem_.empty()) return false;
    const int got = gzread(file_.get(), buffer_.data(), static_cast<unsigned>(buffer_.size()));
    int error = Z_OK;
    const char* why = gzerror(file_.get(), &error);
    if (error == Z_BUF_ERROR)
      problem_ = "the compressed file is cut short";
    else if (error == Z_ERRNO)
      problem_ = Error(fail_errno("read", errno).value()).context;
    else if (error != Z_OK)
      problem_ = fmt::format("the compressed file is damaged ({})", why);
    if (got <= 0) return false;
    filled_ = static_cast<std::size_t>(got);
    return true;
  }

  GzipFile file_;
  std::vector<char> buffer_ = std::vector<char>(128UL * 1024);
  std::size_t used_ = 0;
  std::size_t filled_ = 0;
  std::string line_;
  std::string problem_;
  bool whole_ = true;
};

/// Whether the exporter may have written this much of a line when it was killed.
bool may_be_torn(std::string_view line) {
  constexpr std::string_view kBegins = R"({"time":")";
  return line.starts_with(kBegins.substr(0, line.size())) && !line.ends_with('}');
}

/// A journal and its next event.
class Source {
 public:
  static Result<Source> open(const std::string& path, JournalRead& into) {
    auto lines = Lines::open(path);
    if (!lines) return tl::unexpected(lines.error());
    Source made(path == "-" ? "standard input" : printable(path, path.size()), std::move(*lines));
    made.advance(into);
    return made;
  }

  [[nodiscard]] const std::optional<journal::Event>& event() const { return event_; }
  [[nodiscard]] const std::string& name() const { return name_; }

  /// Goes on to the next event. A line that is none and before which nothing of the exporter's life
  /// is missing was torn by a kill: the exporter starts right behind it, or nothing follows. An
  /// exporter that is killed again and again may tear several first lines, one after the other.
  void advance(JournalRead& into) {
    event_.reset();
    std::string unreadable;
    std::uint64_t count = 0;
    bool all_may_be_torn = true;
    while (const auto line = lines_.next()) {
      ++number_;
      if (line->empty()) continue;
      auto parsed = journal::parse_event(*line);
      if (parsed) {
        event_ = std::move(*parsed);
        break;
      }
      ++count;
      all_may_be_torn &= may_be_torn(*line);
      if (unreadable.empty())
        unreadable = fmt::format("{}:{}: {}", name_, number_, parsed.error().context);
    }
    const bool follows = event_ && event_->kind != journal::EventKind::exporter_started;
    const bool torn = count == 1 || (count != 0 && all_may_be_torn);
    if (torn && !follows && (event_ || !lines_.whole())) {
      into.torn += count;
    } else if (count != 0) {
      into.unreadable += count;
      if (into.first_unreadable.empty()) into.first_unreadable = unreadable;
    }
    if (!event_ && !lines_.problem().empty() && !std::exchange(noted_, true))
      into.notes.push_back(fmt::format("{}: {}", name_, lines_.problem()));
  }

 private:
  Source(std::string name, Lines lines) : name_(std::move(name)), lines_(std::move(lines)) {}

  std::string name_;
  Lines lines_;
  std::uint64_t number_ = 0;
  std::optional<journal::Event> event_;
  bool noted_ = false;
};

}  // namespace

Result<JournalRead> read_journals(const std::vector<std::string>& paths,
                                  const std::function<bool(const journal::Event&)>& take) {
  JournalRead read;
  std::vector<Source> sources;
  for (const std::string& path : paths) {
    auto source = Source::open(path, read);
    if (!source) return tl::unexpected(source.error());
    if (source->event())
      sources.push_back(std::move(*source));
    else
      read.notes.push_back(fmt::format("{}: the file has no events", source->name()));
  }
  std::ranges::stable_sort(sources, {}, [](const Source& source) { return source.event()->time; });
  std::optional<WallTime> last;
  for (Source& source : sources) {
    if (last && source.event()->time < *last)
      read.notes.push_back(fmt::format(
          "{}: the file begins before the one before it ends. Give each file once", source.name()));
    for (; source.event(); source.advance(read)) {
      ++read.events;
      last = source.event()->time;
      if (!take(*source.event())) return read;
    }
  }
  return read;
}

}  // namespace wgscope::probe
