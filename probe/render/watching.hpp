#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"

#include "probe/render/report.hpp"
#include "probe/verbs.hpp"

namespace wgscope::probe {

/// Shows the reports of a verb that runs again and again. People are told what has changed: the
/// whole report when it found anything else than before, and otherwise a line that has the verdict.
/// Programs get each report, and files always have the last one.
class Watching {
 public:
  /// @param options  outlives this.
  explicit Watching(const OutputOptions& options) : options_(options) {}

  /// @returns as show_report().
  Exit show(const diagnosis::Report& report);

 private:
  /// What makes a report another one: not times and counts that are different each time.
  struct Seen {
    struct One {
      std::string_view name;
      diagnosis::Text target;
      diagnosis::Status status;
      diagnosis::Text cause;

      friend bool operator==(const One&, const One&) = default;
    };

    diagnosis::Text verdict;
    diagnosis::Text success;
    std::vector<One> checks;

    friend bool operator==(const Seen&, const Seen&) = default;
  };

  const OutputOptions& options_;
  std::optional<Seen> last_;
};

}  // namespace wgscope::probe
