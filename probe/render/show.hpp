#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"

#include "probe/options/output_options.hpp"
#include "probe/verbs.hpp"

// Where reports go: standard output, and the files that were asked for.

namespace wgscope::probe {

/// Whether the files can be written where they are to be; asked before anything is sent.
/// @returns access_denied, io, bad_value for a path that is not a regular file or is given twice;
/// the error names the path.
Result<> check_outputs(const OutputOptions& options);

enum class TextForm : std::uint8_t {
  whole,
  changed,   ///< the whole report, after a blank line
  one_line,  ///< one line: when the run began, and its verdict
};

struct Shown {
  Exit exit;                ///< what the program is to end with
  bool on_standard_output;  ///< nothing more can be shown there otherwise
};

/// Shows a report wherever that was asked for. An output that cannot be written is named on
/// standard error. It costs none of the others, but the program ends with unknown: whoever reads
/// that output has another report, or none.
Shown show_report(const diagnosis::Report& report, const OutputOptions& options,
                  TextForm form = TextForm::whole);

/// Shows the reports of a verb that runs again and again. People see what has changed: the whole
/// report when it differs from the one before, otherwise one line with the verdict. Programs get
/// each report, and files always have the last one.
class Watching {
 public:
  /// @param options  outlives this.
  explicit Watching(const OutputOptions& options) : options_(options) {}

  /// @returns as show_report().
  Shown show(const diagnosis::Report& report);

 private:
  /// What makes two reports differ. Times and counts are left out: they differ in each run.
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
