#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/config/names.hpp"
#include "wgscope/config/wg_quick.hpp"

#include "exporter/file_stamp.hpp"

namespace wgscope::exporter {

struct NamesFile {
  enum class Kind : std::uint8_t {
    wg_quick,  ///< or a .netdev file, or one of its drop-ins
    map,
  };
  std::string path;
  Kind kind = Kind::map;
};

/// How reading the names went, for the `names` collector.
struct NamesReport {
  bool ran = false;  ///< false: no file of names was given
  bool success = true;
  Nanoseconds duration{};
};

/// Peers' names from files, read again when they change. A file that cannot be read keeps the names
/// it gave last; a line that cannot be read costs its own name alone.
class Names {
 public:
  explicit Names(std::vector<NamesFile> files);

  /// Looks at each file and reads those that changed.
  /// @returns a message for each that went bad since the last call, and for each line of it.
  std::vector<std::string> refresh();

  /// The names of all files together, later files over earlier ones; nullptr without any file.
  [[nodiscard]] std::shared_ptr<const config::PeerNames> current() const { return current_; }
  [[nodiscard]] NamesReport report() const { return report_; }

 private:
  struct Watched {
    NamesFile file;
    FileStamp stamp;
    config::PeerNames names;
    std::string problem;   ///< empty while the last reading was good
    std::string lines;     ///< what was wrong with lines of it, as it was said
    bool is_whole = true;  ///< each line that should give a name could be read
    bool looked = false;
  };

  static Result<config::NamesFound> read(const NamesFile& file);
  static void say_lines(Watched& watched, const std::vector<config::Warning>& warnings,
                        std::vector<std::string>& messages);
  void combine();

  std::vector<Watched> files_;
  std::shared_ptr<const config::PeerNames> current_;
  NamesReport report_;
};

}  // namespace wgscope::exporter
