#pragma once

#include <ostream>
#include <vector>

#include "wgscope/diagnosis/report.hpp"

namespace wgscope::test {

/// A report, and what it is an example of.
struct SampleReport {
  const char* name;  ///< of its golden files
  diagnosis::Report report;
  bool redact = false;
  bool verbose = false;

  friend void PrintTo(const SampleReport& sample, std::ostream* out) { *out << sample.name; }
};

/// Reports of every shape that the renderers know.
std::vector<SampleReport> sample_reports();

// Those that tests look into.
diagnosis::Report well_report();     ///< all is well; figures
diagnosis::Report silent_report();   ///< something critical with hypotheses, the rest skipped
diagnosis::Report untold_report();   ///< warnings, and what is unknown
diagnosis::Report hostile_report();  ///< strings that break documents, in every place
diagnosis::Report interrupted_report();

}  // namespace wgscope::test
