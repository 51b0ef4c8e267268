#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/config/inventory_file.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/os/file.hpp"

#include "exporter/file_stamp.hpp"

namespace wgscope::exporter {

/// How many findings of each kind there are.
using LintCounts = std::map<diagnosis::FindingId, std::uint64_t>;

/// The files of an inventory, read again when they change.
///
/// A change counts once two looks in a row found the same files, and none of them changed while it
/// was read. So a file that is being written, or a checkout in which some files are new and others
/// old, is not taken before the writer has paused. Writers that rename a whole file over the old
/// one never show a part.
///
/// A file that is broken or cannot be read keeps what it declared last, and the others count as
/// they are. A file that vanished from a directory declares nothing any more; where the directory
/// itself is gone or empty, as while a volume is not mounted, everything stays as it was.
class InventoryFiles {
 public:
  struct Look {
    /// What wgscope lint finds in the files as they are now. Empty: nothing was read.
    LintCounts lint;
    /// Set when the files were read anew, and any of them ever was good: what counts now. Not
    /// complete while a file is broken, because that file may declare more.
    std::optional<config::InventoryRead> read;
    std::string message;  ///< what is wrong now; empty: nothing, or the same as before
  };

  /// @param paths  files, or directories with files of the known endings.
  explicit InventoryFiles(std::vector<std::string> paths) : paths_(std::move(paths)) {}

  /// Looks at the files, and reads them where something changed.
  /// @param at_once  takes what is there now, without a second look, and reads even unchanged files:
  /// at start, and when somebody asks for it.
  Look look(bool at_once);

  /// Whether the last reading found every file whole and without contradictions.
  [[nodiscard]] bool success() const { return success_; }

 private:
  /// One file, as a look found it.
  struct Found {
    std::string file;
    std::optional<FileStamp> stamp;  ///< nothing: it cannot be looked at
    friend bool operator==(const Found&, const Found&) = default;
  };
  struct Listing {
    std::vector<Found> files;
    std::vector<std::string> problems;  ///< of paths
    friend bool operator==(const Listing&, const Listing&) = default;
  };
  struct Texts;

  Listing list();
  std::vector<std::string> files_of(const std::string& path, std::vector<std::string>& problems);
  /// @returns nothing where a file changed meanwhile.
  std::optional<Look> read(const Listing& listing);
  static std::optional<Texts> read_texts(const Listing& listing);
  /// What counts, of texts of which some are broken: those that were good before instead.
  std::optional<config::InventoryRead> with_last_good(const Listing& listing, Texts& texts,
                                                      config::InventoryRead first);
  [[nodiscard]] std::string say(const Texts& texts, const config::InventoryRead& read,
                                const std::vector<std::string>& problems) const;

  std::vector<std::string> paths_;
  std::map<std::string, std::vector<std::string>> known_;  ///< by path: its files, when last listed
  std::optional<Listing> last_look_;
  std::optional<Listing> last_read_;
  /// The text of each file when it was last whole. Whole files hold no secrets.
  std::map<std::string, os::SecretText> good_;
  std::string said_;
  bool success_ = false;
};

}  // namespace wgscope::exporter
